"""``mimesim sweep`` and ``pareto`` as a user starts them: killed and resumed, on a cluster, picked and drawn."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from importlib.util import find_spec
from pathlib import Path

import pandas as pd
import pytest

from mimesim.errors import InputError
from mimesim.sweeps import Store, on_cluster, run_sweep
from mimesim.sweeps.points import Job
from mimesim.sweeps.replays import Outcome
from tests.cli.conftest import Mimesim
from tests.sweeps.made import described, made, write

KEYS = ("hardware.dram.channels", "hardware.grid.channels")


@pytest.fixture
def sweep(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A sweep of six points on two cases."""
    monkeypatch.setenv("MIMESIM_CACHE", str(folder / "cache"))
    grid = {KEYS[0]: [1, 2, 4], KEYS[1]: [16, 64]}
    return write(folder, described({"grid": grid}, cases=["case-2", "case-3"]))


def test_a_sweep_and_its_front(mimesim: Mimesim, sweep: Path, folder: Path) -> None:
    pytest.importorskip("matplotlib")
    done = mimesim("sweep", sweep.name, "--jobs", "2")
    assert (done.returncode, done.stderr) == (0, "")
    assert "of 12 rows are on the front" in done.stdout
    assert "12 rows: 12 replayed, 0 known from before, 0 failed; results in out/s-sweep" in done.stdout
    out = folder / "out" / "s-sweep"
    first = (out / "results.csv").read_bytes()
    assert sorted(path.name for path in out.iterdir()) == ["errors.csv", "results.csv", "run.json"]
    assert mimesim("sweep", sweep.name, "--jobs", "1", "--cache", "off", "--points", "p", "--quiet").stdout == ""
    assert (out / "results.csv").read_bytes() == first
    assert len(list((folder / "cache").glob("counts/*/*.npz"))) > 0

    picked = mimesim("pareto", "out/s-sweep", "--minimise", "cycles", "--minimise", "storage", "--csv", "front.csv",
                     "--plot", "front.png")  # fmt: skip
    assert (picked.returncode, picked.stderr) == (0, "")
    table, best = pd.read_csv(out / "results.csv"), pd.read_csv("front.csv")
    assert best.columns.tolist() == table.columns.tolist()
    costs = table[["cycles_per_image", "bytes_stored"]].to_numpy()
    beaten = [any((o <= c).all() and (o < c).any() for o in costs) for c in costs]
    assert sorted(best.configuration) == sorted(table.configuration[[not lost for lost in beaten]])
    assert (folder / "front.png").read_bytes().startswith(b"\x89PNG")
    wrong = mimesim("pareto", "out/s-sweep", "--minimise", "cycels")
    assert (wrong.returncode, wrong.stderr.count("\n")) == (2, 1)
    assert "--minimise: 'cycels': there is no such column of numbers; did you mean 'cycles'?" in wrong.stderr
    wrong = mimesim("pareto", "out/s-sweep", "--case", "case-1")
    assert wrong.stderr == "error: --case: 'case-1': no row has it; did you mean 'case-3'?\n"
    assert mimesim("pareto", "traces").stderr.startswith("error: traces/run.json: cannot be read")


def test_killed_it_goes_on(mimesim: Mimesim, sweep: Path, folder: Path) -> None:
    whole = mimesim("sweep", sweep.name, "--out", "whole", "--points", "all", "--quiet", "--jobs", "1")
    assert whole.returncode == 0
    results = folder / "out" / "s-sweep" / "results.csv"
    for _ in range(2):
        command = [sys.executable, "-m", "mimesim", "sweep", sweep.name, "--jobs", "1"]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        before = results.read_text().count("\n") if results.exists() else 1
        deadline = time.monotonic() + 120
        while process.poll() is None and time.monotonic() < deadline:
            if results.exists() and results.read_text().count("\n") > before:
                break
            time.sleep(0.01)
        process.kill()
        process.wait()
    kept = len(list((folder / "out" / "points").glob("*/*.json")))
    assert kept >= 2
    done = mimesim("sweep", sweep.name)
    assert f"12 rows: {12 - kept} replayed, {kept} known from before, 0 failed" in done.stdout
    assert results.read_bytes() == (folder / "whole" / "results.csv").read_bytes()


def test_ctrl_c_says_that_it_can_go_on(sweep: Path, folder: Path) -> None:
    command = [sys.executable, "-m", "mimesim", "sweep", sweep.name, "--jobs", "1"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    while process.poll() is None and not list((folder / "out").glob("points/*/*.json")):
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, printed = process.communicate(timeout=60)
    assert process.returncode == 130
    told = ["what was replayed is kept in out/points; the same command goes on", "interrupted"]
    assert [line for line in printed.splitlines() if line] == told


def test_points_that_fail_are_told_at_the_end(mimesim: Mimesim, folder: Path) -> None:
    path = write(folder, described({"list": [{}, {"hardware.caches.weights_kib": 0.1}]}))
    done = mimesim("sweep", path.name, "--jobs", "1")
    assert done.returncode == 1
    assert done.stderr.startswith("error: 1 of 2 rows failed, the first: sweep.yaml:")
    assert done.stderr.count("\n") == 1
    assert "2 rows: 1 replayed, 0 known from before, 1 failed" in done.stdout


@pytest.fixture
def cluster(folder: Path) -> Iterator[tuple[str, list[subprocess.Popen[bytes]]]]:
    """A scheduler and two workers of Dask, started by their commands."""
    if find_spec("distributed") is None:
        pytest.skip("DASK IS NOT TESTED: distributed is not installed (pip install 'mimesim[cluster]')")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address, dask = f"tcp://127.0.0.1:{port}", [sys.executable, "-m", "dask"]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    commands = [[*dask, "scheduler", "--host", "127.0.0.1", "--port", str(port), "--no-dashboard"]]
    worker = [*dask, "worker", address, "--nthreads", "1", "--no-nanny", "--no-dashboard", "--death-timeout", "60"]
    commands += [[*worker, "--name", name, "--local-directory", str(folder / name)] for name in ("one", "two")]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    running = [subprocess.Popen(command, env=environment, **quiet) for command in commands]  # type: ignore[call-overload]
    try:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        yield address, running[1:]
    finally:
        for process in running:
            process.kill()
            process.wait()


def wait_for(process: subprocess.Popen[bytes], folder: Path) -> None:
    """Wait until a replay is kept in *folder*, or the process is over."""
    while process.poll() is None and not list(folder.glob("*/*.json")):
        time.sleep(0.01)


@pytest.mark.slow
def test_a_cluster_that_loses_a_worker_finds_the_same(
    mimesim: Mimesim, sweep: Path, folder: Path, cluster: tuple[str, list[subprocess.Popen[bytes]]]
) -> None:
    address, workers = cluster
    command = [sys.executable, "-m", "mimesim", "sweep", sweep.name, "--scheduler", address, "--quiet"]
    with subprocess.Popen([*command, "--points", "far", "--out", "far-out"], stderr=subprocess.PIPE) as process:
        wait_for(process, folder / "far")
        workers[0].kill()
        assert process.stderr
        assert process.stderr.read() == b""
    assert process.returncode == 0
    assert mimesim("sweep", sweep.name, "--quiet", "--jobs", "1").returncode == 0
    near = folder / "out" / "s-sweep" / "results.csv"
    assert (folder / "far-out" / "results.csv").read_bytes() == near.read_bytes()


@pytest.mark.slow
def test_a_cluster_gets_more_as_it_gets_done(
    folder: Path, cluster: tuple[str, list[subprocess.Popen[bytes]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mimesim.sweeps.executors._IN_FLIGHT", 2)
    read: list[int] = []
    with on_cluster(cluster[0], None) as executor:

        def watched(jobs: Iterable[Job]) -> Iterator[tuple[Job, Outcome]]:
            sent = 0

            def counted() -> Iterator[Job]:
                nonlocal sent
                for job in jobs:
                    sent += 1
                    yield job

            for done, pair in enumerate(executor(counted())):
                read.append(sent - done)
                yield pair

        tally, rows = run_sweep(made(folder), folder / "out", Store(folder / "points"), watched)
    assert (tally.replayed, tally.failed, len(rows)) == (4, 0, 4)
    assert read == [2, 2, 2, 1]


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="finds the worker in /proc")
def test_a_worker_that_dies_loses_nothing(sweep: Path, folder: Path) -> None:
    command = [sys.executable, "-m", "mimesim", "sweep", sweep.name, "--jobs", "1", "--quiet"]
    with subprocess.Popen(command, stderr=subprocess.PIPE) as process:
        wait_for(process, folder / "out" / "points")
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        workers = [child for child in children if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes()]
        assert workers
        for worker in workers:
            os.kill(int(worker), signal.SIGKILL)
        assert process.stderr
        assert process.stderr.read() == b""
    assert process.returncode == 0
    assert len(pd.read_csv(folder / "out" / "s-sweep" / "results.csv")) == 12


def test_no_scheduler_is_one_error(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("distributed")
    monkeypatch.setattr("mimesim.sweeps.executors._PATIENCE", "1s")
    with (
        pytest.raises(InputError, match=r"^--scheduler: 'tcp://127\.0\.0\.1:1': no Dask scheduler answers there"),
        on_cluster("tcp://127.0.0.1:1", None),
    ):
        pass
