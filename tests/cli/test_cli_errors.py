"""Whatever a user does wrong ends in one line on stderr, status 2, and nothing written."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.cli.conftest import Mimesim

ERRORS = [
    ("run tini", "tini: there is no shipped workload of this name, nor such a file; did you mean 'tiny'?"),
    ("run none.yaml", "none.yaml: there is no such file"),
    ("run tiny --mode both", "Invalid value for '--mode': 'both' is not one of 'singular', 'pipelined'"),
    ("run tiny --jobs two", "Invalid value for '--jobs': 'two' is not a valid integer"),
    ("run tiny --jobs 0", "run: jobs = 0: must be at least 1"),
    ("run tiny --images 0", "--images 0: images_per_task = 0: must be at least 1"),
    ("run tiny --images 9", "--images 9: images_per_task = 9: must be at most 3: trace 'conventional' ("),
    ("run tiny --task cifra10", "run: task = 'cifra10': the workload has no such task; did you mean 'cifar10'?"),
    ("run tiny --timeline t --timeline-cycles 1-2", "--timeline-cycles: '1-2': must be FROM:TO"),
    ("run tiny --timeline t --timeline-cycles 5:2", "timeline: cycles: must be two cycles FROM:TO"),
    (
        "run tiny --timeline t --timeline-layer conv9",
        "timeline: layer = 'conv9': case 'case-1' has no such layer; did",
    ),
    (
        "run tiny --timeline t --timeline-case case1",
        "timeline: case = 'case1': must be a case: case-1, case-2, case-3",
    ),
    ("run tiny --set tasks=[]", "--set tasks=[]: tasks: must have at least 1 entry"),
    (
        "run tiny --set hardware.drm.banks=4",
        "--set hardware.drm.banks=4: hardware.drm: unknown key; did you mean 'dram'?",
    ),
    ("run tiny --set traces.mime=nowhere", "{workloads}/nowhere: there is no such directory; a trace is a directory"),
    (
        "run tiny --set hardware.scratchpad.bytes=64",
        "--set hardware.scratchpad.bytes=64: hardware.scratchpad.bytes = 64:",
    ),
    (
        "run tiny --set hardware.caches.activations_kib=0.1",
        "--set hardware.caches.activations_kib=0.1: hardware.caches.",
    ),
    ("run tiny --out taken", "taken: holds 'diary.txt' and no run.json of mimesim's: choose an empty or a new folder"),
    ("run tiny --out taken/diary.txt", "taken/diary.txt: exists and is not a folder"),
    ("run tiny --out taken/diary.txt/x", "taken/diary.txt/x: "),
    ("run", "Missing argument 'WORKLOAD' (see 'mimesim run --help')"),
    ("run tiny --fast", "No such option"),
    ("runn tiny", "No such command 'runn'"),
    (
        "config show tiny --set batch_images=many",
        "--set batch_images=many: batch_images = 'many': must be a whole number",
    ),
    (
        "config show tiny --set cases.0.options.x=1",
        "--set cases.0.options.x=1: cases.0.options.x: scheme 'conventional'",
    ),
    (
        "config show tiny --mode pipelined --set images_per_task=9",
        "--mode pipelined: images_per_task = 9: must be at most",
    ),
    ("trace show nowhere", "nowhere: there is no such directory; a trace is a directory with a manifest.json"),
    ("trace draw taken", "taken: is not empty and not just a trace"),
    ("trace draw new --network lenet", "network: name = 'lenet': no such network; known are tiny, vgg16"),
    ("trace draw new --size 65", "network vgg16: size = 65: must be a multiple of 32"),
    ("trace draw new --images 0 --network tiny", "drawing a trace: images = 0: must be at least 1"),
    (
        "trace draw new --task cifar --network tiny",
        "mime_sparsity.csv: task = 'cifar': the table has no such task",
    ),
    ("train nowhere.yaml", ""),
    ("faults tiny", "Missing option '--case' (see 'mimesim faults --help')"),
    (
        "faults tiny --case case-3",
        "--checkpoint: is needed: a trace says which neurons were zero, not by how much, so what a flipped bit changes",
    ),
    (
        "faults tiny --case case-3 --checkpoint taken --rate often",
        "Invalid value for '--rate': 'often' is not a list of numbers such as 1e-7,1e-6",
    ),
    (
        "faults tiny --case case-3 --checkpoint taken --in air",
        "Invalid value for '--in': 'air' is not one of 'dram', 'cache', 'scratchpad'",
    ),
]


def tree(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


@pytest.mark.parametrize(("command", "message"), ERRORS, ids=[command for command, _ in ERRORS])
def test_a_mistake_gives_one_line_and_leaves_nothing(
    mimesim_here: Mimesim, folder: Path, command: str, message: str
) -> None:
    (folder / "taken").mkdir()
    (folder / "taken" / "diary.txt").write_text("dear diary")
    before = tree(folder)
    done = mimesim_here(*command.split())
    workloads = Path(__file__).resolve().parents[2] / "workloads"
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("error: " + message.format(workloads=workloads))
    assert done.stderr.count("\n") == 1
    assert tree(folder) == before


def test_results_of_an_earlier_run_survive_an_error(mimesim: Mimesim, folder: Path) -> None:
    assert mimesim("run", "tiny", "--quiet").returncode == 0
    out = folder / "out" / "tiny-pipelined"
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    assert mimesim("run", "tiny", "--set", "hardware.scratchpad.bytes=64").returncode == 2
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before
    assert mimesim("run", "tiny", "--quiet").returncode == 0


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_is_not_writable_is_refused(mimesim: Mimesim, folder: Path) -> None:
    (folder / "locked").mkdir(mode=0o500)
    done = mimesim("run", "tiny", "--out", "locked/out")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "is not writable" in done.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_behind_stdout_is_one_line(folder: Path) -> None:
    with Path("/dev/full").open("w") as full:
        command = [sys.executable, "-m", "mimesim", "config", "show", "tiny"]
        done = subprocess.run(command, cwd=folder, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert (done.returncode, done.stderr) == (2, "error: No space left on device\n")


def test_a_reader_that_has_seen_enough_gets_no_complaint(folder: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-m", "mimesim", "config", "show", "tiny"]
    done = subprocess.run(command, cwd=folder, stdout=writer, stderr=subprocess.PIPE, text=True, check=False)
    os.close(writer)
    # click says 1, we 141, depending on who notices first.
    assert done.returncode in (1, 141)
    assert done.stderr == ""


@pytest.mark.parametrize(("jobs", "delay"), [("1", 3.0), ("2", 1.0), ("2", 1.5), ("2", 4.0)])
def test_ctrl_c_ends_with_130_and_leaves_nothing(mimesim: Mimesim, folder: Path, jobs: str, delay: float) -> None:
    """Ctrl-C reaches the whole foreground group: the command and the processes that it started."""
    for scheme in ("conventional", "mime"):
        options = ["--network", "tiny", "--size", "64", "--scheme", scheme, "--images", "30"]
        assert mimesim("trace", "draw", f"big/{scheme}", *options).returncode == 0
    before = tree(folder)
    traces = [f"--set=traces.{scheme}={folder / 'big' / scheme}" for scheme in ("conventional", "mime")]
    roomy = "--set=hardware.caches.activations_kib=208"
    options = ["--mode", "singular", "--images", "30", "--jobs", jobs, roomy, *traces]
    command = [sys.executable, "-m", "mimesim", "run", "tiny", *options]
    run = subprocess.Popen(
        command, cwd=folder, start_new_session=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    time.sleep(delay)
    assert run.poll() is None, run.communicate()
    os.killpg(run.pid, signal.SIGINT)
    stdout, stderr = run.communicate(timeout=20)
    assert (run.returncode, stdout, stderr.strip()) == (130, "", "interrupted")
    assert tree(folder) == before
    assert gone(run.pid), "a process of the group outlives the command"


def gone(group: int) -> bool:
    """Wait for the last process of a group; multiprocessing's own helper takes a moment to notice."""
    for _ in range(100):
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.1)
    return False
