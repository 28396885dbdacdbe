from __future__ import annotations

import pytest

from mimesim.config.schedule import Mode
from mimesim.schedule.images import compose_batches
from tests.schedule.small import Masks, chain, conv

SOURCE = Masks(chain((1, 2, 2), conv(1)), {("b", 1, "conv1"): False})


def batches(tasks: tuple[str, ...], mode: Mode, images: int, size: int) -> list[str]:
    made = compose_batches(SOURCE, tasks, mode, images, size)
    places = [image.index for batch in made for image in batch]
    assert places == list(range(len(places)))
    return [" ".join(f"{image.task}{image.number}" for image in batch) for batch in made]


@pytest.mark.parametrize(
    ("mode", "images", "size", "expected"),
    [
        ("singular", 2, 3, ["a0 a1", "b0 b1"]),  # never two tasks in a batch
        ("singular", 3, 2, ["a0 a1", "a2", "b0 b1", "b2"]),
        ("pipelined", 2, 3, ["a0 b0 a1", "b1"]),  # the tasks take turns
        ("pipelined", 1, 3, ["a0 b0"]),
        ("pipelined", 2, 1, ["a0", "b0", "a1", "b1"]),
    ],
)
def test_batches(mode: Mode, images: int, size: int, expected: list[str]) -> None:
    assert batches(("a", "b"), mode, images, size) == expected


@pytest.mark.parametrize("mode", ["singular", "pipelined"])
def test_one_task_is_batched_alike_in_both_modes(mode: Mode) -> None:
    assert batches(("a",), mode, 5, 2) == ["a0 a1", "a2 a3", "a4"]


def test_an_image_reads_its_own_mask() -> None:
    (batch,) = compose_batches(SOURCE, ("a", "b"), "pipelined", 2, 4)

    assert [bool(image.mask("conv1").any()) for image in batch] == [True, True, True, False]
