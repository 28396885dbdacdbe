"""The picture of a sweep: drawn for whatever was served, the same bytes every time."""

from __future__ import annotations

import pytest

from mimesim.config import load_workload
from mimesim.inputs import select
from mimesim.serving import Drawn, Outcome, Poisson, Settings, Stream, picture, serve_workload, skewed_mix

pytest.importorskip("matplotlib")


def swept(shares: int, loads: int, cases: tuple[str, ...]) -> list[Outcome]:
    workload = load_workload("tiny", [])
    streams = []
    for share in range(shares):
        mix = skewed_mix(workload.tasks, (share + 1) / shares)
        for load in range(loads):
            drawn = Drawn(Poisson(10_000.0 * (load + 1)), mix, 1, 0, 30)
            streams.append(Stream(len(streams), drawn, drawn.process.rate_per_s, (load + 1) / 4, f"mix {share}"))
    settings = Settings(("fifo", "grouped"), 1.0)
    return serve_workload(workload, select(workload, "singular", images=1), streams, settings, cases=cases)


@pytest.mark.parametrize(
    ("shares", "loads", "cases"),
    [(1, 1, ("case-3",)), (2, 3, ("case-2", "case-3")), (8, 9, ("case-2", "case-3"))],
)
def test_every_sweep_can_be_drawn(shares: int, loads: int, cases: tuple[str, ...]) -> None:
    outcomes = swept(shares, loads, cases)
    first = picture.draw_sweep(outcomes, "svg")
    assert first == picture.draw_sweep(outcomes, "svg")
    # Text is drawn as shapes, and kept as comments.
    assert (b"energy per request" in first) == (len(cases) == 2)
    assert first.count(b"<!-- mix ") >= min(shares, 6)
    assert picture.draw_sweep(outcomes, "png").startswith(b"\x89PNG")
