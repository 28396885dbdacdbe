"""Machines, thresholds and whole cases for the comparison: named building blocks, and cases drawn from a seed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mimesim.config.hardware import Hardware
from mimesim.config.schedule import Schedule
from mimesim.network import Node
from mimesim.schemes import Conventional, Mime
from tests.rtl.arithmetic import HIGHEST, LOWEST, Array, Thresholds, at_density
from tests.rtl.compare import Case
from tests.schedule.small import IDEAL, chain, conv, hardware, pool

__all__ = ["SLOW", "drawn", "everywhere", "exactly", "just_reached", "machine"]

#: Memory that answers in the next cycle, and networks that a small grid may have.
STALL_FREE: dict[str, Any] = {
    **{key: value for key, value in IDEAL.items() if key != "noc"},
    "noc": {
        **dict.fromkeys((f"{name}_words_per_cycle" for name in ("weight", "threshold", "activation", "output")), 4),
        "fill_words_per_cycle": 10**9,
        "latency_cycles": 1,
    },
}


def machine(rows: int, columns: int, channels: int, bank: int = 9, *changes: Mapping[str, Any], **noc: int) -> Hardware:
    """Return a machine of rows x columns positions with stall-free memory; *noc* changes the words a cycle."""
    grid = {"grid": {"positions": (rows, columns), "channels": channels}, "scratchpad": {"weight_bank_words": bank}}
    rates = {(name if name == "latency_cycles" else f"{name}_words_per_cycle"): rate for name, rate in noc.items()}
    return hardware(STALL_FREE, grid, {"noc": rates}, *changes)


def everywhere(threshold: int) -> Thresholds:
    """Return the same threshold for every neuron."""
    return lambda _generator, node, _words: np.full(node.shape, threshold, dtype=np.int64)


def exactly(**masks: NDArray[np.bool_]) -> Thresholds:
    """Return thresholds that let pass what *masks* name by node, and nothing else; half of what they do not name.

    A word that is zero by chance stays zero.
    """

    def thresholds(generator: np.random.Generator, node: Node, words: list[Array]) -> Array:
        if node.name not in masks:
            return at_density(0.5)(generator, node, words)
        return np.where(np.broadcast_to(masks[node.name], node.shape), LOWEST, HIGHEST).astype(np.int64)

    return thresholds


def just_reached(generator: np.random.Generator, node: Node, words: list[Array]) -> Array:
    """Return thresholds that the first image's words just reach, or just fail to, neuron by neuron."""
    return np.clip(words[0] + generator.integers(0, 2, node.shape), LOWEST, HIGHEST)


#: A DRAM, caches and buffers that make every part wait.
SLOW: dict[str, Any] = {
    "dram": {
        "clock_mhz": 300,
        "organisation": {"device_bits": 8, "bus_bits": 8, "banks_per_group": 2, "columns": 64},
        "queue": 2,
        "timing": {"t_refi": 400},
    },
    "caches": {"weights_kib": 0.75, "activations_kib": 1.5, "thresholds_kib": 0.5, "lookup_cycles": 2},
    "noc": {"fill_words_per_cycle": 2},
    "prefetch_passes": 3,
}


def drawn(seed: int) -> Case:
    """Draw a case: machine, layers, thresholds, tasks, images, order of passes; every third with a slow memory."""
    generator = np.random.default_rng(seed)

    def one(*choices: Any) -> Any:
        return choices[int(generator.integers(len(choices)))]

    side = one(3, 4, 5, 6)
    layers: list[dict[str, Any]] = [
        conv(one(2, 3, 5, 8), one(1, 3, 3), **one({}, {}, {"stride": (2, 2)})) for _ in range(one(1, 2, 2))
    ]
    if one(True, False):
        layers.append({"kind": "linear", "channels": one(2, 5), "activation": one(True, False)})
    rows, columns = one((1, 1), (1, 2), (2, 2), (2, 2), (2, 3), (4, 4), (4, 4), (3, 5), (8, 8))
    # Fused, a pool needs a grid of even sides; elsewhere it would be a vector operation, which the model has not.
    if rows % 2 == columns % 2 == 0 and layers[0].get("stride") is None and one(True, False):
        layers.insert(1, pool(2))
    wide = rows * columns
    skipping = one(*["per_position"] * 5, "gate", "none", "lockstep")
    made = machine(
        rows,
        columns,
        # Icarus takes its time for hundreds of PEs.
        one(1, 2, 3) if wide >= 16 else one(1, 2, 4, 8),
        one(4, 9, 18, 20),
        {"scratchpad": {"psum_banks": one(1, 2), "bytes": one(160, 256)}},
        {"compare_cycles": one(1, 2, 4), "writeback_buffers": one(1, 2)},
        SLOW if seed % 3 == 2 else {},
        {"activation_block": {"patch": one((2, 2), (4, 4)), "channels": one(2, 4)}},
        weight=one(1, 3, 8),
        activation=one(1, 2, 3, max(1, wide - 1), wide),
        threshold=one(1, 4, 7),
        output=one(1, 3, 8),
        latency_cycles=one(0, 1, 2, 3),
    )
    return Case(
        chain((one(1, 2, 3), side, side), *layers),
        made,
        scheme=one(Mime("neuron"), Mime("neuron"), Mime("channel"), Conventional()),
        skipping=skipping,
        tasks=one(("a",), ("a", "b")),
        images=one(1, 2),
        batch=one(2, 1000),
        thresholds=at_density(one(0.1, 0.3, 0.5, 0.9), one(0, 20, 200)),
        schedule=Schedule(
            batch_order=one("layer_major", "layer_major", "image_major"),
            tile_order=one("channel_outer", "position_outer"),
            set_order=one("inner", "outer"),
            position_tiles_per_pe=one(1, 1, 2),
        ),
        seed=seed,
    )
