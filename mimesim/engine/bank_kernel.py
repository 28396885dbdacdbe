"""The banks of the caches, compiled: what :class:`mimesim.machine.banks.BankArbiter` does, in arrays.

All caches are taken together, so that nothing is settled before all that may collide with it is known.
"""

from __future__ import annotations

from mimesim.engine import columns as at
from mimesim.engine.bank_tables import Banks, Streams
from mimesim.engine.jit import inlined, kernel
from mimesim.engine.tables import Ints

__all__ = ["NEVER", "advance", "begin", "carry", "note_fill", "resume"]

#: Later than everything: not known yet, or nothing to come.
NEVER = 1 << 62

#: What a stream gets of a cycle.
_IDLE, _SERVED, _LOSES = range(3)


@inlined
def begin(streams: Streams, stream: int, start: int, cycles: int) -> None:
    """Let *stream* be active from *start* on, until *cycles* cycles are not lost."""
    streams.start[stream], streams.left[stream] = start, cycles


@inlined
def note_fill(banks: Banks, streams: Streams, cache_fills: Ints, kind: int, first: int, end: int) -> None:
    """Say that the cache of a kind is filled in the cycles from *first* to before *end*; the table of the phase is *cache_fills*."""
    cache = banks.of_kind[kind]
    if cache != at.NOWHERE:
        place = streams.tail[cache]
        cache_fills[cache, place, 0], cache_fills[cache, place, 1] = first, end
        streams.tail[cache] = place + 1


@inlined
def resume(banks: Banks, streams: Streams, cache_fills: Ints) -> None:
    """Begin the table of a phase with what the phase before left: of the fills noted before, at most the last goes on."""
    for cache in range(banks.caches):
        cache_fills[cache, 0, 0], cache_fills[cache, 0, 1] = streams.last[cache, 0], streams.last[cache, 1]
        streams.head[cache], streams.tail[cache] = 0, 1


@inlined
def carry(banks: Banks, streams: Streams, cache_fills: Ints) -> None:
    """Keep what :func:`resume` asks for."""
    for cache in range(banks.caches):
        place = streams.tail[cache] - 1
        streams.last[cache, 0], streams.last[cache, 1] = cache_fills[cache, place, 0], cache_fills[cache, place, 1]


@inlined
def _share(banks: Banks, streams: Streams, cache_fills: Ints, cache: int, cycle: int, until: int) -> int:
    """Give the banks of a cache to the streams that are active in *cycle*, by priority.

    Returns up to where all cycles are alike, at most *until*.
    """
    busy = False
    for stream in range(at.STREAMS):
        if banks.of_stream[stream] == cache and streams.left[stream] > 0:
            if streams.start[stream] > cycle:
                until = min(until, streams.start[stream])
            else:
                busy = True
    if not busy:
        return until
    # Banks taken by reads and by writes.
    read = write = 0
    head, tail = streams.head[cache], streams.tail[cache]
    while head < tail and cache_fills[cache, head, 1] <= cycle:
        head += 1
    streams.head[cache] = head
    if head < tail:
        if cache_fills[cache, head, 0] <= cycle:
            write = banks.fill
            until = min(until, cache_fills[cache, head, 1])
        else:
            until = min(until, cache_fills[cache, head, 0])
    for stream in range(at.STREAMS):
        if banks.of_stream[stream] != cache or streams.left[stream] == 0 or streams.start[stream] > cycle:
            continue
        needed, before = banks.taken[stream], read + write
        if not banks.shared_port:
            before = write if banks.writes[stream] else read
        if before + needed > banks.available:
            streams.shares[stream] = _LOSES
            continue
        streams.shares[stream] = _SERVED
        if banks.writes[stream]:
            write += needed
        else:
            read += needed
        until = min(until, cycle + streams.left[stream])
    return until


@kernel
def advance(banks: Banks, streams: Streams, cache_fills: Ints, horizon: int) -> bool:
    """Serve all cycles before *horizon*, but none after the first in which a stream ends; return whether one has.

    All that is active before *horizon* has to be known. Between two changes all cycles are alike and are taken together.
    """
    cycle, ended = streams.settled[0], False
    while cycle < horizon and not ended:
        until = horizon
        for stream in range(at.STREAMS):
            streams.shares[stream] = _IDLE
        for cache in range(banks.caches):
            until = _share(banks, streams, cache_fills, cache, cycle, until)
        if until == NEVER:
            break
        for stream in range(at.STREAMS):
            if streams.shares[stream] == _SERVED:
                streams.left[stream] -= until - cycle
                if streams.left[stream] == 0:
                    streams.over[stream] = 1
                    ended = True
            elif streams.shares[stream] == _LOSES:
                streams.lost[stream] += until - cycle
        cycle = until
    streams.settled[0] = cycle
    return ended
