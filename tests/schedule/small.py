"""Small machines, networks, masks and replays for tests whose numbers are worked out by hand."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from mimesim.config.hardware import Hardware
from mimesim.config.schedule import Mode, Schedule, Skipping
from mimesim.config.standard import Timing
from mimesim.config.workload import merge
from mimesim.ledger import CaseLedger
from mimesim.machine import replay
from mimesim.network import Network, Node
from mimesim.schedule.costs import CostBook
from mimesim.schedule.geometry import Geometry
from mimesim.schedule.images import Image, compose_batches
from mimesim.schedule.operations import lower
from mimesim.schedule.program import CasePlan, plan_case
from mimesim.schemes import Conventional, Scheme

#: Memory that answers in the next cycle, whatever is asked of it, and networks that carry anything in one cycle.
IDEAL: dict[str, Any] = {
    "dram": {
        "clock_mhz": 1e9,
        "timing": {name: 0 for name in Timing.model_fields if name != "t_refi"},
        "refresh": False,
        "queue": 1000,
    },
    "noc": {
        "fill_words_per_cycle": 10**9,
        "weight_words_per_cycle": 10**9,
        "activation_words_per_cycle": 10**9,
        "threshold_words_per_cycle": 10**9,
        "output_words_per_cycle": 10**9,
        "latency_cycles": 0,
    },
    "caches": {"weights_kib": 1e6, "activations_kib": 1e6, "thresholds_kib": 1e6, "unified_kib": 1e6},
    "writeback_buffers": 1000,
    "prefetch_passes": 64,
}

#: Caches whose banks carry whatever the networks do.
UNBANKED: dict[str, Any] = {"caches": {"banks": None, "ports": 2}}


def hardware(*changes: Mapping[str, Any]) -> Hardware:
    """Return the default machine with *changes* laid over it, one after the other."""
    values = Hardware().model_dump()
    for change in changes:
        values = merge(values, change)
    return Hardware.model_validate(values)


def chain(shape: tuple[int, int, int], *layers: Mapping[str, Any]) -> Network:
    """Return a network of *layers*, each reading the one before unless it says otherwise; shapes follow.

    A layer is a node's fields; ``channels`` stands for the first number of its shape.
    """
    nodes = [Node(name="image", kind="input", shape=shape)]
    for number, layer in enumerate(layers, start=1):
        fields: dict[str, Any] = {"name": f"{layer['kind']}{number}", "inputs": (nodes[-1].name,), **layer}
        source = next(node.shape for node in nodes if node.name == fields["inputs"][0])
        channels = fields.pop("channels", source[0])
        if "shape" not in fields:
            fields["shape"] = (channels, *_extents(source, fields))
        nodes.append(Node.model_validate(fields))
    return Network(name="small", nodes=tuple(nodes))


def _extents(source: tuple[int, int, int], fields: Mapping[str, Any]) -> tuple[int, int]:
    if fields["kind"] == "linear":
        return 1, 1
    kernel, stride, padding = (fields.get(key, default) for key, default in _WINDOW)
    rows, columns = ((source[axis + 1] + 2 * padding[axis] - kernel[axis]) // stride[axis] + 1 for axis in (0, 1))
    return rows, columns


_WINDOW = (("kernel", (1, 1)), ("stride", (1, 1)), ("padding", (0, 0)))


def conv(channels: int, side: int = 3, **fields: Any) -> dict[str, Any]:
    """Return a convolution that keeps height and width, with an activation."""
    padding = (side // 2, side // 2)
    return {
        "kind": "conv", "channels": channels, "kernel": (side, side), "padding": padding, "activation": True
    } | fields  # fmt: skip


def pool(side: int, kind: str = "max_pool", **fields: Any) -> dict[str, Any]:
    """Return a pool of windows that do not overlap."""
    return {"kind": kind, "kernel": (side, side), "stride": (side, side)} | fields


def geometry(network: Network, machine: Hardware, layer: str) -> Geometry:
    """Return the geometry of one operation."""
    operations = {operation.name: operation for operation in lower(network, machine.grid.positions)}
    return Geometry(operations[layer], machine)


class Masks:
    """A source of masks: all ones but for those given by (task, image, tensor); also of weights and units."""

    def __init__(
        self,
        network: Network,
        masks: Mapping[tuple[str, int, str], Any] | None = None,
        weights: Mapping[tuple[str, str], Any] | None = None,
        units: Mapping[str, tuple[str, ...]] | None = None,
    ) -> None:
        self.used = dict(units or {})
        self.network = network
        self.masks = dict(masks or {})
        self.weights = dict(weights or {})

    def mask(self, task: str, image_index: int, tensor: str) -> np.ndarray:
        shape = self.network.node(tensor).shape
        return np.broadcast_to(np.asarray(self.masks.get((task, image_index, tensor), True), dtype=np.bool_), shape)

    def units(self, task: str) -> tuple[str, ...] | None:
        return self.used.get(task)

    def weight_mask(self, task: str, layer: str) -> np.ndarray | None:
        return self.weights.get((task, layer))


def drawn_masks(network: Network, tasks: Iterable[str], images: int, density: float, seed: int) -> Masks:
    """Return masks whose bits are set with probability *density*."""
    generator = np.random.default_rng(seed)
    return Masks(
        network,
        {
            (task, number, tensor): generator.random(network.node(tensor).shape) < density
            for task in tasks
            for number in range(images)
            for tensor in network.recorded
        },
    )


def plan(
    masks: Masks,
    machine: Hardware,
    scheme: Scheme | None = None,
    skipping: Skipping = "per_position",
    *,
    tasks: Sequence[str] = ("a",),
    images: int = 1,
    batch: int = 3,
    mode: Mode = "pipelined",
    batches: list[list[Image]] | None = None,
    **schedule: Any,
) -> CasePlan:
    """Plan a replay of *images* images of each task."""
    made = compose_batches(masks, tasks, mode, images, batch) if batches is None else batches
    return plan_case(
        masks.network,
        Conventional() if scheme is None else scheme,
        skipping,
        machine,
        Schedule(**schedule),
        made,
        tasks,
        CostBook(),
    )


def run(masks: Masks, machine: Hardware, *arguments: Any, **options: Any) -> CaseLedger:
    """Plan a replay as :func:`plan` does, and run it."""
    return replay(plan(masks, machine, *arguments, **options))


def busy_cycles(ledger: CaseLedger, layers: Iterable[str] | None = None) -> int:
    """Return the PE grid's busy cycles, of all layers or of some."""
    wanted = None if layers is None else set(layers)
    return sum(
        row.busy_cycles
        for phase in ledger.phases
        if wanted is None or phase.layer in wanted
        for row in phase.rows.values()
    )
