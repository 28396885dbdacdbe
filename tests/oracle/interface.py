"""What goes into the oracle and what comes out of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

__all__ = ["OracleCase", "OracleImage", "OracleResult", "Phase"]


@dataclass(frozen=True)
class OracleImage:
    """One image: its task and the recorded mask of every sparse tensor, bool (C, H, W), by node name."""

    task: str
    masks: Mapping[str, np.ndarray]


@dataclass(frozen=True)
class OracleCase:
    """The scheme: how zeros are skipped and which parameters the tasks own."""

    skipping: str  # none | gate | per_position | lockstep
    weights_shared: bool  # one parameter set for all tasks (owner "shared"), else one per task
    thresholds: str | None  # None | "neuron" | "channel"
    storage: str = "dense"  # dense | bitmap
    # (owner, layer) -> bool weight_shape, linear: (F, C, H, W); None: all weights are non-zero.
    weight_masks: Mapping[tuple[str, str], np.ndarray] | None = None
    # Operations whose weights belong to the tasks even where the others are shared: the heads.
    own_layers: frozenset[str] = frozenset()
    # (layer, branch) whose weights are shared; those of all other branches belong to the tasks.
    shared_branches: frozenset[tuple[str, str]] = frozenset()
    # Operations of whose weights every task has a view of its own (its zeros are then in weight_masks), those among
    # them with a mask block for each, and the bits of index that all weights have.
    views: frozenset[str] = frozenset()
    masks: frozenset[str] = frozenset()
    index_bits: int = 0
    # What lies in on-chip non-volatile memory: (operation, branch), the inputs under no branch's name.
    envm: frozenset[tuple[str, str]] = frozenset()
    # Operations whose norm is the task's and is loaded where sums are drained.
    task_norm: frozenset[str] = frozenset()
    # The units of the network that a task uses; one that is not listed uses all.
    units: Mapping[str, frozenset[str]] = field(default_factory=dict)


@dataclass
class Phase:
    """One operation, for all images of a batch or for one of them (``images``: indices into the batch)."""

    batch: int
    operation: str
    images: tuple[int, ...]
    start_cycle: int = 0
    end_cycle: int = 0
    busy_cycles: int = 0
    stalls: dict[str, int] = field(default_factory=lambda: {"cache": 0, "dram": 0, "noc": 0, "drain": 0})
    macs: int = 0
    balance: dict[str, int] = field(
        default_factory=lambda: {"gated": 0, "padding": 0, "imbalance": 0, "swap": 0, "unmapped": 0}
    )


@dataclass
class OracleResult:
    """Everything the product must agree with."""

    cycles: int
    phases: list[Phase]
    busy: dict[str, int]  # controller, dram (data-bus clocks), noc, pe_grid, cmp
    words: dict[tuple[str, str, str], int]  # (level, tensor, direction) -> words of the whole run, no zeros
    bursts: dict[tuple[str, str], int]  # (tensor, direction)
    passes: int
    # (phase, by kind, by task, victim's kind, task and layer, task of the pass before, of this one)
    # -> blocks, words, refetched words
    evictions: dict[tuple[int, str, str, str, str, str, str, str], tuple[int, int, int]]
    conflicts: dict[tuple[str, str], int]  # (cache, stream) -> cycles lost, no zeros
    cache_blocks: dict[str, int]  # inserted, evicted, dropped, resident at the end
    residents: list[Any] = field(default_factory=list)  # the blocks of parameters that the caches held at the end
    held: dict[tuple[object, ...], Any] = field(default_factory=dict)  # ... and the places of eNVM
