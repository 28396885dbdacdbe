"""A replay's counts, from the files of a trace alone: its own loop nest and its own LRU, in plain Python.

It knows the default schedule only (channel tiles outside position tiles, sets inside), a pool of two fused into the
layer before it, and nothing of time. Nothing of the package is used.
"""

from __future__ import annotations

import json
from collections import Counter
from itertools import product
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

ROWS = COLUMNS = 4  # of the grid's patch, and of an activation block's
WORD, BURST, BANK, DEEP = 16, 32, 72, 8
#: What a manifest leaves out of a node.
DEFAULTS: dict[str, Any] = {
    "inputs": [], "kernel": [1, 1], "stride": [1, 1], "padding": [0, 0], "groups": 1, "activation": False
}  # fmt: skip


class Trace:
    """The manifest and the bits of one trace."""

    def __init__(self, folder: Path) -> None:
        manifest = json.loads((folder / "manifest.json").read_text())
        self.nodes = {node["name"]: DEFAULTS | node for node in manifest["network"]["nodes"]}
        self.files = {task: np.load(folder / entry["file"]) for task, entry in manifest["tasks"].items()}

    def sparse(self, name: str) -> bool:
        node = self.nodes[name]
        return bool(node["activation"] or (node["kind"].endswith("pool") and self.sparse(node["inputs"][0])))

    def bits(self, task: str, number: int, name: str) -> np.ndarray:
        shape = self.nodes[name]["shape"]
        if not self.sparse(name):
            return np.ones(shape, np.bool_)
        packed = self.files[task][name][number]
        return np.unpackbits(packed, count=prod(shape), bitorder="little").reshape(shape).astype(np.bool_)


class Lru:
    """Blocks from the least to the most recently used."""

    def __init__(self, words: int) -> None:
        self.words = words
        self.held: list[tuple[Any, int]] = []

    def misses(self, name: Any, size: int) -> bool:
        found = [entry for entry in self.held if entry[0] == name]
        if found:
            self.held.remove(found[0])
        else:
            while sum(words for _, words in self.held) + size > self.words:
                self.held.pop(0)
        self.held.append((name, size))
        return not found


def up(dividend: int, divisor: int) -> int:
    return -(-dividend // divisor)


def spans(size: int, step: int) -> list[tuple[int, int]]:
    return [(low, min(low + step, size)) for low in range(0, size, step)]


class Replay:
    """Counts of one batch of (task, number) images; *columns* is the grid's width, *caches* words by kind."""

    def __init__(
        self,
        trace: Trace,
        batch: list[tuple[str, int]],
        *,
        mime: bool,
        skip: bool,
        columns: int,
        caches: dict[str, int],
    ) -> None:
        self.trace, self.batch, self.mime, self.skip, self.columns = trace, batch, mime, skip, columns
        self.caches = {kind: Lru(words) for kind, words in caches.items()}
        self.words: Counter[tuple[str, str]] = Counter()
        self.macs = 0
        fused = {node["inputs"][0]: name for name, node in trace.nodes.items() if node["kind"] == "max_pool"}
        for name, node in trace.nodes.items():
            if node["inputs"] and name not in fused.values():
                self.layer(node, fused.get(name, name))

    def mask(self, image: tuple[str, int], name: str) -> np.ndarray:
        bits = self.trace.bits(*image, name)
        return bits if self.skip else np.ones_like(bits)

    def packed(self, name: str) -> bool:
        return self.skip and self.trace.sparse(name)

    def block_sides(self, name: str) -> tuple[int, int, int]:
        channels, height, width = self.trace.nodes[name]["shape"]
        rows, columns = min(ROWS, height), min(COLUMNS, width)
        return min(channels, DEEP * max(1, ROWS * COLUMNS // (rows * columns))), rows, columns

    def read_block(self, image: tuple[str, int], name: str, place: tuple[int, int, int]) -> None:
        sides = self.block_sides(name)
        slot = prod(sides) + (up(prod(sides), WORD) if self.packed(name) else 0)
        if self.caches["activations"].misses((image, name, place), up(slot, BURST) * BURST):
            part = self.mask(image, name)[tuple(slice(i * n, (i + 1) * n) for i, n in zip(place, sides, strict=True))]
            self.words["activations", "read"] += int(part.sum())
            self.words["mask", "read"] += up(part.size, WORD) if self.packed(name) else 0

    def write(self, name: str) -> None:
        sides, shape = self.block_sides(name), self.trace.nodes[name]["shape"]
        for image in self.batch:
            self.words["outputs", "write"] += int(self.mask(image, name).sum())
            if self.packed(name):
                for block in product(*(spans(size, side) for size, side in zip(shape, sides, strict=True))):
                    self.words["mask", "write"] += up(prod(high - low for low, high in block), WORD)

    def layer(self, node: dict[str, Any], written: str) -> None:
        weighted = node["kind"] in ("conv", "linear")
        shapes = [self.trace.nodes[name]["shape"] for name in node["inputs"]]
        kernel = shapes[0][1:] if node["kind"] == "linear" else node["kernel"]
        groups = node["groups"] if weighted else shapes[0][0]
        own = weighted and (not self.mime or (node["kind"] == "linear" and not node["activation"]))
        sets: dict[str, list[tuple[str, int]]] = {}
        for image in self.batch:
            sets.setdefault(image[0] if own else "shared", []).append(image)
            if weighted:
                self.macs += self.multiplications(node, image, kernel, groups)
        tiles = self.position_tiles(node, written)
        (y0, y1), (x0, x1) = tiles[0]
        share = max(1, ROWS * COLUMNS // ((y1 - y0) * (x1 - x0)))
        members = [(o, images[i : i + share]) for o, images in sets.items() for i in range(0, len(images), share)]
        per_group, depth = node["shape"][0] // groups, shapes[0][0] // groups
        step = BANK // prod(kernel)
        step -= step % DEEP if step >= DEEP else 0
        loaded = None
        for first, last in spans(node["shape"][0], self.columns):
            low, high = first // per_group * depth, ((last - 1) // per_group + 1) * depth
            chunks = [(s, low + a, low + b) for s in range(len(shapes)) for a, b in spans(high - low, step)]
            for number, (rows, across) in enumerate(tiles):
                for chunk, (owner, images) in product(chunks, members):
                    source, begin, end = chunk
                    if weighted and loaded != (loaded := (owner, first, begin)):
                        reads = sum(
                            max(0, min(last, (c // depth + 1) * per_group) - max(first, c // depth * per_group))
                            for c in range(begin, end)
                        )
                        norm = last - first if chunk == chunks[0] else 0
                        total = reads * prod(kernel) + norm
                        if self.caches["weights"].misses((node["name"], *loaded), up(total, BURST) * BURST):
                            self.words["weights", "read"] += reads * prod(kernel)
                            self.words["norm", "read"] += norm
                    for image in images:
                        for place in self.window(node, node["inputs"][source], kernel, rows, across, (begin, end)):
                            self.read_block(image, node["inputs"][source], place)
                    if chunk == chunks[-1] and self.mime and node["activation"]:
                        total = (last - first) * (rows[1] - rows[0]) * (across[1] - across[0])
                        for task in dict.fromkeys(task for task, _ in images):
                            name = (node["name"], task, first, number)
                            if self.caches["thresholds"].misses(name, up(total, BURST) * BURST):
                                self.words["thresholds", "read"] += total
        self.write(written)

    def position_tiles(self, node: dict[str, Any], written: str) -> list[tuple[tuple[int, int], tuple[int, int]]]:
        _, height, width = node["shape"]
        pool = 1 if written == node["name"] else 2
        _, rows, columns = self.block_sides(written)
        tiles = list(product(spans(height, ROWS), spans(width, COLUMNS)))
        return sorted(tiles, key=lambda t: (t[0][0] // pool // rows, t[1][0] // pool // columns, t[0][0], t[1][0]))

    def window(
        self, node: dict[str, Any], name: str, kernel: Any, rows: Any, across: Any, channels: tuple[int, int]
    ) -> list[tuple[int, int, int]]:
        sides, shape = self.block_sides(name), self.trace.nodes[name]["shape"]
        ranges = [range(channels[0] // sides[0], (channels[1] - 1) // sides[0] + 1)]
        for axis, (low, high) in enumerate((rows, across)):
            stride, padding = node["stride"][axis], node["padding"][axis]
            begin = max(0, low * stride - padding)
            end = min(shape[axis + 1], (high - 1) * stride - padding + kernel[axis])
            ranges.append(range(begin // sides[axis + 1], (end - 1) // sides[axis + 1] + 1))
        return list(product(*ranges))

    def multiplications(self, node: dict[str, Any], image: tuple[str, int], kernel: Any, groups: int) -> int:
        mask, count = self.mask(image, node["inputs"][0]), 0
        _, height, width = node["shape"]
        for y, x, i, j in product(range(height), range(width), range(kernel[0]), range(kernel[1])):
            row = y * node["stride"][0] - node["padding"][0] + i
            column = x * node["stride"][1] - node["padding"][1] + j
            if 0 <= row < mask.shape[1] and 0 <= column < mask.shape[2]:
                count += int(mask[:, row, column].sum())
        return count * (node["shape"][0] // groups)
