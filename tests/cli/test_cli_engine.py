"""``--engine``: the same bytes, whoever replays."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mimesim.cli.main import cli
from mimesim.engine import ENGINES
from tests.cli.conftest import Mimesim

pytest.importorskip("numba", reason="THE COMPILED ENGINE IS NOT TESTED: numba is not installed")


@pytest.mark.parametrize("workload", ["tiny", "memti"])
def test_both_engines_write_the_same(mimesim: Mimesim, folder: Path, workload: str) -> None:
    documents = {}
    for engine in ("simpy", "compiled"):
        done = mimesim("run", workload, "--quiet", "--jobs", "1", "--engine", engine, "--out", engine)
        assert done.returncode == 0, done.stderr
        documents[engine] = json.loads((folder / engine / "run.json").read_text())
    measured = {engine: document.pop("measured") for engine, document in documents.items()}
    for engine, cases in measured.items():
        assert {case["engine"] for case in cases["cases"].values()} == {engine}
    assert documents["compiled"] == documents["simpy"]
    tables = sorted((folder / "simpy").glob("*.csv"))
    assert tables
    for table in tables:
        assert (folder / "compiled" / table.name).read_bytes() == table.read_bytes()


def test_the_compiled_engine_records_nothing(mimesim: Mimesim, folder: Path) -> None:
    arguments = ("run", "tiny", "--jobs", "1", "--quiet", "--dram-trace", "requests")
    refused = mimesim(*arguments, "--engine", "compiled")
    assert refused.returncode == 2
    assert "records no DRAM requests: simpy does" in refused.stderr
    taken = mimesim(*arguments, "--engine", "auto")
    assert taken.returncode == 0, taken.stderr
    assert list((folder / "requests").iterdir())


@pytest.mark.parametrize(
    ("arguments", "tables"),
    [
        (("serve", "tiny", "--images", "1", "--requests", "200", "--caches", "warm", "--jobs", "2"), 3),
        (("serve", "tiny", "--images", "1", "--requests", "200", "--requests-csv", "out-{}/requests"), 3),
        (("compare", "tiny", "--images", "1", "--jobs", "1"), 2),
    ],
)
def test_other_commands_write_the_same(
    arguments: tuple[str, ...], tables: int, mimesim_here: Mimesim, folder: Path
) -> None:
    documents = {}
    for engine in ("simpy", "compiled"):
        (folder / f"out-{engine}").mkdir()
        given = [argument.format(engine) for argument in arguments]
        done = mimesim_here(*given, "--quiet", "--engine", engine, "--out", engine)
        assert done.returncode == 0, done.stderr
        documents[engine] = json.loads((folder / engine / "run.json").read_text())
    measured = {engine: document.pop("measured") for engine, document in documents.items()}
    for engine, cases in measured.items():
        assert {name: case["engine"] for name, case in cases["cases"].items()} == {
            f"case-{number}": engine for number in (1, 2, 3)
        }
    assert documents["compiled"] == documents["simpy"]
    found = [path.relative_to(folder / "simpy") for path in sorted((folder / "simpy").rglob("*.csv"))]
    assert len([path for path in found if len(path.parts) == 1]) == tables
    for path in found:
        assert (folder / "compiled" / path).read_bytes() == (folder / "simpy" / path).read_bytes()
    for path in (folder / "out-simpy").iterdir():
        assert (folder / "out-compiled" / path.name).read_bytes() == path.read_bytes()


def test_serving_says_what_is_not_covered_as_run_does(mimesim_here: Mimesim) -> None:
    odd = ("tiny", "--images", "1", "--set", "hardware.clock_mhz=199.999999", "--quiet", "--engine")
    told = [mimesim_here(command, *odd, "compiled") for command in ("run", "serve", "compare")]
    assert [done.returncode for done in told] == [2, 2, 2]
    assert len({done.stderr for done in told}) == 1
    assert "run: engine = 'compiled': does not cover clocks without a small common measure" in told[0].stderr
    assert mimesim_here("serve", *odd, "auto", "--requests", "20", "--out", "served").returncode == 0
    cases = json.loads(Path("served", "run.json").read_text())["measured"]["cases"]
    assert {case["engine"] for case in cases.values()} == {"simpy"}


def test_every_command_that_replays_takes_the_same_choice() -> None:
    found = {
        name: option for name, command in cli.commands.items() for option in command.params if "--engine" in option.opts
    }
    assert set(found) == {"run", "sweep", "serve", "compare", "paper"}
    assert {tuple(option.type.choices) for option in found.values()} == {ENGINES}
    assert {option.default for option in found.values()} == {"auto"}
