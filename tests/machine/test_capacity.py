"""What one pass needs at once must fit; the boundary is exact and the error shows the sum."""

from __future__ import annotations

from typing import Any

import pytest

from mimesim.errors import InputError
from mimesim.machine.capacity import check_capacity
from mimesim.schedule.program import CasePlan
from mimesim.schemes import Conventional, Mime, Scheme
from tests.schedule.small import Masks, chain, conv, hardware, plan, pool

# "wide" reads 16 x 8 x 8: a window of 3 x 3 taps on a tile of 4 x 4 touches all four blocks of a chunk of 8 channels. A
# slot is 128 + 8 words: 5 bursts of 32. Weights: 8 x 9 x 8 + 8 = 584 words: 19 bursts. Thresholds: 8 x 16 words: 4.
NETWORK = chain((1, 8, 8), conv(16, 1, name="first"), conv(8, name="wide"))
NEEDS = {"weights": 19 * 32, "activations": 4 * 5 * 32, "thresholds": 16 * 16}


def check(words: dict[str, float], scheme: Scheme | None = None, network: Any = NETWORK, **options: Any) -> None:
    """Check a machine whose caches hold so many words."""
    caches: dict[str, Any] = {f"{name}_kib": count * 2 / 1024 for name, count in words.items()}
    caches["organisation"] = "unified" if "unified" in words else "private"
    check_capacity(plan(Masks(network), hardware({"caches": caches}), scheme or Mime(), **options))


def test_what_just_fits_is_accepted() -> None:
    check(NEEDS)


@pytest.mark.parametrize("kind", ["weights", "activations", "thresholds"])
def test_one_word_less_is_refused(kind: str) -> None:
    layer = "first" if kind == "thresholds" else "wide"

    with pytest.raises(InputError) as caught:
        check(NEEDS | {kind: NEEDS[kind] - 1})

    assert str(caught.value) == (
        f"hardware: caches.{kind}_kib = {(NEEDS[kind] - 1) * 2 / 1024}: layer {layer} needs {NEEDS[kind]} words at "
        f"once for one chunk ({kind} {NEEDS[kind]}, in whole bursts); the cache holds {NEEDS[kind] - 1}"
    )


def test_a_unified_cache_holds_all_three_kinds_of_one_pass() -> None:
    # The last chunk of "wide": 8 x 9 x 8 = 576 weights, 18 bursts (norm is in the first), 20 of activations and 4 of
    # thresholds; the first chunk needs 19 + 20.
    words = (18 + 20 + 4) * 32
    check({"unified": words})

    with pytest.raises(InputError) as caught:
        check({"unified": words - 1})
    assert f"layer wide needs {words} words at once" in str(caught.value)
    assert "(weights 576 + activations 640 + thresholds 128, in whole bursts)" in str(caught.value)
    assert caught.value.key == "caches.unified_kib"


def test_images_that_share_a_pass_are_counted_together() -> None:
    # 2 x 2 positions: four images in a pass. A block of 8 channels x 4 takes 32 channels: 8 x 4 + 2 words: 2 bursts.
    network = chain((8, 2, 2), conv(8, name="one"), conv(8, name="two"))
    enough = {"weights": 1e4, "activations": 4 * 2 * 32, "thresholds": 1e4}

    check(enough, network=network, images=4, batch=4)
    short = enough | {"activations": 4 * 2 * 32 - 1}
    with pytest.raises(InputError, match="layer two needs 256 words"):
        check(short, network=network, images=4, batch=4)
    # In batches of three it is enough, and so with a phase for each image.
    check(short, network=network, images=4, batch=3)
    check(short, network=network, images=4, batch=4, batch_order="image_major")


def test_thresholds_of_all_tasks_in_a_pass_are_counted() -> None:
    # 2 x 2 x 8 thresholds a task: one burst each.
    network = chain((8, 2, 2), conv(8, name="one"))
    enough = {"weights": 1e4, "activations": 1e4, "thresholds": 2 * 32}

    check(enough, network=network, tasks=("a", "b"))
    with pytest.raises(InputError, match=r"layer one needs 64 words .*thresholds 64"):
        check(enough | {"thresholds": 63}, network=network, tasks=("a", "b"))
    # Images of one task use the same block.
    check(enough | {"thresholds": 32}, network=network, images=2)


def test_tasks_with_weights_of_their_own_do_not_share_a_pass() -> None:
    network = chain((8, 2, 2), conv(8, name="one"))

    check({"weights": 19 * 32, "activations": 32, "thresholds": 1}, Conventional(), network, tasks=("a", "b"))


def test_layers_without_weights_need_room_too() -> None:
    # A dense pool of 4 x 4 windows over 8 channels: one block of 128 words.
    network = chain((8, 4, 4), pool(4, "avg_pool"))

    check({"weights": 1, "activations": 128, "thresholds": 1}, network=network)
    with pytest.raises(InputError, match="layer avg_pool1 needs 128 words"):
        check({"weights": 1, "activations": 127, "thresholds": 1}, network=network)


def test_without_skipping_blocks_carry_no_bitmap() -> None:
    check(NEEDS | {"activations": 4 * 4 * 32}, skipping="none")


def test_dram_holds_the_case_or_says_what_is_missing() -> None:
    def planned(rows: int) -> CasePlan:
        # One bank, and a burst in each of its rows.
        organisation = {"banks_per_group": 1, "columns": 8, "rows": rows}
        return plan(Masks(NETWORK), hardware({"dram": {"organisation": organisation}}), Mime())

    needed = planned(1 << 16).placement.bursts
    rows = 1 << (needed - 1).bit_length()
    check_capacity(planned(rows))
    with pytest.raises(InputError) as caught:
        check_capacity(planned(rows // 2))

    assert str(caught.value) == (
        f"hardware: dram.organisation.rows = {rows // 2}: the case stores {needed * 64} bytes; "
        f"all channels together hold {rows // 2 * 64}"
    )
