"""Requests: images of several tasks that are one picture, replayed as one (``docs/machine.md``, section 1)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from mimesim.errors import InputError
from mimesim.network import Network
from mimesim.schedule.images import Image, MaskSource
from mimesim.schemes import SHARED, Scheme

__all__ = ["RequestMasks", "compose_requests", "shares_computation"]


class RequestMasks:
    """The masks of requests: of every tensor, those of a task that has it.

    *numbers* holds, for each request, the number of its picture in the trace, by task. A request goes by its number of
    the first task. Raises :class:`InputError` where tasks that share a tensor recorded different masks of it.
    """

    def __init__(self, trace: MaskSource, network: Network, numbers: Sequence[Mapping[str, int]]) -> None:
        self._trace = trace
        self._network = network
        self._numbers = {next(iter(one.values())): one for one in numbers}

    def mask(self, task: str, image_index: int, tensor: str) -> NDArray[np.bool_]:
        """Return the mask (C, H, W) of one request at *tensor*; *task* joins its tasks by ``+``."""
        unit, numbers = self._network.node(tensor).unit, self._numbers[image_index]
        found: NDArray[np.bool_] | None = None
        for name in task.split("+"):
            units = self._trace.units(name)
            if unit is not None and units is not None and unit not in units:
                continue
            mask = self._trace.mask(name, numbers[name], tensor)
            if found is not None and not np.array_equal(found, mask):
                rule = f"tasks {task} share this tensor, but their masks of image {image_index} differ"
                raise InputError("trace", rule, key=tensor)
            found = mask
        assert found is not None  # noqa: S101 - nobody asks for what a request does not have
        return found

    def weight_mask(self, task: str, layer: str) -> NDArray[np.bool_] | None:
        """Return the non-zero weights of *layer* for one task."""
        return self._trace.weight_mask(task, layer)

    def units(self, task: str) -> tuple[str, ...] | None:
        """Return the units of one task."""
        return self._trace.units(task)

    def content(self, task: str, image_index: int) -> str | None:
        """Return a text that no other masks have; None where the trace has none."""
        content: Callable[[str, int], str] | None = getattr(self._trace, "content", None)
        numbers = self._numbers[image_index]
        return None if content is None else "+".join(content(name, numbers[name]) for name in task.split("+"))


def shares_computation(network: Network, scheme: Scheme, trace: MaskSource, tasks: Sequence[str]) -> bool:
    """Return whether all that several of the *tasks* run gives the same result for each of them."""
    images = [Image(-1, task, 0, trace) for task in tasks]
    for node in network.layers:
        users = [image.task for image in images if image.runs(node.unit)]
        for task in users if len(users) > 1 else ():
            own = scheme.parameters(node, task)
            if own.thresholds is not None:
                return False
            if node.has_weights and (own.weights_owner != SHARED or own.view is not None or own.norm == "task"):
                return False
            if any(scheme.branch(node, branch, task).weights_owner != SHARED for branch in node.branches):
                return False
    return True


def compose_requests(
    masks: MaskSource, tasks: Sequence[str], numbers: Sequence[Mapping[str, int]], batch_images: int, *, shared: bool
) -> list[list[Image]]:
    """Return the batches of a replay of requests: an image each if computation is *shared*, else one for each task.

    *numbers* are those of :class:`RequestMasks`. A batch holds at most *batch_images*.
    """
    if shared:
        order = [("+".join(tasks), one[tasks[0]]) for one in numbers]
    else:
        order = [(task, one[task]) for one in numbers for task in tasks]
    made = [Image(index, task, number, masks) for index, (task, number) in enumerate(order)]
    return [made[start : start + batch_images] for start in range(0, len(made), batch_images)]
