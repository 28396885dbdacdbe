"""What is booked (section 8), summed over the images of the run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from .counting import DrainCost, PassCost
from .program import Pass
from .storage import Block, Storage

__all__ = ["Ledger"]


class Ledger:
    """Counts of words by (level, tensor, direction) and of bursts by (tensor, direction)."""

    def __init__(self, storage: Storage) -> None:
        self.storage = storage
        self.words: Counter[tuple[str, str, str]] = Counter()
        self.bursts: Counter[tuple[str, str]] = Counter()

    def fetch(self, blocks: Iterable[Block]) -> None:
        for block in blocks:
            for tensor, count in block.words.items():
                self.words["dram", tensor, "read"] += count
                self.words["cache", tensor, "write"] += count
            self.bursts["norm" if block.key[0] == "norm" else block.kind, "read"] += block.bursts

    def rewrite(self, blocks: Iterable[Block]) -> None:
        for block in blocks:
            for tensor, count in block.words.items():
                self.words["dram", tensor, "read"] += count
                self.words["envm", tensor, "write"] += count
            self.bursts["norm" if block.key[0] == "norm" else "weights", "read"] += block.bursts

    def write_back(self, blocks: Iterable[Block]) -> None:
        for block in blocks:
            for tensor, count in block.words.items():
                name = "outputs" if tensor == "activations" else tensor
                self.words["dram", name, "write"] += count
            self.bursts["outputs", "write"] += block.bursts

    def allocate(self, blocks: Iterable[Block]) -> None:
        for block in blocks:
            for tensor, count in block.words.items():
                self.words["cache", "outputs" if tensor == "activations" else "outputs_mask", "write"] += count

    def evict_dirty(self, blocks: Iterable[Block]) -> None:
        for block in blocks:
            for tensor, count in block.words.items():
                self.words["cache", "outputs" if tensor == "activations" else "outputs_mask", "read"] += count
        self.write_back(blocks)

    def fill(self, block: Block) -> None:
        for tensor, count in block.words.items():
            self.words["envm" if block.kind == "envm" else "cache", tensor, "read"] += count
        self.words["reg", "weights", "write"] += block.fill_words * self.storage.hardware.grid.rows

    def run_pass(self, made: Pass, cost: PassCost) -> None:
        self.words["cache", "activations", "read"] += cost.words
        for block in made.activation_blocks:
            self.words["cache", "mask", "read"] += block.words.get("mask", 0)
        for tensor, direction in (("weights", "read"), ("activations", "read"), ("psums", "read"), ("psums", "write")):
            self.words["reg", tensor, direction] += cost.macs
        self.words["reg", "activations", "write"] += cost.words * len(made.tile)

    def drain(self, cost: DrainCost) -> None:
        self.words["cache", "thresholds", "read"] += cost.thresholds
        self.words["reg", "thresholds", "write"] += cost.thresholds
        self.words["reg", "thresholds", "read"] += cost.thresholds
        self.words["envm" if cost.norm_in_envm else "cache", "norm", "read"] += cost.norm
        self.words["reg", "norm", "write"] += cost.norm
        self.words["reg", "norm", "read"] += cost.norm
        self.words["reg", "outputs", "read"] += cost.sums

    def totals(self) -> dict[tuple[str, str, str], int]:
        return {key: count for key, count in self.words.items() if count}
