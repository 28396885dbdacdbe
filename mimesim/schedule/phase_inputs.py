"""What a phase works on, whoever builds its program: groups of images, their counts, and who uses what."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from mimesim.ledger import PhaseRecord
from mimesim.schedule.costs import ImageCosts, PassCosts
from mimesim.schedule.images import Image
from mimesim.schedule.loopnest import Group, group_images

if TYPE_CHECKING:
    from mimesim.schedule.program import CasePlan

__all__ = ["PhaseInputs"]


class PhaseInputs:
    """Operation *position* for *images* of batch *number*, all of which run it; *first*: no phase ran before.

    *sets* are the groups by parameter set, *groups* all of them, *costs* the counts by image. *users* says by (source,
    owner) under which image weights are booked, *mask_users* masks by view, *threshold_users* thresholds and norm by
    image. *cached* are the images whose outputs may stay in a cache.
    """

    def __init__(
        self,
        plan: CasePlan,
        number: int,
        batch: Sequence[Image],
        images: Sequence[Image],
        position: int,
        *,
        first: bool,
    ) -> None:
        self.plan = plan
        self.first = first
        self.position = position
        self.geometry = plan.geometries[position]
        self.images = images
        operation = self.geometry.operation
        self.weighted = operation.has_weights
        self.cached = {image.index for image in images if plan.writes_back(position, image)}
        self.sets = group_images(self.geometry, plan.scheme, images)
        self.groups: list[Group] = [group for groups in self.sets for group in groups]
        self.costs: dict[int, ImageCosts] = {
            image.index: plan.book.costs(self.geometry, image, plan.skipping) for image in images
        }
        self.record = PhaseRecord(number, operation.name, operation.kind, tuple(image.index for image in images))
        placement = plan.placement
        owners = {pair for group in self.groups for pair in enumerate(group.owners)}
        self.users = {
            (source, owner): placement.weights_booked_under(position, owner, batch, source)
            for source, owner in owners
            if owner is not None
        }
        views = {group.view for group in self.groups if group.view is not None}
        self.mask_users = {view: placement.masks_booked_under(position, view, batch) for view in views}
        self.threshold_users = {
            image.index: placement.thresholds_booked_under(image, batch, operation.unit) for image in images
        }

    @cached_property
    def pass_costs(self) -> list[PassCosts]:
        """What the passes of each group cost."""
        return [
            PassCosts.of(self.geometry, [self.costs[image.index] for image in group.images], self.plan.skipping)
            for group in self.groups
        ]

    @property
    def drifts(self) -> bool:
        """Whether rows wait for each other only at the end of an accumulation."""
        return self.plan.schedule.barrier == "tile"
