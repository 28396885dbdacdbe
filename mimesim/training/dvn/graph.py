"""The network a simulator replays: every layer as one node for each unit."""

from __future__ import annotations

from mimesim.network import Network, Node
from mimesim.training.dvn.backbone import Backbone
from mimesim.training.dvn.units import Level, unit_name

__all__ = ["head_name", "level_name", "network_of", "node_name", "units_of", "virtual_network"]


def level_name(task: str, level: int) -> str:
    """A virtual network as a task of a trace; also the unit of its head."""
    return f"{task}.{level}"


def node_name(layer: str, unit: int) -> str:
    """The part of *layer* that belongs to a unit."""
    return f"{layer}.{unit_name(unit)}"


def head_name(task: str, level: int) -> str:
    """The head of a virtual network."""
    return f"head.{level_name(task, level)}"


def units_of(backbone: Backbone, task: str, level: int) -> tuple[str, ...]:
    """The units that an image of a virtual network runs, for the trace's manifest: the task's own, and its head's."""
    return (*map(unit_name, backbone.assignment.active(task, level)), level_name(task, level))


def network_of(backbone: Backbone, name: str) -> Network:
    """The graph of all virtual networks: of a layer each unit's node reads those of all units, its own first.

    A head reads the units of its own level only, in the task's order: it has no weights for others.
    """
    units = tuple(range(1, backbone.assignment.units + 1))
    return _network(backbone, name, units, backbone.assignment.virtual)


def virtual_network(backbone: Backbone, task: str, level: int) -> Network:
    """The graph of what one virtual network computes: its units alone."""
    units = tuple(sorted(backbone.assignment.active(task, level)))
    return _network(backbone, level_name(task, level), units, ((task, level),))


def _network(backbone: Backbone, name: str, units: tuple[int, ...], heads: tuple[Level, ...]) -> Network:
    image = (3, backbone.size_px, backbone.size_px)
    nodes = [Node(name="image", kind="input", shape=image)]
    before = ""
    for step in backbone.steps:
        for unit in units:
            shape = (len(step.writes[unit - 1]), step.side, step.side)
            fields = {"name": node_name(step.name, unit), "shape": shape, "unit": unit_name(unit)}
            if step.kind == "pool":
                own = (node_name(before, unit),)
                nodes.append(Node(kind="max_pool", inputs=own, kernel=(2, 2), stride=(2, 2), **fields))
                continue
            others = [unit, *(other for other in units if other != unit)]
            reads = tuple(node_name(before, other) for other in others) if before else ("image",)
            nodes.append(Node(kind="conv", inputs=reads, kernel=(3, 3), padding=(1, 1), activation=True, **fields))
        before = step.name
    for task, level in heads:
        nodes.append(
            Node(
                name=head_name(task, level), kind="linear", shape=(backbone.classes[task], 1, 1),
                inputs=tuple(node_name(before, unit) for unit in backbone.assignment.active(task, level)),
                unit=level_name(task, level),
            )
        )  # fmt: skip
    return Network(name=name, nodes=tuple(nodes))
