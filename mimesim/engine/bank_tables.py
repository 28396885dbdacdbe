"""The banks of the caches in arrays: what a configuration comes to, and the streams that use them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from mimesim.config.hardware import Hardware
from mimesim.engine import columns as at
from mimesim.engine.tables import Ints
from mimesim.machine.banks import banks_of, colliding, stream_uses
from mimesim.machine.kinds import READS

__all__ = ["STREAM_NAMES", "Banks", "Streams", "banks_in", "conflicts_of", "no_streams"]

#: Streams by number, as the machine calls them.
STREAM_NAMES = ("pe_grid", "noc", "cmp", "outputs")


class Banks(NamedTuple):
    """What does not change: *caches* counts the distinct ones in whose banks streams collide, from 0 on.

    *of_kind* and *of_stream* say which of these fills and streams use, NOWHERE where nothing makes them wait. *taken*
    are the banks that each stream takes of those *available*, *fill* those of fills; *writes* says which streams write.
    """

    caches: int
    available: int
    shared_port: bool
    fill: int
    of_kind: Ints
    of_stream: Ints
    taken: Ints
    writes: Ints


class Streams(NamedTuple):
    """What changes: up to which cycle all is *settled*; by stream, where it starts, cycles *left* and *lost*.

    *over* are streams that have ended and nobody has looked at, *shares* what the current cycles give them. By cache,
    *head* and *tail* bound the fills to come in the table of the phase, *last* is the latest of the phase before.
    """

    settled: Ints
    start: Ints
    left: Ints
    lost: Ints
    over: Ints
    shares: Ints
    head: Ints
    tail: Ints
    last: Ints


def banks_in(hardware: Hardware) -> Banks:
    """Return what the caches of *hardware* come to."""
    unified, uses = hardware.caches.organisation == "unified", stream_uses(hardware)
    numbers: dict[int, int] = {}
    of_kind = np.full(len(READS), at.NOWHERE, dtype=np.int64)
    for kind, waits in enumerate(colliding(hardware)):
        if waits:
            of_kind[kind] = numbers.setdefault(0 if unified else kind, len(numbers))
    of_stream, taken, writes = (np.full(at.STREAMS, value, dtype=np.int64) for value in (at.NOWHERE, 0, 0))
    for stream, name in enumerate(STREAM_NAMES):
        if name in uses:
            use = uses[name]
            of_stream[stream], taken[stream], writes[stream] = of_kind[use.cache], use.banks, use.write
    return Banks(
        caches=len(numbers),
        available=banks_of(hardware),
        shared_port=hardware.caches.ports == 1,
        fill=uses["fill"].banks,
        of_kind=of_kind,
        of_stream=of_stream,
        taken=taken,
        writes=writes,
    )


def no_streams(banks: Banks) -> Streams:
    """Return streams of which none has begun."""

    def zeros(*sides: int) -> Ints:
        return np.zeros(sides, dtype=np.int64)

    by_stream = {name: zeros(at.STREAMS) for name in ("start", "left", "lost", "over", "shares")}
    caches = banks.caches
    return Streams(settled=zeros(1), head=zeros(caches), tail=zeros(caches), last=zeros(caches, 2), **by_stream)


def conflicts_of(hardware: Hardware, streams: Streams) -> dict[tuple[str, str], int]:
    """Return the cycles that streams have lost, by cache and stream."""
    uses, unified = stream_uses(hardware), hardware.caches.organisation == "unified"
    return {
        ("unified" if unified else READS[uses[name].cache], name): lost
        for name, lost in zip(STREAM_NAMES, streams.lost.tolist(), strict=True)
        if lost
    }
