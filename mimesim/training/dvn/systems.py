"""Virtual networks and what they are held against: all are backbones, of other sizes and other assignments."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Literal

from mimesim.training.dvn.backbone import Backbone
from mimesim.training.dvn.config import DvnConfig
from mimesim.training.dvn.units import Assignment, Level, split_channels

__all__ = ["Network", "networks"]

Features = tuple[int | Literal["M"], ...]


@dataclass(frozen=True)
class Network:
    """One backbone that is trained by itself, as the stage *stage* of *system*.

    *plays* says for each of its own virtual networks with which (task, level) of the configuration it is compared:
    what has no levels, with the highest.
    """

    system: str
    stage: str
    backbone: Backbone
    plays: Mapping[Level, Level]


def networks(config: DvnConfig, classes: Mapping[str, int]) -> Iterator[Network]:
    """All that *config* asks for; the virtual networks come first."""
    tasks, levels = config.tasks, config.levels
    own = Assignment.by_rule(tasks, levels)
    yield _joint(config, classes, "dvn", own)
    for baseline in config.baselines:
        if baseline == "random":
            yield _joint(config, classes, "random", Assignment.random(tasks, levels, config.seed))
        elif baseline == "trunk":
            yield _joint(config, classes, "trunk", Assignment.whole(tasks), levels)
        elif baseline == "equal":
            # weights grow with the square of the width
            features = _scaled(config.features, 1 / sqrt(len(tasks)))
            for task in tasks:
                yield _alone(config, classes, "equal", features, (task, levels))
        else:
            for task, level in own.virtual:
                features = _like(config.features, own.units, own.active(task, level))
                yield _alone(config, classes, "separate", features, (task, level))


def _joint(
    config: DvnConfig, classes: Mapping[str, int], system: str, assignment: Assignment, plays: int | None = None
) -> Network:
    backbone = Backbone(config.features, config.size_px, assignment, {task: classes[task] for task in config.tasks})
    return Network(system, system, backbone, {(task, level): (task, plays or level) for task, level in
                                              assignment.virtual})  # fmt: skip


def _alone(config: DvnConfig, classes: Mapping[str, int], system: str, features: Features, plays: Level) -> Network:
    task, level = plays
    backbone = Backbone(features, config.size_px, Assignment.whole((task,)), {task: classes[task]})
    return Network(system, f"{system}-{task}-{level}", backbone, {(task, 1): plays})


def _scaled(features: Features, share: float) -> Features:
    return tuple(entry if entry == "M" else max(1, round(share * entry)) for entry in features)


def _like(features: Features, units: int, active: Sequence[int]) -> Features:
    """The channels of some units: a network of its own with just as many weights as they have between them."""
    return tuple(
        entry if entry == "M" else sum(len(split_channels(entry, units)[unit - 1]) for unit in active)
        for entry in features
    )
