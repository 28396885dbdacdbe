"""A phase of a program: the lists of its passes, fills and drain jobs that the parts of the machine walk."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from mimesim.ledger import SHARED_IMAGE, PhaseRecord
from mimesim.schedule.loopnest import Group
from mimesim.schedule.memory_map import ActivationRegion, ParameterBlock

__all__ = ["DrainJob", "Fill", "Lookups", "Phase", "ThresholdUse"]

#: (region, numbers of blocks) that a pass looks up.
Lookups = list[tuple[ActivationRegion, list[int]]]


@dataclass(slots=True)
class Fill:
    """A copy of one weight block of *owner* into the scratchpads; *cycles* on the NoC, *image* it is booked under.

    *view* is whose zeros it has, if they differ, and *mask*, booked under *mask_image*, the block that says which.
    *rewritten* are those of the two that are written into non-volatile memory first.
    """

    block: ParameterBlock
    cycles: int
    image: int
    owner: str
    view: str | None = None
    mask: ParameterBlock | None = None
    mask_image: int = SHARED_IMAGE
    rewritten: Sequence[ParameterBlock] = ()


@dataclass(slots=True)
class ThresholdUse:
    """A block of *task* that a drain job needs, of thresholds or of norm, and the image it is booked under."""

    block: ParameterBlock
    image: int
    task: str
    tensor: Literal["thresholds", "norm"] = "thresholds"


@dataclass(slots=True)
class DrainJob:
    """Compare, mask, pool and write out one position tile of one group, once pass *after* of the phase is done.

    *thresholds* are the blocks it loads from a cache, norm last, *rewritten* the blocks of norm that are written into
    non-volatile memory first, *writes* the runs (address, bursts) of the activation blocks it completes and writes to
    DRAM, *outputs* those, as (region, numbers of blocks), that go into a cache if
    there is room. Of *cycles*, the first *load_cycles* read a cache, the last *store_cycles* write into one.
    """

    after: int
    cycles: int
    thresholds: list[ThresholdUse]
    writes: list[tuple[int, int]]
    outputs: list[tuple[ActivationRegion, list[int]]] = field(default_factory=list)
    rewritten: Sequence[ThresholdUse] = ()
    load_cycles: int = 0
    store_cycles: int = 0


@dataclass(slots=True)
class Phase:
    """One operation for the images of one phase; the lists that are not said otherwise hold one entry per pass.

    *position*: which operation of the network. *cycles*: length of the pass. *fill*: number of the fill it uses, -1 for
    none. *lookups*: (region, numbers of blocks) pairs. *accumulation*: its index in the phase when the pass is the
    first of one, else -1. *group*: whose pass it is. *scope*: see :class:`Accumulation`. *mapped_pes*: PEs that hold an
    output. *rows* and *feed_cycles*: cycles of each row and of the activation network, where rows may drift (``barrier:
    tile``); the network's also where banks may collide. *jobs_of*, per accumulation: drain jobs up to its end. *dead*:
    what no later phase reads.
    """

    record: PhaseRecord
    position: int
    mapped_pes: list[int] = field(default_factory=list)
    groups: list[Group] = field(default_factory=list)
    cycles: list[int] = field(default_factory=list)
    fill: list[int] = field(default_factory=list)
    lookups: list[Lookups] = field(default_factory=list)
    accumulation: list[int] = field(default_factory=list)
    group: list[int] = field(default_factory=list)
    scope: list[int] = field(default_factory=list)
    rows: list[list[int]] = field(default_factory=list)
    feed_cycles: list[int] = field(default_factory=list)
    fills: list[Fill] = field(default_factory=list)
    jobs: list[DrainJob] = field(default_factory=list)
    jobs_of: list[int] = field(default_factory=list)
    dead: list[ActivationRegion] = field(default_factory=list)
