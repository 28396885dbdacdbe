"""The page ``docs/worked-example.md`` is what the simulator does: every number in its tables is compared."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
import yaml

from mimesim.machine.kinds import KINDS
from mimesim.network import Network
from mimesim.schedule.program import CasePlan
from mimesim.schemes import SHARED, Mime
from tests.machine.recorded import Recording, record
from tests.schedule.small import Masks, hardware, plan

PAGE = (Path(__file__).parents[2] / "docs" / "worked-example.md").read_text(encoding="utf-8")


def table(header: str) -> list[list[str]]:
    """Return the cells of the table whose first line begins with *header*."""
    lines = PAGE.splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith(header))
    rows = []
    for line in lines[start + 2 :]:
        if not line.startswith("|"):
            break
        rows.append([cell.strip() for cell in line.strip().strip("|").split("|")])
    return rows


def fenced(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


@pytest.fixture(scope="module")
def example() -> CasePlan:
    network, machine = (yaml.safe_load(text) for text in fenced("yaml"))
    made = Network.model_validate(network)
    rows = [line.split() for line in fenced("mask")[0].splitlines()]
    mask = np.array([[[bit == "1" for bit in row[c]] for row in rows] for c in range(3)])
    return plan(Masks(made, {("a", 0, "conv"): mask}), hardware(machine), Mime())


@pytest.fixture(scope="module")
def replay(example: CasePlan) -> Recording:
    with pytest.MonkeyPatch.context() as monkeypatch:
        return record(example, monkeypatch)


def test_blocks(example: CasePlan) -> None:
    placement = example.placement
    expected = []
    for kind, blocks in (("weights", placement.weights[0, SHARED]), ("thresholds", placement.thresholds[0, "a"])):
        for (tile, part), block in blocks.items():
            words = block.values + block.index + block.norm
            expected.append([f"{kind} {tile} {part}", words, block.bursts, block.address])
    (image,) = example.batches[0]
    for name, region in (("image", placement.inputs(0, image)[0]), ("output", placement.output(0, image))):
        words = int(region.stored.values[0] + region.stored.bitmap[0])
        expected.append([name, words, region.bursts[0], region.address])

    assert table("| block |") == [[str(cell) for cell in row] for row in expected]


def test_requests(replay: Recording) -> None:
    expected = [[KINDS[kind], submitted, bursts, done] for kind, submitted, bursts, done in replay.requests]

    assert table("| kind |") == [[str(cell) for cell in row] for row in expected]


def test_passes(example: CasePlan, replay: Recording) -> None:
    (phase,) = example.phases()
    drained = {job.after: end for job, end in zip(phase.jobs, replay.ends["jobs_done"], strict=True)}
    geometry = example.geometries[0]
    places = [
        (tile, place, chunk)
        for tile, chunks in enumerate(geometry.chunks_of)
        for place in range(len(geometry.position_tiles))
        for chunk in chunks
    ]
    expected = [
        [number, *place, looked_up, replay.ends["fills_done"][number], end - cycles, end, drained.get(number, "")]
        for number, (place, looked_up, end, cycles) in enumerate(
            zip(places, replay.ends["passes_looked_up"], replay.ends["passes_done"], phase.cycles, strict=True)
        )
    ]

    assert table("| pass |") == [[str(cell) for cell in row] for row in expected]
    assert [phase.fill[number] for number in range(16)] == list(range(16))


def test_cycles(replay: Recording) -> None:
    (row,) = replay.ledger.phases[0].rows.values()
    expected = {"busy": row.busy_cycles, **row.stalls, "all": replay.ledger.cycles}

    assert {name: int(cycles) for name, cycles in table("| cycles |")} == expected
    assert f"cycle **{replay.ledger.cycles}**" in PAGE


def test_pe_cycles(replay: Recording) -> None:
    (phase,) = replay.ledger.phases
    pe, stalled = phase.pe, sum(row.stalls.total() for row in phase.rows.values())
    expected = {
        "macs": pe.macs,
        "swap": pe.swap,
        "unmapped": pe.unmapped,
        "imbalance": pe.imbalance,
        "stalls": 8 * stalled,
        "all": 8 * replay.ledger.cycles,
    }
    page = {name: int(cycles) for name, cycles in table("| PE-cycles |")}

    assert page == expected
    assert sum(cycles for name, cycles in page.items() if name != "all") == page["all"]


def test_words(replay: Recording) -> None:
    page = {(level, tensor, way): int(words) for level, tensor, way, words, _ in table("| level |")}

    assert page == dict(replay.ledger.words())


def test_what_each_step_takes(example: CasePlan) -> None:
    (phase,) = example.phases()
    said = [int(number) for number in re.findall(r"\*\*(\d+)\*\*", PAGE.split("## What each step takes")[1])]

    # The page names a pass, the fills of both channel tiles, and the jobs: the first, the others, those of the second.
    assert said[:6] == [
        phase.cycles[0],
        phase.fills[0].cycles,
        phase.fills[8].cycles,
        *[phase.jobs[number].cycles for number in (0, 1, 4)],
    ]
    assert set(phase.cycles) == {said[0]}
    assert [fill.cycles for fill in phase.fills] == [said[1]] * 8 + [said[2]] * 8
    assert [job.cycles for job in phase.jobs] == [said[3]] + [said[4]] * 3 + [said[5]] * 4
