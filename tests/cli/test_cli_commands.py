"""What the commands do when all is well."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pandas as pd
import pytest

import mimesim as package
from mimesim.cli.main import cli
from tests.cli.conftest import Mimesim
from tests.shown import OFTEN_SHOWN, Shown


def commands(command: click.Command = cli, path: str = "mimesim") -> Iterator[tuple[str, click.Command]]:
    yield path, command
    if isinstance(command, click.Group):
        for name, below in command.commands.items():
            yield from commands(below, f"{path} {name}")


def examples() -> list[str]:
    """Every command line that a help text shows."""
    texts = [command.help or "" for _, command in commands()]
    found = [match[1] for text in texts for match in re.finditer(r"^ *(mimesim .*?)(?:   .*)?$", text, re.MULTILINE)]
    return sorted(set(found))


#: Take minutes, PyTorch, the recorded traces, or results of other runs: run elsewhere.
SLOW = re.compile(
    r"mimesim (train|faults|paper|compare vgg16|report|pareto|sweep|trace record|run --mode pipelined vgg16)"
)


def test_what_runs_once_is_shown_here_too() -> None:
    assert set(examples()) >= OFTEN_SHOWN


def test_every_command_explains_itself_with_an_example() -> None:
    for path, command in commands():
        assert command.help, path
        if not isinstance(command, click.Group):
            assert re.search(rf"^ +{path} ", command.help, re.MULTILINE), path
        for parameter in command.params:
            if isinstance(parameter, click.Option):
                assert parameter.help, f"{path} {parameter.name}"


@pytest.mark.parametrize("example", [line for line in examples() if not SLOW.match(line)])
def test_the_examples_of_the_help_texts_work(mimesim: Mimesim, shown: Shown, folder: Path, example: str) -> None:
    program, *arguments = shlex.split(example.split(" > ")[0])
    assert program == "mimesim"
    done = shown.run(example, folder) if example in OFTEN_SHOWN else mimesim(*arguments)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout or "--out" in arguments


def test_run_writes_results_and_says_where(mimesim: Mimesim, folder: Path) -> None:
    done = mimesim("run", "workloads/tiny.yaml")
    assert (done.returncode, done.stderr) == (0, "")
    assert "case-3: MIME" in done.stdout
    assert "out/tiny-pipelined" in done.stdout
    out = folder / "out" / "tiny-pipelined"
    assert {"layers.csv", "accesses.csv", "summary.csv", "run.json"} <= {path.name for path in out.iterdir()}
    summary = pd.read_csv(out / "summary.csv")
    assert list(summary["case"]) == ["case-1", "case-2", "case-3"]
    record = json.loads((out / "run.json").read_text())
    assert record["balanced"] is True
    assert record["measured"]["passes"] == summary["passes"].sum()


def test_options_of_run_decide_what_is_replayed(mimesim: Mimesim, folder: Path) -> None:
    arguments = ["--mode", "singular", "--task", "cifar100", "--images", "2", "--set", "batch_images=2", "--quiet"]
    done = mimesim("run", "tiny", *arguments, "--out", "mine")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    images = pd.read_csv(folder / "mine" / "images.csv")
    assert set(images["task"]) == {"cifar100"}
    assert len(images) == 3 * 2
    record = json.loads((folder / "mine" / "run.json").read_text())
    assert (record["workload"]["batch_images"], record["workload"]["images_per_task"]) == (2, 2)


def test_the_number_of_jobs_changes_no_byte(mimesim: Mimesim, folder: Path) -> None:
    for jobs in ("1", "2"):
        assert mimesim("run", "tiny", "--jobs", jobs, "--out", jobs, "--quiet").returncode == 0
    for path in (folder / "1").glob("*.csv"):
        assert path.read_bytes() == (folder / "2" / path.name).read_bytes()
    first, second = (json.loads((folder / jobs / "run.json").read_text()) for jobs in ("1", "2"))
    del first["measured"], second["measured"]
    assert first == second


def test_config_show_prints_a_workload_that_runs_alike(mimesim: Mimesim, folder: Path) -> None:
    settings = ("--set", "hardware.grid.channels=16", "--set", "cases.case-1.skipping=gate")
    shown = mimesim("config", "show", "tiny", *settings, "--mode", "pipelined")
    assert shown.returncode == 0
    (folder / "again.yaml").write_text(shown.stdout)
    assert mimesim("config", "show", "again.yaml").stdout == shown.stdout
    assert mimesim("run", "again.yaml", "--out", "again", "--quiet").returncode == 0
    assert mimesim("run", "tiny", *settings, "--out", "first", "--quiet").returncode == 0
    assert (folder / "again" / "layers.csv").read_bytes() == (folder / "first" / "layers.csv").read_bytes()


def test_version_and_bare_command(mimesim: Mimesim) -> None:
    assert mimesim("--version").stdout == f"mimesim {package.__version__}\n"
    bare = mimesim()
    assert bare.returncode == 2
    assert bare.stdout == mimesim("--help").stdout


def test_drawing_again_gives_the_shipped_traces(mimesim: Mimesim) -> None:
    for scheme in ("conventional", "mime"):
        arguments = ["--network", "tiny", "--size", "16", "--scheme", scheme, "--images", "3"]
        assert mimesim("trace", "draw", scheme, *arguments).returncode == 0
        # Not the bytes of the .npz, which depend on the version of zlib.
        shown = mimesim("trace", "show", scheme).stdout.splitlines()
        shipped = mimesim("trace", "show", f"traces/tiny/{scheme}").stdout.splitlines()
        assert shown[2:] == shipped[2:]
