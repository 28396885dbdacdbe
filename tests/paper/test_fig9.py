"""Fig. 9: fewer PEs, less cache."""

from __future__ import annotations

import pytest

from mimesim.paper.lab import Lab
from mimesim.paper.measure import compare
from mimesim.paper.variants import SMALL_GRIDS, SQUARE_GRID
from tests.paper.ledgers import claim, run


def test_a_quarter_of_the_pes_halves_both_sides(lab: Lab) -> None:
    grid = lab.spec("mime/pipelined/pe-256", "drawn").hardware.grid
    assert (grid.rows, grid.channels, grid.pes) == (8, 32, 256)
    assert lab.spec("mime/pipelined", "drawn").hardware.grid.pes == 1024


def test_other_splits_take_its_place_and_leave_the_whole_grid_alone(lab: Lab) -> None:
    for variant in (*SMALL_GRIDS, SQUARE_GRID):
        assert lab.spec("mime/pipelined/pe-256", "drawn", variant).hardware.grid.pes == 256
        assert lab.spec("mime/pipelined", "drawn", variant).hardware.grid.pes == 1024
    assert lab.spec("mime/pipelined", "drawn", SMALL_GRIDS[0]) == lab.spec("mime/pipelined", "drawn")


def test_every_cache_shrinks_in_proportion(lab: Lab) -> None:
    small, whole = (lab.spec(f"mime/pipelined{end}", "drawn").hardware.caches for end in ("/cache-128", ""))
    for size in ("weights_kib", "activations_kib", "thresholds_kib", "unified_kib"):
        assert getattr(small, size) == pytest.approx(getattr(whole, size) * 128 / 156)


def test_what_the_rise_is_made_of(lab: Lab) -> None:
    small = run(conv5={"dram": 20, "cache": 200, "macs": 100})
    whole = run(conv5={"dram": 10, "cache": 100, "macs": 100})
    share = claim("Fig. 9", "conv5", "DRAM's share")
    assert compare(share, small, whole, lab) == pytest.approx(2000 / 2600)
    assert compare(claim("Fig. 9", "conv5", "rise of cache"), small, whole, lab) == pytest.approx(600 / 2000)
    # Nothing rose: nothing of it is DRAM's.
    assert compare(share, whole, whole, lab) == 0.0
