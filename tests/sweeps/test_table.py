"""A sweep from Python."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

import mimesim
from tests.sweeps.made import GRID, described, write


def test_the_frame_is_the_file_and_nothing_is_replayed_twice(tmp_path: Path) -> None:
    file = write(tmp_path, described(GRID))
    where = {"out": tmp_path / "out", "points": tmp_path / "points", "cache": "off"}
    first = mimesim.sweep(file, jobs=1, **where)
    told: list[tuple[str, int, int]] = []
    again = mimesim.sweep(file, jobs=1, **where, progress=lambda *seen: told.append(seen))

    assert len(first) == 4
    pd.testing.assert_frame_equal(first, pd.read_csv(tmp_path / "out" / "results.csv"))
    pd.testing.assert_frame_equal(first, again)
    assert told == [("points", done, 4) for done in range(5)]


def test_jobs_are_one_at_least(tmp_path: Path) -> None:
    with pytest.raises(mimesim.InputError, match="sweep: jobs = 0: must be at least 1"):
        mimesim.sweep(write(tmp_path, described(GRID)), tmp_path / "out", jobs=0)
