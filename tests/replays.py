"""Small replays with masks that are the same on every machine and with every version of anything."""

from __future__ import annotations

from hashlib import shake_256
from math import prod

import numpy as np
from numpy.typing import NDArray

from mimesim.config.energy import Energy
from mimesim.config.hardware import Hardware
from mimesim.config.schedule import Mode, Schedule, Skipping
from mimesim.machine import replay
from mimesim.network import Network
from mimesim.networks import build
from mimesim.schedule.costs import CostBook
from mimesim.schedule.images import compose_batches
from mimesim.schedule.program import CasePlan, plan_case
from mimesim.schemes import Conventional, Mime, Pruned, Scheme
from mimesim.simulation import CaseResult, ReplayedImage

TASKS = ("apples", "pears")

#: Every scheme and every way to skip: case, scheme, skipping.
CASES: list[tuple[str, Scheme, Skipping]] = [
    ("dense", Conventional(), "none"),
    ("skipping", Conventional(), "per_position"),
    ("gate", Conventional(), "gate"),
    ("lockstep", Conventional(), "lockstep"),
    ("pruned-dense", Pruned("dense"), "per_position"),
    ("pruned-bitmap", Pruned("bitmap"), "per_position"),
    ("mime-neuron", Mime("neuron"), "per_position"),
    ("mime-channel", Mime("channel"), "per_position"),
]

#: Small enough for blocks to be evicted and fetched again.
SMALL = Hardware.model_validate(
    {
        "name": "small",
        "grid": {"positions": (4, 4), "channels": 16},
        "caches": {"weights_kib": 4.0, "activations_kib": 4.0, "thresholds_kib": 1.0},
    }
)


def bits(name: str, shape: tuple[int, ...], density: float) -> NDArray[np.bool_]:
    """Return a mask that depends on its name alone."""
    stream = np.frombuffer(shake_256(name.encode()).digest(prod(shape)), dtype=np.uint8)
    return (stream < round(256 * density)).reshape(shape)


class HashedMasks:
    """Masks of *network* at one *density*; *pruned* keeps one weight in ten."""

    def __init__(self, network: Network, density: float, *, pruned: bool = False) -> None:
        self.network = network
        self.density = density
        self.pruned = pruned

    def mask(self, task: str, image_index: int, tensor: str) -> NDArray[np.bool_]:
        return bits(f"{task} {image_index} {tensor}", self.network.node(tensor).shape, self.density)

    def units(self, task: str) -> None:
        return None

    def weight_mask(self, task: str, layer: str) -> NDArray[np.bool_] | None:
        return bits(f"{task} {layer}", self.network.weight_shape(layer), 0.1) if self.pruned else None


def plan_tiny(
    scheme: Scheme,
    skipping: Skipping,
    mode: Mode = "pipelined",
    *,
    hardware: Hardware = SMALL,
    schedule: Schedule | None = None,
    size: int = 8,
) -> CasePlan:
    """Plan two images of each of two tasks on the tiny network, in batches of three."""
    network = build("tiny", size)
    source = HashedMasks(network, 0.4, pruned=isinstance(scheme, Pruned))
    batches = compose_batches(source, TASKS, mode, 2, 3)
    return plan_case(network, scheme, skipping, hardware, schedule or Schedule(), batches, TASKS, CostBook())


def run_tiny(case: str, scheme: Scheme, skipping: Skipping, mode: Mode = "pipelined") -> CaseResult:
    """Replay what :func:`plan_tiny` plans."""
    plan = plan_tiny(scheme, skipping, mode)
    images = tuple(
        ReplayedImage(image.index, number, image.task, image.number, 100 + image.number)
        for number, batch in enumerate(plan.batches)
        for image in batch
    )
    return CaseResult(
        case=case,
        scheme=scheme.name,
        skipping=skipping,
        mode=mode,
        trace="hashed",
        trace_digest="0" * 64,
        tasks=TASKS,
        images=images,
        hardware=plan.hardware,
        schedule=plan.schedule,
        ledger=replay(plan),
    )


class Settings:
    """As much of a workload as the results ask for."""

    def __init__(self, energy: Energy | None = None) -> None:
        self.name = "tiny"
        self.energy = energy or Energy()

    def model_dump(self, *, mode: str) -> dict[str, object]:
        return {"name": self.name, "energy": self.energy.model_dump(mode=mode)}
