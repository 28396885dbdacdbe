"""What of the backbone lies in memory: blocks of weights, their words, and the level that a budget allows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from mimesim.training.dvn.backbone import Backbone
from mimesim.training.dvn.units import Level

__all__ = ["IMAGE", "Block", "Budget", "Change", "Words"]

#: Stands for a unit where the first layer reads the image, which every virtual network does.
IMAGE = 0


class Block(NamedTuple):
    """The weights of *layer* from the channels of unit *source* to those of unit *target*; units count from 1."""

    layer: str
    source: int
    target: int


class Words(NamedTuple):
    """Words of memory of one virtual network: weights of the backbone, batch norm (scale and shift a channel) and its
    head (weights and biases)."""

    blocks: int
    norm: int
    head: int

    @property
    def resident(self) -> int:
        """All of them."""
        return self.blocks + self.norm + self.head


@dataclass(frozen=True)
class Change:
    """What a change of task or level does to memory: blocks that come, go and stay; words of those that come and go.

    *loaded* has the new virtual network's batch norm and head besides, which no other one uses, and *freed* the old
    one's.
    """

    added: tuple[Block, ...]
    removed: tuple[Block, ...]
    kept: tuple[Block, ...]
    loaded: int
    freed: int


class Budget:
    """The blocks of a backbone, and how many of them a number of words has room for."""

    def __init__(self, backbone: Backbone) -> None:
        """Count the words of every block."""
        self._backbone = backbone
        #: Words of each block of the whole backbone.
        self.words_of: dict[Block, int] = {}
        for number, step in enumerate(backbone.convolutions):
            for target, outputs in enumerate(step.writes, 1):
                for place, inputs in enumerate(step.reads):
                    source = place + 1 if number else IMAGE
                    self.words_of[Block(step.name, source, target)] = 9 * len(inputs) * len(outputs)

    def blocks(self, task: str, level: int) -> tuple[Block, ...]:
        """The blocks of a virtual network: those both of whose units are active."""
        active = {IMAGE, *self._backbone.assignment.active(task, level)}
        return tuple(block for block in self.words_of if block.source in active and block.target in active)

    def words(self, task: str, level: int) -> Words:
        """What a virtual network needs in memory."""
        active = self._backbone.assignment.active(task, level)
        channels = sum(len(step.writes[unit - 1]) for step in self._backbone.convolutions for unit in active)
        classes = self._backbone.classes[task]
        return Words(
            sum(self.words_of[block] for block in self.blocks(task, level)),
            2 * channels,
            classes * (self._backbone.features_of(task, level) + 1),
        )

    def stored(self) -> int:
        """Words of all there is: the backbone once, every batch norm and every head."""
        own = [self.words(task, level) for task, level in self._backbone.assignment.virtual]
        return sum(self.words_of.values()) + sum(words.norm + words.head for words in own)

    def level(self, task: str, words: int) -> int:
        """The highest level of *task* that fits into *words*; 0 where not even the first does."""
        levels = range(self._backbone.assignment.levels, 0, -1)
        return next((level for level in levels if self.words(task, level).resident <= words), 0)

    def change(self, before: Level | None, after: Level | None) -> Change:
        """What to load and what may go where *before* is in memory and *after* is wanted; None: nothing."""
        old, new = (dict.fromkeys(self.blocks(*one)) if one else {} for one in (before, after))
        own = [sum(self.words(*one)[1:]) if one and before != after else 0 for one in (before, after)]
        added = tuple(block for block in new if block not in old)
        removed = tuple(block for block in old if block not in new)
        return Change(
            added,
            removed,
            tuple(block for block in new if block in old),
            sum(self.words_of[block] for block in added) + own[1],
            sum(self.words_of[block] for block in removed) + own[0],
        )
