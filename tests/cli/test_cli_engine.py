"""``mimesim run --engine``: the same bytes, whoever replays."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from mimesim.cli import main

pytest.importorskip("numba", reason="THE COMPILED ENGINE IS NOT TESTED: numba is not installed")


def test_both_engines_write_the_same(tmp_path: Path) -> None:
    documents = {}
    for engine in ("simpy", "compiled"):
        out = tmp_path / engine
        done = CliRunner().invoke(
            main, ["run", "tiny", "--quiet", "--jobs", "1", "--engine", engine, "--out", str(out)]
        )
        assert done.exit_code == 0, done.output
        documents[engine] = json.loads((out / "run.json").read_text())
    measured = {engine: document.pop("measured") for engine, document in documents.items()}
    for engine, cases in measured.items():
        assert {case["engine"] for case in cases["cases"].values()} == {engine}
    assert documents["compiled"] == documents["simpy"]
    tables = sorted((tmp_path / "simpy").glob("*.csv"))
    assert tables
    for table in tables:
        assert (tmp_path / "compiled" / table.name).read_bytes() == table.read_bytes()


@pytest.mark.parametrize("option", ["--dram-trace", "--timeline"])
def test_the_compiled_engine_records_nothing(tmp_path: Path, option: str) -> None:
    if option == "--timeline":
        pytest.importorskip("perfetto")
    arguments = [
        "run",
        "tiny",
        "--jobs",
        "1",
        "--out",
        str(tmp_path / "out"),
        option,
        str(tmp_path / "recorded.pftrace"),
    ]
    done = CliRunner().invoke(main, [*arguments, "--engine", "compiled"])
    assert done.exit_code != 0
    assert "simpy does" in done.output
    done = CliRunner().invoke(main, [*arguments, "--engine", "auto", "--quiet"])
    assert done.exit_code == 0, done.output
    assert (tmp_path / "recorded.pftrace").exists()
