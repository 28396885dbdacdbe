"""The placement of one case: which region of DRAM holds which parameters and activations, and who uses them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from functools import cached_property
from itertools import chain
from math import prod
from typing import TypeVar, cast

from mimesim.config.hardware import Envm
from mimesim.config.schedule import Skipping
from mimesim.errors import InputError
from mimesim.ledger import SHARED_IMAGE
from mimesim.network import Network
from mimesim.schedule.blocks import BlockGrid, StoredBlocks, slot_bursts
from mimesim.schedule.costs import CostBook
from mimesim.schedule.geometry import Geometry
from mimesim.schedule.images import Image, MaskSource
from mimesim.schedule.loopnest import weights_owner
from mimesim.schedule.memory_map import (
    ENVM,
    ActivationRegion,
    Allocator,
    ParameterBlock,
    mask_blocks,
    norm_blocks,
    threshold_blocks,
    weight_blocks,
)
from mimesim.schemes import SHARED, LayerParameters, Scheme

__all__ = ["Placement"]

Blocks = dict[tuple[int, int], ParameterBlock]
_Key = TypeVar("_Key", bound=Hashable)
_Made = TypeVar("_Made")


class Placement:
    """Addresses of a case: *weights* by (operation, owner), *thresholds* and *norms* by (operation, task).

    The order of the regions is that of ``docs/machine.md``, section 3. The tasks' parameters come from the workload,
    so that the addresses of a case do not depend on which images it replays. *slots* are the bursts reserved for each
    block of a tensor. Raises :class:`InputError` where a task runs nothing, or an operation without its first input.
    """

    def __init__(
        self,
        network: Network,
        geometries: Sequence[Geometry],
        scheme: Scheme,
        skipping: Skipping,
        batches: Sequence[Sequence[Image]],
        tasks: Sequence[str],
        book: CostBook,
        envm: Envm | None = None,
    ) -> None:
        self._geometries = geometries
        self._scheme = scheme
        self._skipping: Skipping = skipping
        self._book = book
        self.weights: dict[tuple[int, str], Blocks] = {}
        self.thresholds: dict[tuple[int, str], Blocks] = {}
        #: Masks by (operation, view).
        self.masks: dict[tuple[int, str], Blocks] = {}
        self.norms: dict[tuple[int, str], dict[int, ParameterBlock]] = {}
        self._addresses: dict[tuple[str, int], int] = {}
        self._regions: dict[tuple[str, int], ActivationRegion] = {}
        self._batch = -1
        self._made: dict[Hashable, object] = {}
        images = list(chain.from_iterable(batches))
        source = images[0].trace
        #: One image stands for all of its task: they run the same operations.
        self._runners = {task: Image(-1, task, 0, source) for task in (*tasks, *(image.task for image in images))}
        #: By task, the last operation that reads each tensor, of those that its images run.
        self._last_reader = {task: self._readers(task) for task in self._runners}
        allocator = Allocator()
        self._on_chip = Allocator(ENVM)
        self._rewrites = envm is not None and envm.switch == "rewrite"
        for position, geometry in enumerate(geometries):
            node = geometry.operation.node
            running = [task for task in tasks if self._runners[task].runs(node.unit)]
            self._place_weights(position, running, source, allocator)
            for task in running if node.has_weights else ():
                parameters = scheme.parameters(node, task)
                if parameters.masks and parameters.view and (position, parameters.view) not in self.masks:
                    masks = mask_blocks(geometry, self._allocator(parameters, parameters.view, allocator))
                    self.masks[position, parameters.view] = self._movable(masks, parameters, (position, "masks"))
            for task in running:
                parameters = scheme.parameters(node, task)
                if parameters.thresholds is not None:
                    self.thresholds[position, task] = threshold_blocks(geometry, parameters, allocator)
            if self._has_task_norm(position, running):
                for task in running:
                    parameters = scheme.parameters(node, task)
                    norms = norm_blocks(geometry, self._allocator(parameters, task, allocator))
                    self.norms[position, task] = self._movable(norms, parameters, (position, "norm"))
        self.slots: dict[str, int] = {}
        self._place_activations(network, images, allocator)
        self.bursts = allocator.top

    def _readers(self, task: str) -> dict[str, int]:
        runner = self._runners[task]
        last: dict[str, int] = {}
        runs = False
        for position, geometry in enumerate(self._geometries):
            operation = geometry.operation
            if not runner.runs(operation.unit):
                continue
            runs = True
            first = operation.sources[0]
            if not runner.runs(first.unit):
                rule = (
                    f"runs the layer without unit {first.unit!r}, to which its first input, {first.tensor!r}, belongs"
                )
                raise InputError(f"layer {operation.name}", rule, key="task", value=task)
            last.update({read.tensor: position for read in operation.sources})
        if not runs:
            raise InputError("network", "none of its layers belongs to a unit of the task", key="task", value=task)
        return last

    def _place_weights(self, position: int, tasks: Sequence[str], source: MaskSource, allocator: Allocator) -> None:
        """Place the weights of an operation's inputs, then of each branch, each owner's once."""
        geometry, node = self._geometries[position], self._geometries[position].operation.node
        for branch in (None, *node.branches) if node.has_weights else ():
            placed: set[str] = set()
            for task in tasks:
                scheme = self._scheme
                parameters = scheme.branch(node, branch, task) if branch else scheme.parameters(node, task)
                owner = parameters.weights_owner
                if owner not in placed:
                    placed.add(owner)
                    zeros = source.weight_mask(task, node.name) if parameters.pruned and not branch else None
                    where = self._allocator(parameters, owner, allocator)
                    blocks = weight_blocks(geometry, parameters, zeros, where, branch)
                    if owner != SHARED:
                        blocks = self._movable(blocks, parameters, (position, "weights"))
                    self.weights.setdefault((position, owner), {}).update(blocks)

    def _allocator(self, parameters: LayerParameters, owner: str, dram: Allocator) -> Allocator:
        """Return where the blocks of an *owner* are addressed: what is rewritten is at home in DRAM."""
        for_good = owner == SHARED or not self._rewrites
        return self._on_chip if parameters.memory == "envm" and for_good else dram

    def _movable(
        self, blocks: dict[_Key, ParameterBlock], parameters: LayerParameters, place: tuple[int, str]
    ) -> dict[_Key, ParameterBlock]:
        """Give a task's own *blocks* in DRAM places in non-volatile memory, if that is where they are used."""
        if parameters.memory != "envm" or not self._rewrites:
            return blocks
        return {
            key: block._replace(address=self._on_chip.take(block.bursts), home=block.address, place=(*place, key))
            for key, block in blocks.items()
        }

    def once(self, key: Hashable, make: Callable[[], _Made]) -> _Made:
        """Return what *make* returned when *key* was first asked for: what depends on this placement alone."""
        if key not in self._made:
            self._made[key] = make()
        return cast("_Made", self._made[key])

    @cached_property
    def envm_words(self) -> int:
        """The words in on-chip non-volatile memory: for good, and of each place those of its largest block."""
        weights = chain.from_iterable(blocks.values() for blocks in (*self.weights.values(), *self.masks.values()))
        norms = chain.from_iterable(blocks.values() for blocks in self.norms.values())
        largest: dict[Hashable, int] = {}
        for block in chain(weights, norms):
            if block.in_envm:
                place = block.address if block.place is None else block.place
                largest[place] = max(largest.get(place, 0), block.words)
        return sum(largest.values())

    def _has_task_norm(self, position: int, tasks: Sequence[str]) -> bool:
        node = self._geometries[position].operation.node
        asked = [self._scheme.parameters(node, task) for task in tasks if node.has_weights]
        kinds = {(each.norm, each.memory if each.norm == "task" else "") for each in asked}
        if len(kinds) > 1:
            raise InputError(f"layer {node.name}", "the norm of some tasks is elsewhere than that of others")
        return any(norm == "task" for norm, _ in kinds)

    def _place_activations(self, network: Network, images: Sequence[Image], allocator: Allocator) -> None:
        grids: dict[str, tuple[BlockGrid, bool]] = {}
        for geometry in self._geometries:
            operation = geometry.operation
            for source, grid in zip(operation.sources, geometry.inputs, strict=True):
                grids[source.tensor] = grid, source.sparse
            grids[operation.output] = geometry.output, operation.output_sparse
        hardware = self._geometries[0].hardware
        for node in network.nodes:
            if node.name in grids:
                grid, sparse = grids[node.name]
                slot = slot_bursts(grid, sparse and self._skipping != "none", hardware)
                self.slots[node.name] = slot
                for image in images:
                    if image.runs(node.unit):
                        self._addresses[node.name, image.index] = allocator.take(slot * prod(grid.counts))

    def parameters(self, position: int, task: str) -> LayerParameters:
        """Return what an image of *task* needs at operation *position*."""
        return self._scheme.parameters(self._geometries[position].operation.node, task)

    def places(self, position: int, image: Image) -> list[tuple[int, StoredBlocks] | None]:
        """Return, for each source of operation *position*, address and blocks; None for what *image* does not have."""
        geometry = self._geometries[position]
        costs = self._book.costs(geometry, image, self._skipping)
        keys = [(source.tensor, image.index) for source in geometry.operation.sources]
        return [
            (self._addresses[key], stored) if key in self._addresses else None
            for key, stored in zip(keys, costs.inputs, strict=True)
        ]

    def output_place(self, position: int, image: Image) -> tuple[int, StoredBlocks]:
        """Return address and blocks of what operation *position* writes."""
        geometry = self._geometries[position]
        stored = self._book.costs(geometry, image, self._skipping).output
        return self._addresses[geometry.operation.output, image.index], stored

    def inputs(self, position: int, image: Image) -> list[ActivationRegion | None]:
        """Return the region of each tensor that operation *position* reads, None for what *image* does not have."""
        sources = self._geometries[position].operation.sources
        found: list[ActivationRegion | None] = []
        for source, place in zip(sources, self.places(position, image), strict=True):
            key = (source.tensor, image.index)
            if place is not None and key not in self._regions:
                self._regions[key] = ActivationRegion.of(*place, image.index)
            found.append(None if place is None else self._regions[key])
        return found

    def output(self, position: int, image: Image) -> ActivationRegion:
        """Return the region that operation *position* writes."""
        key = (self._geometries[position].operation.output, image.index)
        if key not in self._regions:
            self._regions[key] = ActivationRegion.of(*self.output_place(position, image), image.index)
        return self._regions[key]

    def is_read(self, position: int, task: str) -> bool:
        """Return whether any operation that images of *task* run reads what operation *position* writes."""
        return self._geometries[position].operation.output in self._last_reader[task]

    def dying(self, position: int, image: Image) -> list[str]:
        """Return the tensors of *image* that operation *position* reads and none after it, of those that it runs."""
        last = self._last_reader[image.task]
        sources = self._geometries[position].operation.sources
        tensors = dict.fromkeys(source.tensor for source in sources if image.runs(source.unit))
        return [tensor for tensor in tensors if last[tensor] == position]

    def read_last(self, position: int, image: Image) -> list[ActivationRegion]:
        """Return the regions of :meth:`dying`."""
        self.inputs(position, image)
        return [self._regions[tensor, image.index] for tensor in self.dying(position, image)]

    def begin(self) -> None:
        """Forget all activations: another replay may have used this placement before."""
        self._regions.clear()
        self._batch = -1

    def begin_batch(self, number: int) -> None:
        """Forget the activations of earlier batches: no later one reads them."""
        if number != self._batch:
            self._regions.clear()
            self._batch = number

    def weights_booked_under(self, position: int, owner: str, batch: Sequence[Image], source: int = 0) -> int:
        """Return the one image of *batch* that uses an owner's weights at a *source*, or SHARED_IMAGE for several."""
        operation = self._geometries[position].operation
        read = operation.sources[source]
        users = [
            image.index
            for image in batch
            if image.runs(operation.unit)
            and image.runs(read.unit)
            and weights_owner(self._scheme, operation, read, image.runner(operation.unit)) == owner
        ]
        return users[0] if len(users) == 1 else SHARED_IMAGE

    def masks_booked_under(self, position: int, view: str, batch: Sequence[Image]) -> int:
        """Return the one image of *batch* that uses a view's masks, or SHARED_IMAGE for several."""
        unit = self._geometries[position].operation.unit
        users = [i.index for i in batch if i.runs(unit) and self.parameters(position, i.runner(unit)).view == view]
        return users[0] if len(users) == 1 else SHARED_IMAGE

    def thresholds_booked_under(self, image: Image, batch: Sequence[Image], unit: str | None = None) -> int:
        """Return *image*, or SHARED_IMAGE where others in *batch* use the same thresholds at an operation of *unit*."""
        users = Counter(other.runner(unit) for other in batch if other.runs(unit))
        return SHARED_IMAGE if users[image.runner(unit)] > 1 else image.index
