"""The caches, compiled: what :class:`mimesim.machine.cache.Cache` does, and who evicts whom, in arrays."""

from __future__ import annotations

from mimesim.engine import columns as at
from mimesim.engine.jit import inlined, kernel
from mimesim.engine.tables import Blocks, Directories, Evictions, Steps
from mimesim.machine.kinds import ACTIVATIONS, OUTPUTS, THRESHOLDS

__all__ = ["append", "drop", "seen", "use"]


@inlined
def _unlink(blocks: Blocks, caches: Directories, cache: int, block: int) -> None:
    before, after = blocks.lines[block, at.BEFORE], blocks.lines[block, at.AFTER]
    if before == at.NOWHERE:
        caches.first[cache] = after
    else:
        blocks.lines[before, at.AFTER] = after
    if after == at.NOWHERE:
        caches.last[cache] = before
    else:
        blocks.lines[after, at.BEFORE] = before


@inlined
def append(blocks: Blocks, caches: Directories, cache: int, block: int) -> None:
    """Make a block the most recent one."""
    last = caches.last[cache]
    blocks.lines[block, at.BEFORE], blocks.lines[block, at.AFTER] = last, at.NOWHERE
    if last == at.NOWHERE:
        caches.first[cache] = block
    else:
        blocks.lines[last, at.AFTER] = block
    caches.last[cache] = block


@inlined
def _remove(blocks: Blocks, caches: Directories, cache: int, block: int) -> None:
    """Take a block out of its cache."""
    _unlink(blocks, caches, cache, block)
    blocks.lines[block, at.INSIDE] = at.NOWHERE
    caches.used[cache] -= blocks.facts[block, at.SIZE]
    caches.resident[cache] -= 1


@inlined
def seen(rows: Evictions, steps: Steps, label: int) -> None:
    """Number labels in the order in which they come up: rows of evictions are kept in this order."""
    if rows.rank[label] < 0:
        rows.rank[label] = steps.spot[at.RANKS]
        steps.spot[at.RANKS] += 1


@inlined
def _row_of(rows: Evictions, steps: Steps, by: int, victim: int) -> int:
    """Return the row that counts what *by* evicts of *victim* in the current turn, made on first use."""
    spot, mask = steps.spot, len(rows.places) - 1
    place = (((spot[at.TURN_FROM] * 61 + spot[at.TURN_TO]) * 1021 + by) * 4093 + victim) & mask
    while True:
        row = rows.places[place]
        if row < spot[at.FIRST_ROW]:
            # Free, or of a phase that is over.
            break
        same = rows.rows[row, at.BY] == by and rows.rows[row, at.VICTIM] == victim
        turned = rows.rows[row, at.FROM] == spot[at.TURN_FROM] and rows.rows[row, at.TO] == spot[at.TURN_TO]
        if same and turned:
            return int(row)
        place = (place + 1) & mask
    row = spot[at.ROWS]
    spot[at.ROWS] += 1
    rows.places[place] = row
    rows.rows[row, at.FROM], rows.rows[row, at.TO] = spot[at.TURN_FROM], spot[at.TURN_TO]
    rows.rows[row, at.BY], rows.rows[row, at.VICTIM] = by, victim
    rows.rows[row, at.BLOCKS] = rows.rows[row, at.LOST] = rows.rows[row, at.AGAIN] = 0
    return int(row)


@inlined
def _evict(
    blocks: Blocks, caches: Directories, rows: Evictions, steps: Steps, cache: int, block: int, by: int, step: int
) -> None:
    lines, facts = blocks.lines, blocks.facts
    kind, victim = lines[block, at.INSIDE], lines[block, at.LABEL]
    # A step waits for fills, passes and jobs, the last for thresholds and for outputs.
    waits = THRESHOLDS if kind == OUTPUTS else kind
    steps.victims[step, waits] = max(steps.victims[step, waits], lines[block, at.USER])
    _remove(blocks, caches, cache, block)
    if lines[block, at.DIRTY]:
        lines[block, at.DIRTY] = 0
        victim |= 1
        steps.written[steps.spot[at.WRITTEN]] = block
        steps.spot[at.WRITTEN] += 1
    row = _row_of(rows, steps, by, victim)
    rows.rows[row, at.BLOCKS] += 1
    rows.rows[row, at.LOST] += facts[block, at.VALUES] + facts[block, at.EXTRA] + facts[block, at.NORM]
    lines[block, at.GONE] = row


@inlined
def _make_room(
    blocks: Blocks, caches: Directories, rows: Evictions, steps: Steps, cache: int, words: int, by: int, step: int
) -> bool:
    """Evict least recently used blocks until *words* fit; with ``pin`` only ended ones, and all or none."""
    room = caches.capacity[cache] - words
    if caches.pin:
        used, block = caches.used[cache], caches.first[cache]
        while used > room and block != at.NOWHERE:
            if blocks.lines[block, at.SCOPE] != caches.scopes[blocks.lines[block, at.INSIDE]]:
                used -= blocks.facts[block, at.SIZE]
            block = blocks.lines[block, at.AFTER]
        if used > room:
            return False
    block = caches.first[cache]
    while caches.used[cache] > room:
        after = blocks.lines[block, at.AFTER]
        if not caches.pin or blocks.lines[block, at.SCOPE] != caches.scopes[blocks.lines[block, at.INSIDE]]:
            _evict(blocks, caches, rows, steps, cache, block, by, step)
        block = after
    return True


@inlined
def use(
    blocks: Blocks,
    caches: Directories,
    rows: Evictions,
    steps: Steps,
    block: int,
    kind: int,
    user: int,
    label: int,
    step: int,
    slot: int,
) -> None:
    """Look up a block, or allocate it as one of outputs; what misses is fetched, and counted in *slot*."""
    lines, cache = blocks.lines, caches.of_kind[kind]
    if lines[block, at.INSIDE] != at.NOWHERE:
        if caches.last[cache] != block:
            _unlink(blocks, caches, cache, block)
            append(blocks, caches, cache, block)
    else:
        facts = blocks.facts
        if kind != OUTPUTS:
            row = lines[block, at.GONE]
            if row != at.NOWHERE:
                again = facts[block, at.VALUES] + facts[block, at.EXTRA] + facts[block, at.NORM]
                rows.rows[row, at.AGAIN] += again
                lines[block, at.GONE] = at.NOWHERE
            steps.read[steps.spot[at.READ]] = block
            steps.spot[at.READ] += 1
            steps.fetched[slot, 0] += facts[block, at.VALUES]
            steps.fetched[slot, 1] += facts[block, at.EXTRA]
            steps.fetched[slot, 2] += facts[block, at.NORM]
            steps.fetched[slot, 3] += facts[block, at.BURSTS]
            steps.fetched[slot, 4] += 1
        words = facts[block, at.SIZE]
        fits = caches.used[cache] + words <= caches.capacity[cache]
        if not fits and not _make_room(blocks, caches, rows, steps, cache, words, label, step):
            if kind == OUTPUTS:
                steps.around[steps.spot[at.AROUND]] = block
                steps.spot[at.AROUND] += 1
            return
        append(blocks, caches, cache, block)
        caches.used[cache] += words
        caches.resident[cache] += 1
        caches.inserted[cache] += 1
        if kind == OUTPUTS:
            lines[block, at.DIRTY] = 1
            steps.placed[steps.spot[at.PLACED]] = block
            steps.spot[at.PLACED] += 1
    lines[block, at.INSIDE] = kind
    lines[block, at.USER] = user
    lines[block, at.SCOPE] = caches.scopes[kind]
    lines[block, at.LABEL] = label


@kernel
def drop(blocks: Blocks, caches: Directories, first: int, end: int) -> None:
    """Forget the dirty blocks with numbers from *first* up to, not including, *end*."""
    cache = caches.of_kind[ACTIVATIONS]
    for block in range(first, end):
        if blocks.lines[block, at.DIRTY]:
            blocks.lines[block, at.DIRTY] = 0
            _remove(blocks, caches, cache, block)
            caches.dropped[cache] += 1
