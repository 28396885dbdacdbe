"""The banks of the caches in arrays: what a configuration comes to, and the streams that use them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from mimesim.config.hardware import Hardware
from mimesim.engine import columns as at
from mimesim.engine.tables import Ints
from mimesim.machine.banks import banks_of, colliding, stream_uses
from mimesim.machine.kinds import READS

__all__ = [
    *("BANKS", "CACHE", "ENDED", "HEAD", "LAST_END", "LAST_FIRST", "LEFT", "LOST", "SHARE", "START", "TAIL", "WRITES"),
    *("Banks", "Streams", "banks_in", "conflicts_of", "no_streams"),
]

#: Streams by number, as the machine calls them.
_NAMES = ("pe_grid", "noc", "cmp", "outputs")

#: Of a stream, what does not change: whose banks it uses (NOWHERE where nothing makes it wait), how many in a cycle,
#: whether it writes.
CACHE, BANKS, WRITES = range(3)
#: Of a stream, what changes: where it starts, the cycles that it has to go and has lost in all, what the current cycles
#: give it, and whether it has ended and nobody has been told.
START, LEFT, LOST, SHARE, ENDED = range(5)
#: Of a cache: the next fill and the end of the fills in the table of the phase; the last one of the phase before.
HEAD, TAIL, LAST_FIRST, LAST_END = range(4)


class Banks(NamedTuple):
    """What does not change: *caches* counts those in whose banks streams collide, a unified one is one.

    *of_kind* says which of these the fills of a kind go to, or NOWHERE; a fill takes *fill* of the *available* banks.
    """

    caches: int
    available: int
    shared_port: bool
    fill: int
    burst_words: int
    fill_words: int
    of_kind: Ints
    uses: Ints


class Streams(NamedTuple):
    """What changes: rows of streams, rows of caches, and the cycle up to which all is settled."""

    streams: Ints
    caches: Ints
    settled: Ints


def banks_in(hardware: Hardware) -> Banks:
    """Return what the caches of *hardware* come to."""
    unified, uses = hardware.caches.organisation == "unified", stream_uses(hardware)
    numbers: dict[int, int] = {}
    of_kind = np.full(len(READS), at.NOWHERE, dtype=np.int64)
    for kind, waits in enumerate(colliding(hardware)):
        if waits:
            of_kind[kind] = numbers.setdefault(0 if unified else kind, len(numbers))
    rows = np.full((at.STREAMS, 3), at.NOWHERE, dtype=np.int64)
    for stream, name in enumerate(_NAMES):
        if name in uses:
            rows[stream] = of_kind[uses[name].cache], uses[name].banks, uses[name].write
    return Banks(
        caches=len(numbers),
        available=banks_of(hardware),
        shared_port=hardware.caches.ports == 1,
        fill=uses["fill"].banks,
        burst_words=hardware.burst_words,
        fill_words=hardware.noc.fill_words_per_cycle,
        of_kind=of_kind,
        uses=rows,
    )


def no_streams(banks: Banks) -> Streams:
    """Return streams of which none has begun."""
    sides = ((at.STREAMS, 5), (banks.caches, 4), (1,))
    return Streams(*(np.zeros(side, dtype=np.int64) for side in sides))


def conflicts_of(hardware: Hardware, streams: Streams) -> dict[tuple[str, str], int]:
    """Return the cycles that streams have lost, by cache and stream."""
    uses, unified = stream_uses(hardware), hardware.caches.organisation == "unified"
    return {
        ("unified" if unified else READS[uses[name].cache], name): lost
        for name, lost in zip(_NAMES, streams.streams[:, LOST].tolist(), strict=True)
        if lost
    }
