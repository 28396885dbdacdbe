from __future__ import annotations

import numpy as np
import pytest

from mimesim.errors import InputError
from mimesim.ledger import SHARED_IMAGE
from mimesim.schedule.program import CasePlan, Phase
from mimesim.schemes import Conventional, Mime, Scheme
from tests.schedule.small import Masks, chain, conv, hardware, plan, pool

# 12 channels in chunks of 8 and 4; 6 outputs in channel tiles of 4 and 2; 6 x 4 outputs in tiles of 16 and 8 positions.
NETWORK = chain((12, 6, 4), conv(6))
MACHINE = hardware({"grid": {"channels": 4}, "noc": {"weight_words_per_cycle": 10, "latency_cycles": 3}})


def first_phase(made: CasePlan) -> Phase:
    return next(made.phases())


def phase(scheme: Scheme, **options: object) -> Phase:
    return first_phase(plan(Masks(NETWORK), MACHINE, scheme, tasks=("a", "b"), **options))  # type: ignore[arg-type]


def test_passes_fills_and_jobs_of_weights_that_all_share() -> None:
    made = phase(Mime())

    # 2 channel tiles x 2 position tiles x 2 chunks x 2 images; both images use a fill.
    assert made.record.passes == len(made.cycles) == 16
    assert made.fill == [n // 2 for n in range(16)]
    # (8 x 9 x 4 + 4) / 10 = 29.2: 30 cycles and 3 on the way; 4 x 9 x 4 = 144: 15 + 3.
    assert [fill.cycles for fill in made.fills][:2] == [33, 18]
    assert {fill.image for fill in made.fills} == {SHARED_IMAGE}
    assert made.accumulation == [0, -1, -1, -1, 1, -1, -1, -1, 2, -1, -1, -1, 3, -1, -1, -1]
    assert made.group == [0, 1] * 8
    assert made.scope == [0] * 8 + [1] * 8
    # The jobs follow the passes of the last chunk.
    assert [job.after for job in made.jobs] == [2, 3, 6, 7, 10, 11, 14, 15]
    assert made.jobs_of == [2, 4, 6, 8]
    # 4 or 2 columns x 16 or 8 positions.
    assert made.mapped_pes == [64] * 4 + [32] * 4 + [32] * 4 + [16] * 4


def test_weights_of_its_own_cost_every_task_a_fill() -> None:
    made = phase(Conventional())

    assert made.fill == list(range(16))
    assert [fill.image for fill in made.fills][:4] == [0, 1, 0, 1]
    assert all(not job.thresholds for job in made.jobs)


def test_a_fill_serves_the_passes_that_follow_it_whatever_loop_they_are_in() -> None:
    # One chunk and one set: the block stays the same while position tiles change.
    network = chain((8, 8, 8), conv(4))
    made = first_phase(plan(Masks(network), MACHINE))

    assert made.fill == [0] * 4
    # With a second channel tile in the inner loop it changes each time, and comes back.
    network = chain((8, 8, 8), conv(8))
    made = first_phase(plan(Masks(network), MACHINE, tile_order="position_outer"))
    assert made.fill == list(range(8))
    assert made.fills[0].block is made.fills[2].block


def test_position_tiles_accumulate_together() -> None:
    made = phase(Mime(), position_tiles_per_pe=2)

    # chunk, image, position tile: a fill serves 4 passes.
    assert made.fill == [n // 4 for n in range(16)]
    assert made.group == [0, 0, 1, 1] * 4
    assert [job.after for job in made.jobs] == [4, 5, 6, 7, 12, 13, 14, 15]
    assert made.mapped_pes == [64, 32] * 4 + [32, 16] * 4


def test_lookups_name_the_blocks_of_each_image_in_the_group() -> None:
    # 1 x 1 positions: both images share a pass. One block each: 16 channels of 1 x 1.
    network = chain((16, 1, 1), conv(4, 1))
    made = first_phase(plan(Masks(network), MACHINE, Mime(), tasks=("a", "b")))

    (lookups,) = made.lookups
    assert [(region.image, blocks) for region, blocks in lookups] == [(0, [0]), (1, [0])]
    assert made.mapped_pes == [4 * 2]
    (job,) = made.jobs
    assert [use.image for use in job.thresholds] == [0, 1]
    # Each image writes its own block.
    assert len(job.writes) == 2


def test_images_of_one_task_need_its_thresholds_once() -> None:
    network = chain((16, 1, 1), conv(4, 1))
    made = first_phase(plan(Masks(network), MACHINE, Mime(), images=3))
    (job,) = made.jobs

    assert [use.image for use in job.thresholds] == [SHARED_IMAGE]
    # But they are loaded for each: 3 x 4 words at 64 a cycle + 3 on the way, + 1, + ceil(3 x (4 + 1) / 16).
    assert job.cycles == 1 + 3 + 1 + 1


def test_a_job_writes_the_blocks_that_it_completes() -> None:
    # 8 x 8 pooled by 2 is one block of 4 x 4, complete with the last of the four tiles.
    network = chain((8, 8, 8), conv(4), pool(2))
    mask = np.zeros((4, 4, 4), np.bool_)
    made = first_phase(plan(Masks(network, {("a", 0, "max_pool2"): mask}), MACHINE))

    assert [len(job.writes) for job in made.jobs] == [0, 0, 0, 1]
    # No value set: 4 words of bitmap in one burst.
    assert made.jobs[-1].writes[0][1] == 1


def test_rows_are_kept_where_they_may_drift() -> None:
    drifting = phase(Mime(), barrier="tile")

    assert [len(rows) for rows in drifting.rows] == [16] * 4 + [8] * 4 + [16] * 4 + [8] * 4
    assert [max(rows) < cycles for rows, cycles in zip(drifting.rows, drifting.cycles, strict=True)] == [True] * 16
    assert phase(Mime()).rows == []


def test_vector_operations_need_no_fill() -> None:
    network = chain((8, 4, 4), pool(2, "avg_pool"))
    made = first_phase(plan(Masks(network), MACHINE))

    assert made.fill == [-1] * len(made.cycles)
    assert made.fills == []


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ("layer_major", [("conv1", (0, 1)), ("conv2", (0, 1)), ("conv1", (2,)), ("conv2", (2,))]),
        (
            "image_major",
            [("conv1", (0,)), ("conv2", (0,)), ("conv1", (1,)), ("conv2", (1,)), ("conv1", (2,)), ("conv2", (2,))],
        ),
    ],
)
def test_phases(order: str, expected: list[tuple[str, tuple[int, ...]]]) -> None:
    network = chain((4, 4, 4), conv(4), conv(4))
    made = plan(Masks(network), MACHINE, Mime(), images=3, batch=2, batch_order=order)

    records = [phase.record for phase in made.phases()]
    assert [(record.layer, record.images) for record in records] == expected
    assert [record.batch for record in records] == sorted(record.batch for record in records)


def test_image_major_books_shared_weights_under_the_batch_all_the_same() -> None:
    network = chain((4, 4, 4), conv(4))
    made = plan(Masks(network), MACHINE, Mime(), images=2, batch=2, batch_order="image_major")

    assert {fill.image for phase in made.phases() for fill in phase.fills} == {SHARED_IMAGE}


def test_a_layout_that_does_not_fit_is_refused_when_planned() -> None:
    with pytest.raises(InputError, match=r"scratchpad\.bytes = 64: one image needs"):
        plan(Masks(NETWORK), hardware({"scratchpad": {"bytes": 64}}))
