"""The tables that the kernels work on: caches, and a phase; what stands in which column says :mod:`columns`."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mimesim.config.hardware import Hardware
from mimesim.engine import columns as at
from mimesim.machine.cache import make_caches
from mimesim.machine.kinds import OUTPUTS, READS

__all__ = [
    *("Blocks", "Directories", "Evictions", "Ints", "Nest", "Passes", "Steps", "Uses"),
    *("directories", "no_passes", "no_steps", "no_uses"),
]

Ints = NDArray[np.int64]


class Blocks(NamedTuple):
    """The blocks of a case by number: *facts* do not change, *lines* say where they are."""

    facts: Ints
    lines: Ints


class Directories(NamedTuple):
    """The distinct caches: *of_kind* says which one a kind looks up in; *scopes* are the current ones, by kind."""

    of_kind: Ints
    capacity: Ints
    used: Ints
    first: Ints
    last: Ints
    resident: Ints
    inserted: Ints
    dropped: Ints
    scopes: Ints
    pin: bool


class Evictions(NamedTuple):
    """Rows of counts; *places* is a hash table of those of the current phase, *rank* when each label first came up."""

    rows: Ints
    places: Ints
    rank: Ints


class Nest(NamedTuple):
    """What the loop nest runs over.

    Chunks of channel tile *i* are *chunks[chunk_first[i]:chunk_first[i + 1]]*; by chunk, *source*, and whether that is
    a *branch*. By group and source, *present* says whether the images have it and *weights* which row of
    *weight_blocks* they use there; *masks* likewise by group, *views* tell views apart. Columns of both tables are
    channel tile x chunks + chunk. *cycles* and *feed* hold those of a pass by group and window; *widths* are the
    channels of each channel tile, *positions* those of each position tile, *images* those of each group.
    """

    accumulations: Ints
    chunk_first: Ints
    chunks: Ints
    source: Ints
    branch: Ints
    present: Ints
    weights: Ints
    weight_blocks: Ints
    weight_slots: Ints
    views: Ints
    masks: Ints
    mask_blocks: Ints
    mask_slots: Ints
    cycles: Ints
    feed: Ints
    widths: Ints
    positions: Ints
    images: Ints
    weighted: bool


class Passes(NamedTuple):
    """The program of a phase: a row a pass, a drain job, a fill; *jobs_of*: drain jobs up to the end of each use."""

    passes: Ints
    jobs: Ints
    fills: Ints
    jobs_of: Ints


class Uses(NamedTuple):
    """What passes and jobs look up.

    Blocks of window *i* are *windows[window_first[i]:window_first[i + 1]]*, images of group *i* those of *members*
    likewise. *names* are the tasks of the passes of each group. By image and source, *bases* is the number of block 0
    of a region. By image: *labels*, *slots* under which it fetches, block 0 of its output in *outputs*, and whether
    that is *cached*. Tables of thresholds and norm that group *i* loads are those of *own*; *drained* holds their
    blocks by channel tile x places + place, *drained_slots* their slots. *completed* is what is complete after each of
    these.
    """

    window_first: Ints
    windows: NDArray[np.int32]
    source: Ints
    member_first: Ints
    members: Ints
    names: Ints
    bases: Ints
    labels: Ints
    slots: Ints
    outputs: Ints
    cached: Ints
    own_first: Ints
    own: Ints
    drained: Ints
    drained_slots: Ints
    completed_first: Ints
    completed: Ints
    dead: Ints
    chunks: int
    places: int
    number: int
    first_pass: int
    first_fill: int
    first_job: int


class Steps(NamedTuple):
    """What the steps of a phase ask for; the last row of each is the step that looks up the first fill ahead.

    *reads* holds, by step, where its weights, activations and thresholds begin in *read* and where they end, *writes*
    likewise in *written* what it evicts dirty, *victims* the latest fill, pass and job that the step waits for.
    *placed* are the blocks that were allocated, *around* those that drain jobs write: of job *i* from *around_first[i]*
    on. All these are numbers of blocks. *fetched* counts, by slot, values, extra, norm, bursts and blocks.
    """

    reads: Ints
    writes: Ints
    victims: Ints
    read: Ints
    written: Ints
    placed: Ints
    around_first: Ints
    around: Ints
    fetched: Ints
    spot: Ints


def directories(hardware: Hardware) -> Directories:
    """Return empty caches."""
    caches = make_caches(hardware.caches, hardware.word_bits)
    distinct = list(dict.fromkeys(caches))

    def full(value: int) -> Ints:
        return np.full(len(distinct), value, dtype=np.int64)

    of_kind = [distinct.index(cache) for cache in caches]
    return Directories(
        of_kind=np.array([*of_kind, of_kind[READS.index("activations")]]),
        capacity=np.array([cache.capacity for cache in distinct]),
        used=full(0),
        first=full(at.NOWHERE),
        last=full(at.NOWHERE),
        resident=full(0),
        inserted=full(0),
        dropped=full(0),
        scopes=np.zeros(OUTPUTS + 1, dtype=np.int64),
        pin=hardware.caches.policy == "pin",
    )


def _none(*sides: int) -> Ints:
    return np.zeros(sides, dtype=np.int64)


def no_passes() -> Passes:
    """Return the program of a phase that does nothing."""
    return Passes(_none(0, at.PASS), _none(0, at.DRAIN), _none(0, at.LOAD), _none(0))


def no_uses() -> Uses:
    """Return what it looks up."""
    vectors, tables = 1, 2
    sides = {"bases": tables, "drained": tables, "dead": tables}
    lists = {name: _none(*[0] * sides.get(name, vectors)) for name in Uses._fields[:-6] if name != "windows"}
    windows = np.zeros(0, dtype=np.int32)
    return Uses(**lists, windows=windows, chunks=1, places=1, number=0, first_pass=0, first_fill=0, first_job=0)


def no_steps() -> Steps:
    """Return what it asks for."""
    return Steps(
        reads=_none(1, 4),
        writes=_none(1, 2),
        victims=_none(1, 3),
        read=_none(0),
        written=_none(0),
        placed=_none(0),
        around_first=_none(1),
        around=_none(0),
        fetched=_none(1, 5),
        spot=_none(at.SPOT),
    )
