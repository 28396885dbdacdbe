"""On-chip non-volatile memory: how long it is read, and what tasks take turns in (:mod:`mimesim.schedule.rewriting`).

What its places hold depends on program order alone, so what is rewritten is known before any lookup.
"""

from __future__ import annotations

import numpy as np

from mimesim.config.hardware import Hardware
from mimesim.engine import columns as at
from mimesim.engine.numbers import Numbers
from mimesim.engine.tables import Ints, Passes, Uses
from mimesim.ledger import EnvmUse
from mimesim.schedule.rewriting import Held

__all__ = ["Places", "reading"]


def reading(hardware: Hardware, network: Ints, words: Ints) -> Ints:
    """Return how long *words* take from the array over a network that takes *network* cycles for what it carries."""
    envm = hardware.envm
    assert envm is not None  # noqa: S101 - asked only where words lie there, which the checks before a run see to
    return np.maximum(network, -(-words // envm.words_per_cycle)) + envm.read_cycles(hardware.clock_mhz)


class Places:
    """Which block each place holds, and how often it was written; *held* is what another run of the case left."""

    def __init__(self, hardware: Hardware, numbers: Numbers, held: Held) -> None:
        self._hardware = hardware
        self._numbers = numbers
        self._warm = bool(held)
        #: By place, the number of the block that it holds, and how often it was written.
        self._held = np.empty(0, dtype=np.int64)
        self._writes = np.empty(0, dtype=np.int64)
        self._cycles = 0
        blocks = numbers.kept([address for address, *_ in held])
        #: Places that hold something, in the order in which they were first written.
        self._order = numbers.blocks.facts[blocks, at.KEPT].tolist()
        self._grow()
        self._held[self._order] = blocks

    def rewrite(self, program: Passes, uses: Uses) -> tuple[Passes, Ints]:
        """Return *program* with what is rewritten for each fill and drain job, and the slots that is booked under.

        Their cycles grow by those of writing.
        """
        fills, jobs = program.fills, program.jobs
        if not self._numbers.places:
            return program, program.rewritten
        users, blocks, slots, when = _needed(program, uses)
        places = self._numbers.blocks.facts[blocks, at.KEPT]
        movable = places >= 0
        users, blocks, slots, when, places = (one[movable] for one in (users, blocks, slots, when, places))
        found = self._replaced(places, blocks, when)
        users, blocks, slots = users[found], blocks[found], slots[found]
        words = self._numbers.blocks.facts[blocks][:, [at.VALUES, at.EXTRA, at.NORM]].sum(axis=1)
        lasts = np.zeros(len(fills) + len(jobs), dtype=np.int64)
        np.add.at(lasts, users, self._writing(words))
        fills[:, at.FILL_CYCLES] += lasts[: len(fills)]
        jobs[:, at.JOB_CYCLES] += lasts[len(fills) :]
        self._cycles += int(lasts.sum())
        first = np.searchsorted(users, np.arange(len(lasts) + 1))
        return program._replace(rewritten_first=first, rewritten=blocks), slots

    def _replaced(self, places: Ints, blocks: Ints, when: Ints) -> Ints:
        """Return which of *blocks* their places do not hold as they are needed, and leave the last ones there."""
        self._grow()
        order = np.argsort(when, kind="stable")
        fresh = order[self._held[places[order]] == at.NOWHERE]
        self._order += dict.fromkeys(places[fresh].tolist())
        order = order[np.argsort(places[order], kind="stable")]
        place, block = places[order], blocks[order]
        begins = np.append(True, place[1:] != place[:-1])[: len(place)]
        before = np.where(begins, self._held[place], np.roll(block, 1))
        ends = np.append(begins[1:], True)[: len(place)]
        self._held[place[ends]] = block[ends]
        rewritten = block != before
        np.add.at(self._writes, place[rewritten], 1)
        return np.sort(order[rewritten])

    def _writing(self, words: Ints) -> Ints:
        """Return the cycles that it takes to write blocks of so many *words*."""
        envm = self._hardware.envm
        assert envm is not None  # noqa: S101 - see above
        sizes, which = np.unique(words, return_inverse=True)
        cycles = [envm.write_cycles(size, self._hardware.clock_mhz) for size in sizes.tolist()]
        return np.array(cycles, dtype=np.int64)[which]

    def _grow(self) -> None:
        """Make room for places that have come up since."""
        more = len(self._numbers.places) - len(self._held)
        self._held = np.append(self._held, np.full(more, at.NOWHERE, dtype=np.int64))
        self._writes = np.append(self._writes, np.zeros(more, dtype=np.int64))

    def held(self) -> Held:
        """Return what the places hold, in the order in which they were first written."""
        blocks = [self._numbers.parameters(block) for block in self._held[self._order].tolist()]
        return tuple((block.address, block.words, 0, block.place) for block in blocks)

    def use(self, words: int) -> EnvmUse:
        """Return what became of the array, whose capacity in use is *words*."""
        return EnvmUse(
            words=words,
            rewrites=int(self._writes.sum()),
            most_writes=int(self._writes.max(initial=0)),
            write_cycles=self._cycles,
            warm=self._warm,
        )


def _needed(program: Passes, uses: Uses) -> tuple[Ints, Ints, Ints, Ints]:
    """Return who needs parameters, fills and behind them drain jobs; the blocks, their slots, and when in the program.

    The blocks are those of weights, masks, thresholds and norm, each user's in the order in which it needs them.
    """
    fills, jobs = program.fills, program.jobs
    begins = np.searchsorted(program.passes[:, at.FILL], np.arange(len(fills)))
    masked = (fills[:, [at.FILL_BLOCK, at.FILL_MASK]] != at.NOWHERE).ravel()
    filled = np.repeat(np.arange(len(fills)), 2)[masked]
    own = np.diff(uses.own_first)[jobs[:, at.JOB_GROUP]]
    drains = np.repeat(np.arange(len(jobs)), own)
    # Of each job, the tables of its group one after the other.
    within = np.arange(len(drains)) - np.repeat(np.cumsum(own) - own, own)
    tables = uses.own[np.repeat(uses.own_first[jobs[:, at.JOB_GROUP]], own) + within]
    columns = (jobs[:, at.JOB_TILE] * uses.places + jobs[:, at.JOB_PLACE])[drains]
    return (
        np.concatenate((filled, drains + len(fills))),
        np.concatenate((fills[:, [at.FILL_BLOCK, at.FILL_MASK]].ravel()[masked], uses.drained[tables, columns])),
        np.concatenate((fills[:, [at.FILL_SLOT, at.FILL_MASK_SLOT]].ravel()[masked], uses.drained_slots[tables])),
        # The fill of a pass is needed before the drain job that follows it.
        np.concatenate((2 * begins[filled], 2 * jobs[drains, at.JOB_AFTER] + 1)),
    )
