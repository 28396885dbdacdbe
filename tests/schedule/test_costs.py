from __future__ import annotations

import numpy as np
import pytest

from mimesim.config.schedule import Skipping
from mimesim.schedule.costs import CostBook, ImageCosts, PassCosts, load_cycles, store_cycles
from mimesim.schedule.images import Image
from tests.schedule.small import Masks, chain, conv, hardware, pool

# One chunk of 2 channels x 9 taps = 18 pairs, one tile of 2 x 2 positions, 3 of 4 columns used. Every position of a
# 2 x 2 tensor sees all 4 elements of each channel: 8 pairs are inside, 10 in the padding.
NETWORK = chain((2, 2, 2), conv(2, 1, name="in"), conv(3))
MACHINE = hardware({"grid": {"positions": (2, 2), "channels": 4}, "noc": {"activation_words_per_cycle": 4}})
# Channel 0: one element; channel 1: two. Every position meets all three.
BITS = np.array([[[1, 0], [0, 0]], [[0, 1], [1, 0]]], np.bool_)


def costs(bits: object = BITS, skipping: Skipping = "per_position", number: int = 0) -> ImageCosts:
    masks = Masks(NETWORK, {("a", number, "in"): bits})
    book = CostBook()
    made = book.geometries(NETWORK, MACHINE)[1]
    return book.costs(made, Image(number, "a", number, masks), skipping)


@pytest.mark.parametrize(
    ("skipping", "steps", "words", "macs"),
    [
        # none: every tap takes a cycle; words and MACs are the 4 x 8 elements inside the tensor, times 3 columns.
        ("none", 18, 32, 32 * 3),
        # gate: as long, but only the 4 x 3 set elements move and multiply.
        ("gate", 18, 12, 12 * 3),
        # per_position: each row takes its own 3 pairs.
        ("per_position", 3, 12, 12 * 3),
        # lockstep: an element is met through another tap at each of the 4 positions. Channel 0: 4 taps. Channel 1: 4
        # and 4, but both elements are met through the middle tap: 7. Together 11.
        ("lockstep", 11, 12, 12 * 3),
    ],
)
def test_a_pass_in_every_mode(skipping: Skipping, steps: int, words: int, macs: int) -> None:
    image = costs(skipping=skipping)
    one = PassCosts.of(image.geometry, [image], skipping)

    assert one.steps.tolist() == [[steps]]
    assert one.feed.tolist() == [[-(-words // 4)]]
    assert one.cycles.tolist() == [[max(steps, -(-words // 4)) + 1]]
    assert image.macs(None) == macs


def test_images_that_share_a_pass() -> None:
    # Image two has all 8 elements set: the slowest row takes 8, the network carries 12 + 32 words, 4 a cycle.
    both = [costs(), costs(True, number=1)]
    shared = PassCosts.of(both[0].geometry, both, "per_position")

    assert (shared.steps.item(), shared.feed.item(), shared.cycles.item()) == (8, 11, 12)
    assert shared.rows(0, 0) == [3, 3, 3, 3, 8, 8, 8, 8]
    lockstep = PassCosts.of(both[0].geometry, both, "lockstep")
    # All 4 elements of both channels are met through all 9 taps. Through the middle one five or six of the rows meet
    # theirs, which at 4 words a cycle takes two.
    assert lockstep.steps.item() == 20
    assert lockstep.rows(0, 0) == [20] * 8


def test_a_zero_weight_saves_its_macs() -> None:
    image = costs()
    weights = np.ones((3, 2, 3, 3), np.bool_)
    weights[0] = False  # a whole output
    assert image.macs(weights) == 12 * 2
    weights[1, 1] = False  # all weights of channel 1, whose 2 elements are met at 4 positions
    assert image.macs(weights) == 12 * 2 - 8


def test_layers_without_weights_take_time_but_no_macs() -> None:
    network = chain((2, 2, 2), conv(2, 1, name="in"), pool(2, "avg_pool"))
    book = CostBook()
    made = book.geometries(network, MACHINE)[1]
    image = book.costs(made, Image(0, "a", 0, Masks(network, {("a", 0, "in"): BITS})), "per_position")

    # The single position meets all three set elements.
    assert PassCosts.of(made, [image], "per_position").cycles.item() == 4
    assert image.macs(None) == 0


def test_grouped_macs_count_the_columns_of_the_group_alone() -> None:
    network = chain((2, 2, 2), conv(2, 1, name="in"), conv(4, groups=2))
    book = CostBook()
    made = book.geometries(network, MACHINE)[1]
    image = book.costs(made, Image(0, "a", 0, Masks(network, {("a", 0, "in"): BITS})), "per_position")

    # 12 meetings of a position and an element, each read by the 2 outputs of its group.
    assert image.macs(None) == 24


def test_what_no_mask_changes_is_counted_once() -> None:
    masks, book = Masks(NETWORK), CostBook()
    first, second = book.geometries(NETWORK, MACHINE)
    images = [Image(n, "a", n, masks) for n in (0, 1)]

    assert book.costs(second, images[0], "none") is book.costs(second, images[1], "none")
    assert book.costs(second, images[0], "gate") is not book.costs(second, images[1], "gate")
    assert book.costs(second, images[0], "gate") is book.costs(second, images[0], "per_position")
    assert book.geometries(NETWORK, MACHINE)[0] is first


def test_the_book_forgets_what_was_used_least_recently(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mimesim.schedule.costs._KEEP", 2)
    masks, book = Masks(NETWORK), CostBook()
    made = book.geometries(NETWORK, MACHINE)[1]
    one, two, three = (Image(n, "a", n, masks) for n in range(3))

    first, second = book.costs(made, one, "gate"), book.costs(made, two, "gate")
    assert book.costs(made, one, "gate") is first
    book.costs(made, three, "gate")

    assert book.costs(made, one, "gate") is first
    assert book.costs(made, two, "gate") is not second


# Loads: 10 thresholds, 4 a cycle, 2 cycles on the way = 3 + 2. Compare: 1. Out: 12 outputs and 1 word of mask, 8 a
# cycle = 2 (dense: 12 words = 2).
@pytest.mark.parametrize(
    ("bits", "thresholds", "images", "expected"),
    [
        (True, 10, 1, 5 + 1 + 2),
        (True, 0, 1, 0 + 1 + 2),
        (False, 10, 1, 5 + 1 + 1),  # the mask word alone
        (True, 10, 2, 5 + 1 + 4),  # 26 words of two images
    ],
)
def test_a_drain_job(bits: bool, thresholds: int, images: int, expected: int) -> None:
    machine = hardware({"noc": {"threshold_words_per_cycle": 4, "latency_cycles": 2, "output_words_per_cycle": 8}})
    book = CostBook()
    made = book.geometries(NETWORK, machine)[1]
    masks = Masks(NETWORK, {("a", 0, "conv2"): bits, ("a", 1, "conv2"): bits})
    drained = [book.costs(made, Image(n, "a", n, masks), "per_position") for n in range(images)]

    load = load_cycles(machine, thresholds, 0, norm_in_envm=False)
    assert load + machine.compare_cycles + store_cycles(made, drained, (0, 0)) == expected
