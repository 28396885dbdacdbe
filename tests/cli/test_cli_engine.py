"""``mimesim run --engine``: the same bytes, whoever replays."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

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
