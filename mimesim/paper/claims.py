"""What the paper claims, as data: every number and every remark of its results that a replay can confirm or refute.

The list was written and committed before the first result was looked at, and ``tests/paper`` pins its hash, so that no
claim is dropped and no band is widened because of what came out. Source: Bhattacharjee et al., "MIME: Adapting a Single
Neural Network for Multi-task Inference with Memory-efficient Dynamic Pruning" (arXiv 2204.05274); the figures print no
values, so the bands are the ranges that its text gives.

Bands that the paper does not state are ours, and say so under *basis*.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from functools import cache

from mimesim.paper.claim import EVEN_LAYERS, TABLE_LAYERS, TASKS, Claim, Masks
from mimesim.paper.figures import ablation, pipelined, pruned, singular, storage
from mimesim.paper.tables import tables

__all__ = ["CLAIMS", "EVEN_LAYERS", "TABLE_LAYERS", "TASKS", "Claim", "Masks", "claims_digest"]

#: Every claim, in the order of the paper's figures.
CLAIMS: tuple[Claim, ...] = tuple(
    claim for part in (storage, singular, pipelined, pruned, ablation, tables) for claim in part()
)


@cache
def claims_digest() -> str:
    """Return the sha256 of the whole list; it changes with any claim, band or text."""
    listed = [asdict(claim) for claim in CLAIMS]
    return hashlib.sha256(json.dumps(listed, sort_keys=True).encode()).hexdigest()
