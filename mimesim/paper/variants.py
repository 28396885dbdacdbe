"""The assumptions that are flipped: to show what a miss hangs on, and to answer what the paper leaves open."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import Any, Literal

from mimesim.config.energy import Prices
from mimesim.config.standard import Timing
from mimesim.paper.runs import Variant

__all__ = [
    "BIG_ACTIVATION_CACHE",
    "BIG_CACHES",
    "BIG_CACHES_BY_SET",
    "BITMAP",
    "CHANNEL_THRESHOLDS",
    "DRIFT",
    "EIGHT_TILES",
    "FULL",
    "IDEAL_MEMORY",
    "IDEAL_NETWORK",
    "LPDDR4",
    "MULTIPLIED_PADDING",
    "POOLED_BY_OR",
    "SMALL_GRIDS",
    "SMALL_IMAGES",
    "SQUARE_GRID",
    "UNSKIPPED",
    "candidates",
]

#: DRAM a thousand times faster, without latency, refresh or gates, behind a fill port that takes 2**20 words a cycle:
#: what the machine still waits for is its own grid and networks.
_IDEAL: dict[str, Any] = {
    "dram": {
        "clock_mhz": 3_200_000.0,
        "timing": {name: 0 for name in Timing.model_fields if name != "t_refi"},
        "refresh": False,
        "queue": 64,
    },
    "noc": {"fill_words_per_cycle": 1 << 20},
}
#: The weight network too: a chunk is copied into the scratchpads in one cycle.
_IDEAL_NETWORK = _IDEAL | {
    "noc": {"fill_words_per_cycle": 1 << 20, "weight_words_per_cycle": 1 << 20, "latency_cycles": 0}
}
_156 = {"caches": {"weights_kib": 156.0, "activations_kib": 156.0, "thresholds_kib": 156.0}}
_EIGHT: dict[str, Any] = {"position_tiles_per_pe": 8}
#: Eight tiles of three images need their partial sums in one bank: 2 x 72 + 24 + 3 x (8 x 2 + 1) = 219 of 256 words.
_ONE_BANK = {"scratchpad": {"psum_banks": 1}}

IDEAL_MEMORY = Variant("ideal memory", hardware=_IDEAL)
IDEAL_NETWORK = Variant("ideal memory and weight network", hardware=_IDEAL_NETWORK)
DRIFT = Variant("ideal memory, positions drift to the end of a tile", hardware=_IDEAL, schedule={"barrier": "tile"})
UNSKIPPED = Variant("nothing skipped", skipping="none")
FULL = Variant("full accounting", accounting="full")
MULTIPLIED_PADDING = Variant("Case-1 multiplies its padding", multiplied_padding=True)
BIG_ACTIVATION_CACHE = Variant("activation cache of 16 MB", hardware={"caches": {"activations_kib": 16384.0}})
BIG_CACHES = Variant("caches of 156 KB each", hardware=_156)
BIG_CACHES_BY_SET = Variant(
    "caches of 156 KB each, one parameter set at a time", hardware=_156, schedule={"set_order": "outer"}
)
EIGHT_TILES = Variant("8 position tiles per PE", hardware=_ONE_BANK, schedule=_EIGHT)
CHANNEL_THRESHOLDS = Variant("one threshold per channel", options={"granularity": "channel"})
SMALL_IMAGES = Variant("32 px", pixels=32)
POOLED_BY_OR = Variant("pooled bits are the OR of their window", pool_density="or")
BITMAP = Variant("pruned weights as non-zeros and bitmap", options={"storage": "bitmap"})
LPDDR4 = Variant("LPDDR4 (64 MACs a word)", prices=Prices.model_validate("lpddr4-65nm-pj"))
SQUARE_GRID = Variant(
    "1024 PEs as 32 positions x 32 channels, 256 as 16 x 16",
    hardware={"grid": {"positions": [4, 8], "channels": 32}},
    small_grid={"positions": [4, 4], "channels": 16},
)
#: Other ways to lay out Fig. 9's 256 PEs.
SMALL_GRIDS = (
    Variant("256 PEs as 16 positions x 16 channels", small_grid={"positions": [4, 4], "channels": 16}),
    Variant("256 PEs as 4 positions x 64 channels", small_grid={"positions": [2, 2], "channels": 64}),
)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A schedule that a system may choose for itself."""

    name: str
    variant: Variant


def candidates(scheme: str) -> Iterator[Candidate]:
    """Yield the schedules to choose from: loop orders, tiles per PE and the order of the batch.

    A scheme that shares its weights has one parameter set and so no order of sets; an image on its own has none either.
    """
    orders: tuple[Literal["inner", "outer"], ...] = ("inner",) if scheme == "mime" else ("inner", "outer")
    for tiles, tile_order, set_order in product((1, 8), ("channel_outer", "position_outer"), orders):
        yield _candidate(tiles, batch_order="layer_major", tile_order=tile_order, set_order=set_order)
    for tiles in (1, 8):
        yield _candidate(tiles, batch_order="image_major", tile_order="channel_outer", set_order="inner")


def _candidate(tiles: int, **schedule: str) -> Candidate:
    name = f"{', '.join(schedule.values())}, {tiles} tile{'s' if tiles > 1 else ''}"
    hardware = _ONE_BANK if tiles > 1 else {}
    return Candidate(name, Variant(name, hardware=hardware, schedule={**schedule, "position_tiles_per_pe": tiles}))
