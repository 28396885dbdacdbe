from __future__ import annotations

from typing import Any

import pytest

from mimesim.config.schedule import Schedule
from mimesim.schedule.images import compose_batches
from mimesim.schedule.loopnest import accumulations, group_images
from mimesim.schemes import SHARED, Conventional, Mime
from tests.schedule.small import Masks, chain, conv, geometry, hardware

# Two channel tiles of 4, two position tiles of 2 x 2, two tasks with their own weights.
NETWORK = chain((1, 4, 2), conv(8))
MACHINE = hardware({"grid": {"positions": (2, 2), "channels": 4}, "activation_block": {"patch": (2, 2)}})
TASKS = ("a", "b")


def walk(images: int = 1, shared: bool = False, machine: Any = MACHINE, **choices: Any) -> list[str]:
    """Return each accumulation as "channel tile | position tiles | groups | scope"."""
    made = geometry(NETWORK, machine, "conv1")
    (batch,) = compose_batches(Masks(NETWORK), TASKS, "pipelined", images, 10)
    sets = group_images(made, Mime() if shared else Conventional(), batch)
    return [
        f"c{one.channel_tile} p{','.join(map(str, one.position_tiles))} "
        f"{' '.join('+'.join(f'{i.task}{i.number}' for i in group.images) for group in one.groups)} s{one.scope}"
        for one in accumulations(made, Schedule(**choices), sets)
    ]


@pytest.mark.parametrize(
    ("tile_order", "set_order", "expected"),
    [
        ("channel_outer", "inner", ["c0 p0 a0 b0 s0", "c0 p1 a0 b0 s0", "c1 p0 a0 b0 s1", "c1 p1 a0 b0 s1"]),
        ("position_outer", "inner", ["c0 p0 a0 b0 s0", "c1 p0 a0 b0 s0", "c0 p1 a0 b0 s0", "c1 p1 a0 b0 s0"]),
        (
            "channel_outer",
            "outer",
            [
                *("c0 p0 a0 s0", "c0 p1 a0 s0", "c0 p0 b0 s0", "c0 p1 b0 s0"),
                *("c1 p0 a0 s1", "c1 p1 a0 s1", "c1 p0 b0 s1", "c1 p1 b0 s1"),
            ],
        ),
        (
            "position_outer",
            "outer",
            [
                *("c0 p0 a0 s0", "c1 p0 a0 s0", "c0 p1 a0 s0", "c1 p1 a0 s0"),
                *("c0 p0 b0 s0", "c1 p0 b0 s0", "c0 p1 b0 s0", "c1 p1 b0 s0"),
            ],
        ),
    ],
)
def test_the_order_of_the_outer_loops(tile_order: str, set_order: str, expected: list[str]) -> None:
    # A scope is the channel tile's iteration where that loop is outside the positions', else the whole phase.
    assert walk(tile_order=tile_order, set_order=set_order) == expected


def test_shared_weights_make_one_set_in_the_order_of_the_batch() -> None:
    assert walk(images=2, shared=True, tile_order="position_outer")[0] == "c0 p0 a0 b0 a1 b1 s0"


def test_sets_come_in_the_order_of_their_first_image() -> None:
    assert walk(images=2)[0] == "c0 p0 a0 a1 b0 b1 s0"


def test_a_position_step_holds_several_tiles() -> None:
    assert walk(position_tiles_per_pe=2) == ["c0 p0,1 a0 b0 s0", "c1 p0,1 a0 b0 s1"]


def test_groups_that_do_not_fit_are_cut_into_portions() -> None:
    # 2 x 72 + 24 words, and 3 slots of 2 x 2 + 1: 183 words, 366 bytes.
    machine = MACHINE.model_copy(update={"scratchpad": MACHINE.scratchpad.model_copy(update={"bytes": 366})})

    inner = walk(images=2, machine=machine)
    assert inner[:3] == ["c0 p0 a0 a1 b0 s0", "c0 p0 b1 s0", "c0 p1 a0 a1 b0 s0"]
    # Outside the position loop each set is cut on its own.
    outer = walk(images=2, machine=machine, set_order="outer")
    assert outer[:3] == ["c0 p0 a0 a1 s0", "c0 p1 a0 a1 s0", "c0 p0 b0 b1 s0"]
    # Words for one slot less: two groups at a time.
    less = MACHINE.model_copy(update={"scratchpad": MACHINE.scratchpad.model_copy(update={"bytes": 364})})
    assert walk(images=2, machine=less)[:2] == ["c0 p0 a0 a1 s0", "c0 p0 b0 b1 s0"]


def test_images_of_one_set_share_the_rows_that_a_small_tile_leaves() -> None:
    # A tile of 1 x 2 positions leaves room for a second image in 4 rows; sets are never mixed.
    network = chain((1, 1, 2), conv(4))
    made = geometry(network, MACHINE, "conv1")
    (batch,) = compose_batches(Masks(network), TASKS, "pipelined", 3, 10)

    def groups(scheme: Conventional | Mime) -> list[list[tuple[str, str]]]:
        sets = group_images(made, scheme, batch)
        return [[(group.owner, "".join(i.task for i in group.images)) for group in members] for members in sets]

    assert groups(Conventional()) == [[("a", "aa"), ("a", "a")], [("b", "bb"), ("b", "b")]]
    assert groups(Mime()) == [[(SHARED, "ab"), (SHARED, "ab"), (SHARED, "ab")]]


def test_a_layer_without_weights_has_one_set() -> None:
    network = chain((1, 4, 4), {"kind": "avg_pool", "kernel": (2, 2), "stride": (2, 2)})
    made = geometry(network, hardware(), "avg_pool1")
    (batch,) = compose_batches(Masks(network), TASKS, "pipelined", 1, 10)

    (groups,) = group_images(made, Conventional(), batch)
    assert [(group.owner, len(group.images)) for group in groups] == [(SHARED, 2)]
