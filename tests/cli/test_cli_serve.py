"""``mimesim serve``: what it writes and prints, and what is left of it when it ends early."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from importlib import import_module
from pathlib import Path

import pandas as pd
import pytest

from mimesim.serving import POLICIES
from mimesim.serving.request_log import COLUMNS
from tests.cli.conftest import Mimesim

SMALL = ("--images", "1", "--requests", "300", "--case", "case-2", "--case", "case-3")


def test_it_writes_tables_and_prints_a_summary(mimesim: Mimesim, folder: Path) -> None:
    done = mimesim("serve", "tiny", *SMALL, "--out", "served")
    assert (done.returncode, done.stderr) == (0, "")
    assert "95 % latency: shared weights (case-3" in done.stdout
    assert "results in served: serving.csv, batches.csv, crossover.csv, run.json" in done.stdout
    assert sorted(path.name for path in (folder / "served").iterdir()) == [
        *("batches.csv", "crossover.csv", "run.json", "serving.csv"),
    ]
    serving = pd.read_csv(folder / "served" / "serving.csv")
    assert len(serving) == 2 * 3 * 4
    first = {path.name: path.read_bytes() for path in (folder / "served").glob("*.csv")}
    assert mimesim("serve", "tiny", *SMALL, "--out", "served", "--quiet").stdout == ""
    assert {path.name: path.read_bytes() for path in (folder / "served").glob("*.csv")} == first


def test_every_request_can_be_written(mimesim: Mimesim, folder: Path) -> None:
    arguments = ("serve", "tiny", *SMALL, "--load", "3", "--queue", "20", "--requests-csv", "requests.csv", "--quiet")
    assert mimesim(*arguments).returncode == 0
    rows = pd.read_csv(folder / "requests.csv")
    assert tuple(rows.columns) == COLUMNS
    serving = pd.read_csv(folder / "out" / "tiny-serve" / "serving.csv")
    key = ["case", "policy", "task"]
    for status in ("served", "rejected"):
        counted = rows[rows.status == status].groupby(key).size()
        expected = serving[serving.task != "all"].set_index(key)[status]
        assert counted.reindex(expected.index).fillna(0).tolist() == expected.tolist()
    served = rows[rows.status == "served"]
    assert (served.latency_ms - (served.end_ms - served.arrival_ms)).abs().max() < 1e-9
    assert (served.groupby(["case", "policy", "batch"]).size() <= 3).all()
    before = (folder / "requests.csv").read_bytes()
    assert mimesim(*arguments).returncode == 0
    assert (folder / "requests.csv").read_bytes() == before
    (folder / "requests.csv").write_text("mine\n")
    refused = mimesim(*arguments)
    assert refused.returncode == 2
    assert refused.stderr.startswith("error: requests.csv: exists and is no file of requests of mimesim's")
    assert (folder / "requests.csv").read_text() == "mine\n"


def test_a_sweep_says_who_wins_where_and_draws_it(mimesim: Mimesim, folder: Path) -> None:
    pytest.importorskip("matplotlib")
    arguments = ("serve", "tiny", *SMALL, "--load", "0.5,1", "--shares", "0.5,1", "--policy", "grouped")
    done = mimesim(*arguments, "--plot", "who.png", "--out", "swept")
    assert (done.returncode, done.stderr) == (0, "")
    assert "throughput: how many times better shared weights are" in done.stdout
    crossover = pd.read_csv(folder / "swept" / "crossover.csv")
    assert crossover.groupby("metric").size().to_dict() == {
        "latency_p95_ms": 4,
        "energy_per_request": 4,
        "throughput_per_s": 4,
    }
    picture = (folder / "who.png").read_bytes()
    assert picture.startswith(b"\x89PNG")
    assert mimesim(*arguments, "--plot", "who.png", "--out", "swept").returncode == 0
    assert (folder / "who.png").read_bytes() == picture


def test_warm_caches_and_bursts_are_told(mimesim: Mimesim, folder: Path) -> None:
    done = mimesim("serve", "tiny", *SMALL, "--caches", "warm", "--arrivals", "bursty", "--seed", "3")
    assert (done.returncode, done.stderr) == (0, "")
    assert "tiny, bursty, 30565.5 requests/s, load 0.8, mix 0.333/0.333/0.333, warm caches" in done.stdout
    document = json.loads((folder / "out" / "tiny-serve" / "run.json").read_text())
    assert document["streams"][0]["factor"] == 5.0
    assert document["streams"][0]["seed"] == 3


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("--rate 0", "--rate: 0.0: must be a number of requests per second, more than 0"),
        ("--mix cifar10=0.5", "--mix: 'cifar10=0.5': the shares must sum to 1, these sum to 0.5"),
        ("--policy lifo", "Invalid value for '--policy': 'lifo' is not one of 'fifo', 'grouped', 'deadline'"),
        ("--arrivals day.csv", "day.csv:3: arrival_s = 'nan': must be a number, not negative"),
        ("--arrivals none.csv", "none.csv: there is no such file; --arrivals is poisson, bursty or a CSV file"),
        ("--images 9", "tiny.yaml: images_per_task = 9: must be at most 3"),
        ("--plot who.bmp", "--plot: 'who.bmp': must end in .png, .svg, .pdf"),
        ("--plot day.csv/who.png", "--plot: 'day.csv/who.png': must be a file in a folder"),
        ("--requests-csv day.csv/r.csv", "day.csv/r.csv: cannot be written: "),
        ("--requests-csv day.csv", "day.csv: exists and is no file of requests of mimesim's: choose another name"),
        ("--out taken", "taken: holds 'diary.txt' and no run.json of mimesim's"),
        ("--set hardware.caches.activations_kib=0.1", "--set hardware.caches.activations_kib=0.1: hardware.caches."),
    ],
)
def test_bad_input_is_one_line(mimesim_here: Mimesim, folder: Path, options: str, message: str) -> None:
    (folder / "taken").mkdir()
    (folder / "taken" / "diary.txt").write_text("dear diary")
    (folder / "day.csv").write_text("arrival_s,task\n1,cifar10\nnan,cifar10\n")
    done = mimesim_here("serve", "tiny", *options.split())
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert message in done.stderr
    assert not (folder / "out").exists()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a full disk")
def test_a_full_disk_is_one_line(mimesim: Mimesim, folder: Path) -> None:
    (folder / "requests.csv").symlink_to("/dev/full")
    done = mimesim("serve", "tiny", *SMALL, "--requests-csv", "requests.csv")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "error: requests.csv: cannot be written: No space left on device\n"
    assert not (folder / "out").exists()


def test_ctrl_c_leaves_the_requests_that_were_served(folder: Path) -> None:
    command = [sys.executable, "-m", "mimesim", "serve", "tiny", "--requests", "100000000", "--images", "1"]
    process = subprocess.Popen(
        [*command, "--requests-csv", "requests.csv"], cwd=folder, text=True, stderr=subprocess.PIPE, env=os.environ
    )
    path = folder / "requests.csv"
    until = time.monotonic() + 60
    while not (path.exists() and path.stat().st_size > 100_000) and time.monotonic() < until:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert (process.returncode, errors.strip()) == (130, "interrupted")
    rows = pd.read_csv(path)
    assert (rows.status == "served").all()
    assert len(rows) > 500
    assert path.read_bytes().endswith(b"\n")
    assert not (folder / "out").exists()


def test_the_command_knows_every_policy() -> None:
    module = import_module("mimesim.cli.serve")
    assert tuple(POLICIES) == module._POLICIES
