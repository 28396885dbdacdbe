"""The banks of the caches, compiled: what :class:`mimesim.machine.banks.BankArbiter` does, in arrays.

All caches are taken together, so that nothing is settled before all that may collide with it is known.
"""

from __future__ import annotations

from mimesim.engine import columns as at
from mimesim.engine.bank_tables import (
    BANKS,
    CACHE,
    ENDED,
    HEAD,
    LAST_END,
    LAST_FIRST,
    LEFT,
    LOST,
    SHARE,
    START,
    TAIL,
    WRITES,
    Banks,
    Streams,
)
from mimesim.engine.jit import inlined, kernel
from mimesim.engine.tables import Blocks, Ints

__all__ = ["NEVER", "advance", "begin", "carry", "note_fill", "resume"]

#: Later than everything: not known yet, or nothing to come.
NEVER = 1 << 62

#: What a stream gets of a cycle.
_IDLE, _SERVED, _LOSES = range(3)


@inlined
def begin(streams: Streams, stream: int, start: int, cycles: int) -> None:
    """Let *stream* be active from *start* on, until *cycles* cycles are not lost."""
    streams.streams[stream, START], streams.streams[stream, LEFT] = start, cycles


@kernel
def note_fill(
    banks: Banks, streams: Streams, fills: Ints, blocks: Blocks, kind: int, done: int, asked: Ints, first: int, end: int
) -> None:
    """Say that the blocks *asked[first:end]* fill a cache in the last cycles before *done*."""
    cache, bursts = banks.of_kind[kind], 0
    if cache == at.NOWHERE:
        return
    for place in range(first, end):
        bursts += blocks.facts[asked[place], at.BURSTS]
    place = streams.caches[cache, TAIL]
    fills[cache, place, 0] = done - (bursts * banks.burst_words + banks.fill_words - 1) // banks.fill_words
    fills[cache, place, 1] = done
    streams.caches[cache, TAIL] = place + 1


@kernel
def resume(banks: Banks, streams: Streams, fills: Ints) -> None:
    """Begin the fills of a phase with the last one of the phase before: it alone may go on."""
    for cache in range(banks.caches):
        fills[cache, 0, 0], fills[cache, 0, 1] = streams.caches[cache, LAST_FIRST], streams.caches[cache, LAST_END]
        streams.caches[cache, HEAD], streams.caches[cache, TAIL] = 0, 1


@kernel
def carry(banks: Banks, streams: Streams, fills: Ints) -> None:
    """Keep what :func:`resume` asks for."""
    for cache in range(banks.caches):
        place = streams.caches[cache, TAIL] - 1
        streams.caches[cache, LAST_FIRST], streams.caches[cache, LAST_END] = (
            fills[cache, place, 0],
            fills[cache, place, 1],
        )


@inlined
def _share(banks: Banks, streams: Streams, fills: Ints, cache: int, cycle: int, until: int) -> int:
    """Give the banks of a cache to the streams that are active in *cycle*, by priority.

    Returns up to where all cycles are alike, at most *until*.
    """
    state, busy = streams.streams, False
    for stream in range(at.STREAMS):
        if banks.uses[stream, CACHE] == cache and state[stream, LEFT] > 0:
            if state[stream, START] > cycle:
                until = min(until, state[stream, START])
            else:
                busy = True
    if not busy:
        return until
    # Banks taken by reads and by writes.
    read = write = 0
    head, tail = streams.caches[cache, HEAD], streams.caches[cache, TAIL]
    while head < tail and fills[cache, head, 1] <= cycle:
        head += 1
    streams.caches[cache, HEAD] = head
    if head < tail:
        if fills[cache, head, 0] <= cycle:
            write = banks.fill
            until = min(until, fills[cache, head, 1])
        else:
            until = min(until, fills[cache, head, 0])
    for stream in range(at.STREAMS):
        if banks.uses[stream, CACHE] != cache or state[stream, LEFT] == 0 or state[stream, START] > cycle:
            continue
        needed, before = banks.uses[stream, BANKS], read + write
        if not banks.shared_port:
            before = write if banks.uses[stream, WRITES] else read
        if before + needed > banks.available:
            state[stream, SHARE] = _LOSES
            continue
        state[stream, SHARE] = _SERVED
        if banks.uses[stream, WRITES]:
            write += needed
        else:
            read += needed
        until = min(until, cycle + state[stream, LEFT])
    return until


@inlined
def _ended(state: Ints) -> int:
    """Return a stream that has ended and that nobody has been told of, NOWHERE if there is none."""
    for stream in range(at.STREAMS):
        if state[stream, ENDED]:
            state[stream, ENDED] = 0
            return stream
    return at.NOWHERE


@kernel
def advance(banks: Banks, streams: Streams, fills: Ints, horizon: int) -> int:
    """Serve all cycles before *horizon*, or up to the first in which a stream ends; return this stream, or NOWHERE.

    All that is active before *horizon* has to be known. Between two changes all cycles are alike and are taken as one.
    """
    state, cycle = streams.streams, streams.settled[0]
    ended = _ended(state)
    while cycle < horizon and ended == at.NOWHERE:
        until = horizon
        for stream in range(at.STREAMS):
            state[stream, SHARE] = _IDLE
        for cache in range(banks.caches):
            until = _share(banks, streams, fills, cache, cycle, until)
        if until == NEVER:
            break
        for stream in range(at.STREAMS):
            if state[stream, SHARE] == _SERVED:
                state[stream, LEFT] -= until - cycle
                if state[stream, LEFT] == 0:
                    state[stream, ENDED] = 1
            elif state[stream, SHARE] == _LOSES:
                state[stream, LOST] += until - cycle
        cycle = until
        ended = _ended(state)
    streams.settled[0] = cycle
    return ended
