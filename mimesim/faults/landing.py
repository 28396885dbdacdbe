"""From wrong words in some place of the machine to the outputs that are computed with them."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from mimesim.faults.residency import Copies
from mimesim.faults.stored import PositionTable, ThresholdWords, WeightWords, ragged
from mimesim.faults.upsets import Ints, count_bits, draw_flips

__all__ = ["CacheFaults", "Landings", "land_fills"]


@dataclass(frozen=True)
class Landings:
    """Wrong words and where they are used, a row each.

    *image* numbers the image, *tile* the position tile whose outputs are wrong, or, where it is -1, *position* the one
    output position. *element* is the index of the weight or threshold in its flat tensor, *mask* the inverted bits,
    *upset* tells wrong words apart, for one lands wherever it is used, and *made* whether it came about in this batch.
    """

    image: Ints
    tile: Ints
    position: Ints
    element: Ints
    mask: Ints
    upset: Ints
    made: npt.NDArray[np.bool_]

    def __len__(self) -> int:
        """Rows."""
        return len(self.image)

    def take(self, rows: npt.NDArray[np.bool_] | Ints | slice) -> Landings:
        """Return some rows."""
        return Landings(*(getattr(self, field.name)[rows] for field in fields(self)))

    @property
    def flips(self) -> int:
        """Wrong bits that came about in this batch, each counted once, wherever it lands."""
        made = np.flatnonzero(self.made)
        first = made[np.unique(self.upset[made], return_index=True)[1]]
        return count_bits(self.mask[first])

    def expand(self, table: PositionTable) -> tuple[Ints, Ints]:
        """Return (row, position) of every single output that they make wrong."""
        whole = self.tile >= 0
        rows = np.flatnonzero(whole)
        counts = table.counts[self.tile[rows]]
        single = np.flatnonzero(~whole)
        return (
            np.concatenate([single, np.repeat(rows, counts)]),
            np.concatenate([self.position[single], table.all_of(self.tile[rows])]),
        )


@dataclass
class _Live:
    """Wrong words that lie in the cache: the address of their block, their place in it, and the wrong bits."""

    address: Ints
    offset: Ints
    mask: Ints


class CacheFaults:
    """Flips in the cache's copies of one operation's blocks: each is there from the fetch to the eviction.

    Every fetched copy is drawn anew; *bits* is the width of a word.
    """

    def __init__(self, words: WeightWords | ThresholdWords, bits: int) -> None:
        self._words = words
        self._bits = bits
        none = np.zeros(0, np.int64)
        self._live = _Live(none, none, none)

    def next_batch(self, random: np.random.Generator, copies: Copies, rate: float) -> Landings:
        """Draw what was fetched in the next batch, and say where that, and what was there before, is used."""
        made = np.flatnonzero(copies.fresh)
        sizes = self._words.sizes[copies.blocks[made]]
        upsets = draw_flips(random, int(sizes.sum()), self._bits, rate)
        ends = np.cumsum(sizes)
        which = np.searchsorted(ends, upsets.words, "right")
        copy, offset, mask = made[which], upsets.words - (ends - sizes)[which], upsets.masks
        if len(self._live.address):
            copy, offset, mask = self._inherit(copies, copy, offset, mask)
        kept = copies.last[copy]
        gone = np.isin(self._live.address, copies.addresses)
        self._live = _Live(
            np.concatenate([self._live.address[~gone], copies.addresses[copy[kept]]]),
            np.concatenate([self._live.offset[~gone], offset[kept]]),
            np.concatenate([self._live.mask[~gone], mask[kept]]),
        )
        element = self._words.elements(self._words.starts[copies.blocks[copy]] + offset)
        # every use of the copy, by every image of the group
        uses = copies.starts[copy + 1] - copies.starts[copy]
        upset = np.repeat(np.arange(len(copy)), uses)
        use = ragged(copies.starts[copy], uses)
        members = copies.members[copies.groups[use]]
        row, column = np.nonzero(members >= 0)
        upset = upset[row]
        none = np.full(len(row), -1, np.int64)
        return Landings(
            members[row, column], copies.tiles[use[row]], none, element[upset], mask[upset], upset,
            copies.fresh[copy[upset]],
        )  # fmt: skip

    def _inherit(self, copies: Copies, copy: Ints, offset: Ints, mask: Ints) -> tuple[Ints, Ints, Ints]:
        """Add the flips of copies that were not fetched in this batch."""
        old = np.flatnonzero(~copies.fresh)
        order = old[np.argsort(copies.addresses[old], kind="stable")]
        addresses = copies.addresses[order]
        known = np.isin(self._live.address, addresses)
        place = np.searchsorted(addresses, self._live.address[known])
        return (
            np.concatenate([order[place], copy]),
            np.concatenate([self._live.offset[known], offset]),
            np.concatenate([self._live.mask[known], mask]),
        )


def land_fills(
    random: np.random.Generator, fills: Copies, words: WeightWords, table: PositionTable, rows: int, bits: int,
    rate: float,
) -> Landings:  # fmt: skip
    """Flip bits of the scratchpads' copies: each of the *rows* of PEs gets its own copy of every fill.

    Row r holds, in a pass, position r mod P of image r div P of the group, P being the positions of the tile. A flip
    in a row that holds nothing lands nowhere.
    """
    sizes = words.sizes[fills.blocks] * rows
    upsets = draw_flips(random, int(sizes.sum()), bits, rate)
    ends = np.cumsum(sizes)
    fill = np.searchsorted(ends, upsets.words, "right")
    inside = upsets.words - (ends - sizes)[fill]
    row, offset = inside % rows, inside // rows
    element = words.elements(words.starts[fills.blocks[fill]] + offset)
    uses = fills.starts[fill + 1] - fills.starts[fill]
    upset = np.repeat(np.arange(len(fill)), uses)
    use = ragged(fills.starts[fill], uses)
    tile, members = fills.tiles[use], fills.members[fills.groups[use]]
    positions = table.counts[tile]
    member = row[upset] // positions
    held = member < members.shape[1]
    image = np.full(len(member), -1, np.int64)
    image[held] = members[held, member[held]]
    held = image >= 0
    upset = upset[held]
    position = table.at(tile[held], row[upset] % positions[held])
    none = np.full(len(upset), -1, np.int64)
    made = np.ones(len(upset), np.bool_)
    return Landings(image[held], none, position, element[upset], upsets.masks[upset], upset, made)
