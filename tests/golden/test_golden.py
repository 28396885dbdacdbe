"""Results of the tiny network, kept: nothing may change them unseen.

A change that is meant: ``pytest tests/golden --regen-golden``, then look at ``git diff tests/golden``.
"""

from __future__ import annotations

from difflib import unified_diff
from io import StringIO
from itertools import islice
from pathlib import Path

import pandas as pd
import pytest

from mimesim.config.schedule import Mode
from mimesim.results.writer import render_files
from tests.replays import CASES, Settings, run_tiny

HERE = Path(__file__).parent
TABLES = ("layers", "accesses_by_layer", "phases", "bounds", "images", "evictions", "storage", "summary")


@pytest.fixture(scope="module", params=["singular", "pipelined"])
def rendered(request: pytest.FixtureRequest) -> tuple[Mode, dict[str, str]]:
    mode: Mode = request.param
    files = render_files([run_tiny(*case, mode) for case in CASES], Settings(), {})
    return mode, {**files, "accesses_by_layer.csv": by_layer(files["accesses.csv"])}


def by_layer(accesses: str) -> str:
    """Sum the accesses over batches and images: layer by layer, they are few enough to be kept."""
    keys = ["case", "layer", "level", "tensor", "direction"]
    table = pd.read_csv(StringIO(accesses)).groupby(keys, sort=False)[["words", "bursts", "energy"]].sum()
    return str(table.to_csv(lineterminator="\n"))


@pytest.mark.parametrize("table", TABLES)
def test_results_are_as_they_were(
    rendered: tuple[Mode, dict[str, str]], table: str, pytestconfig: pytest.Config
) -> None:
    mode, files = rendered
    kept, text = HERE / mode / f"{table}.csv", files[f"{table}.csv"]
    if pytestconfig.getoption("--regen-golden"):
        kept.parent.mkdir(exist_ok=True)
        kept.write_text(text, newline="")
        return
    assert kept.exists(), "nothing to compare with: pytest tests/golden --regen-golden"
    expected = kept.read_bytes().decode()
    if text != expected:
        lines = unified_diff(expected.splitlines(), text.splitlines(), "kept", "now", lineterm="", n=0)
        pytest.fail(f"{mode}/{table}.csv has changed:\n" + "\n".join(islice(lines, 20)))
