"""What a run consists of, in program order: passes, fills and drain jobs."""

from __future__ import annotations

from dataclasses import dataclass, field

from .geometry import Chunk, Operation, PositionTile
from .interface import Phase
from .storage import Block, Storage

__all__ = ["Group", "Job", "Pass", "Program"]

Group = tuple[int, ...]  # images by their number in the run


@dataclass
class Pass:
    """One pass of the PE grid."""

    index: int
    phase: int
    accumulation: int
    operation: Operation
    owner: str
    group: Group
    tile_index: int
    tile: tuple[int, ...]
    position_tile: PositionTile
    chunk: Chunk
    weight_block: Block | None
    mask_block: Block | None
    zeros_of: str  # whose zero weights count
    fill: int | None  # the fill whose weights it uses
    starts_fill: bool
    first_of_phase: bool
    first_of_accumulation: bool
    activation_blocks: list[Block]
    threshold_blocks: list[Block]
    rewritten: list[Block]  # weights and masks in eNVM that are written for its fill
    norm_blocks: list[Block]  # in eNVM, of the drain job that its end allows
    rewritten_norm: list[Block]  # those among them that are written first
    job: int | None = None  # the drain job that its end allows


@dataclass
class Job:
    """One drain job: it writes blocks to DRAM and others, those *allocated*, into a cache.

    Which of the blocks that it completes are allocated is found when they are looked up; until then they are *writes*,
    and *cached* are the images whose blocks may be.
    """

    index: int
    accumulation: int
    cause: Pass
    writes: list[Block]
    cached: frozenset[int]
    allocated: list[Block] = field(default_factory=list)

    @property
    def allocates(self) -> bool:
        return bool(self.cached)


@dataclass
class Program:
    """Everything in program order; *phase_passes* and *phase_jobs* hold the last index of each phase."""

    storage: Storage
    phases: list[Phase] = field(default_factory=list)
    passes: list[Pass] = field(default_factory=list)
    jobs: list[Job] = field(default_factory=list)
    fills: list[tuple[Block, Block | None, list[Block]]] = field(default_factory=list)  # weights, mask, rewritten
    held: dict[tuple[object, ...], Block] = field(default_factory=dict)  # what the places of eNVM hold, so far
    last_pass_of_fill: list[int] = field(default_factory=list)
    last_job_of_accumulation: list[int] = field(default_factory=list)
    phase_passes: list[int] = field(default_factory=list)
    phase_jobs: list[int] = field(default_factory=list)
    phase_dead: list[set[tuple[object, ...]]] = field(default_factory=list)  # activation blocks nobody reads after it
