"""What the named choices of the loop nest do to the weights that are read, and what they leave alone."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mimesim.ledger import CaseLedger
from mimesim.schemes import Conventional, Mime
from tests.oracle.strategies import Scenario, scenarios
from tests.properties.test_oracle_agrees import replayed
from tests.schedule.small import Masks, chain, conv, hardware, run

SETTINGS = settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))


def weights_read(ledger: CaseLedger) -> int:
    return ledger.words()["dram", "weights", "read"]


def counted(ledger: CaseLedger) -> Counter[str]:
    """Return what no order of passes can change."""
    words = ledger.words()
    found = Counter(
        {f"{tensor} {way}": n for (level, tensor, way), n in words.items() if level == "reg" and way == "read"}
    )
    found["written"] = words["dram", "outputs", "write"]
    found["sent"] = words["cache", "activations", "read"]
    return found


CHOICES = [
    ("tile_order", "position_outer"),
    ("set_order", "outer"),
    ("barrier", "tile"),
    ("batch_order", "image_major"),
    ("position_tiles_per_pe", 2),
]


@SETTINGS
@given(
    scenarios(2, 8, 6),
    st.sampled_from(
        [("tile_order", "position_outer"), ("set_order", "outer"), ("barrier", "tile"), ("batch_order", "image_major")]
    ),
)
def test_the_order_of_passes_changes_no_mac_and_no_output(scenario: Scenario, choice: tuple[str, Any]) -> None:
    # Rows that drift go with banks that never collide only.
    unbanked = {"banks": None, "ports": 2}
    caches = unbanked | {"weights_kib": 1e4, "activations_kib": 1e4, "thresholds_kib": 1e4, "unified_kib": 1e5}
    machine = scenario.hardware.model_copy(update={"caches": scenario.hardware.caches.model_copy(update=caches)})
    before = replace(scenario, hardware=machine)
    after = replace(before, schedule=scenario.schedule.model_copy(update=dict([choice])))

    assert counted(replayed(after)) == counted(replayed(before))


# A weight cache of 20 KiB holds two of the 16 blocks (72 x 64 words) of a channel tile, so each position step reads all
# of them again.
SMALL = {"caches": {"weights_kib": 20.0}}
NETWORK = chain((128, 16, 16), conv(64))


@pytest.mark.parametrize(("tiles", "steps"), [(1, 16), (2, 8), (4, 4), (8, 2), (16, 1)])
def test_position_tiles_per_pe_divide_the_weights_that_are_read(tiles: int, steps: int) -> None:
    ledger = run(Masks(NETWORK), hardware(SMALL), Mime(), position_tiles_per_pe=tiles)

    assert weights_read(ledger) == 128 * 9 * 64 * steps


def test_a_layer_of_one_tile_sets_no_slots_aside_for_more() -> None:
    # Eight tiles of 2 x 2 words of partial sum an image would fill the 88 words that are left after two images; a layer
    # of one tile has room for all three, and reads its weights once.
    network = chain((128, 4, 4), conv(64))
    one, eight = (
        run(Masks(network), hardware(SMALL), Mime(), images=3, position_tiles_per_pe=tiles) for tiles in (1, 8)
    )

    assert weights_read(one) == weights_read(eight) == 128 * 9 * 64


@pytest.mark.parametrize(
    ("order", "reads"),
    # channel_outer: the chunks of a channel tile fit, so each is read once. position_outer: each of the 4 position
    # tiles goes through both channel tiles, which do not fit together.
    [("channel_outer", 1), ("position_outer", 4)],
)
def test_the_order_of_tiles_decides_what_is_read_again(order: str, reads: int) -> None:
    # Two channel tiles of 16 x 9 x 64 words, 18 KiB each, in a cache of 20 KiB.
    network = chain((16, 8, 8), conv(128))
    ledger = run(Masks(network), hardware({"caches": {"weights_kib": 20.0}}), Mime(), tile_order=order)

    assert weights_read(ledger) == reads * 16 * 9 * 128


@pytest.mark.parametrize(("order", "reads"), [("inner", 4), ("outer", 1)])
def test_sets_in_the_outer_loop_read_their_weights_once(order: str, reads: int) -> None:
    # Two tasks with 16 x 9 x 64 words each in a cache that holds one of them: taking turns at each of the 4 position
    # tiles, they evict each other.
    network = chain((16, 8, 8), conv(64))
    machine = hardware({"caches": {"weights_kib": 20.0}})
    ledger = run(Masks(network), machine, Conventional(), tasks=("a", "b"), set_order=order)

    assert weights_read(ledger) == reads * 2 * 16 * 9 * 64


@pytest.mark.parametrize("scheme", [Conventional(), Mime()], ids=["own", "shared"])
def test_shared_weights_are_read_once_for_all_tasks(scheme: Any) -> None:
    network = chain((16, 4, 4), conv(64))
    ledger = run(Masks(network), hardware(), scheme, tasks=("a", "b", "c"))

    assert weights_read(ledger) == 16 * 9 * 64 * (3 if isinstance(scheme, Conventional) else 1)
