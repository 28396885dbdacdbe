"""Directories of the caches (section 6.1): what hits, what is evicted, what passes through."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from mimesim.config.hardware import Hardware
from mimesim.errors import InputError

from .program import Pass
from .storage import Block

__all__ = ["KINDS", "Directory", "Entry", "check_capacity", "directories"]

KINDS = ("weights", "activations", "thresholds")
Scope = tuple[int, ...]


@dataclass(eq=False)
class Entry:
    """A resident block, the scope and the layer of its latest use and the request that brought it, if one did."""

    block: Block
    scope: Scope
    request: int | None
    layer: str = ""
    dirty: bool = False


class Directory:
    """One cache; *entries* go from the least to the most recently used."""

    def __init__(self, words: float, policy: str, burst_words: int) -> None:
        self.words = words
        self.policy = policy
        self.burst_words = burst_words
        self.entries: list[Entry] = []

    def size(self, block: Block) -> int:
        return block.slot_bursts * self.burst_words

    def find(self, block: Block) -> Entry | None:
        for entry in self.entries:
            if entry.block.key == block.key:
                return entry
        return None

    def touch(self, entry: Entry, scope: Scope, layer: str = "") -> None:
        self.entries.remove(entry)
        entry.scope, entry.layer = scope, layer
        self.entries.append(entry)

    def insert(self, new: Entry, ended: Callable[[Entry], bool]) -> tuple[bool, list[Entry]]:
        """Keep a block if there is room or room can be made; return whether it is kept and what was evicted."""
        block = new.block
        room = self.words - sum(self.size(entry.block) for entry in self.entries)
        victims: list[Entry] = []
        for entry in self.entries:
            if room >= self.size(block):
                break
            if self.policy == "lru" or ended(entry):
                victims.append(entry)
                room += self.size(entry.block)
        if room < self.size(block):
            return False, []  # it passes through the fill buffer, or is written around
        for victim in victims:
            self.entries.remove(victim)
        self.entries.append(new)
        return True, victims

    def drop(self, keys: set[tuple[object, ...]]) -> int:
        """Forget the dirty blocks among *keys* and return how many there were."""
        dropped = [entry for entry in self.entries if entry.dirty and entry.block.key in keys]
        for entry in dropped:
            self.entries.remove(entry)
        return len(dropped)


def directories(hardware: Hardware) -> dict[str, Directory]:
    """Return the directory of each kind: one and the same for all kinds if the cache is unified."""
    caches = hardware.caches

    def made(kib: float) -> Directory:
        return Directory(kib * 1024 * 8 / hardware.word_bits, caches.policy, hardware.burst_words)

    if caches.organisation == "unified":
        return dict.fromkeys(KINDS, made(caches.unified_kib))
    return {
        "weights": made(caches.weights_kib),
        "activations": made(caches.activations_kib),
        "thresholds": made(caches.thresholds_kib),
    }


def check_capacity(made: Pass, allocated: list[Block], caches: dict[str, Directory]) -> None:
    """Raise unless every cache holds what one pass needs at once, with the output blocks that are *allocated*."""
    needed: dict[int, int] = {}
    weights = [block for block in (made.weight_block, made.mask_block) if block and block.kind == "weights"]
    for block in [*weights, *made.activation_blocks, *made.threshold_blocks, *allocated]:
        cache = caches[block.kind]
        needed[id(cache)] = needed.get(id(cache), 0) + cache.size(block)
        if needed[id(cache)] > cache.words:
            raise InputError("caches", f"hold {cache.words} words, a pass needs {needed[id(cache)]} or more")
