"""The placement of one case: which region of DRAM holds which parameters and activations, and who uses them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import chain
from math import prod

from mimesim.config.schedule import Skipping
from mimesim.ledger import SHARED_IMAGE
from mimesim.network import Network
from mimesim.schedule.blocks import BlockGrid, slot_bursts
from mimesim.schedule.costs import CostBook
from mimesim.schedule.geometry import Geometry
from mimesim.schedule.images import Image
from mimesim.schedule.memory_map import (
    ActivationRegion,
    Allocator,
    ParameterBlock,
    threshold_blocks,
    weight_blocks,
)
from mimesim.schemes import LayerParameters, Scheme

__all__ = ["Placement"]

Blocks = dict[tuple[int, int], ParameterBlock]


class Placement:
    """Addresses of a case: *weights* by (operation, owner), *thresholds* by (operation, task), activations on demand.

    The order of the regions is that of ``docs/machine.md``, section 3. The tasks' parameters come from the workload,
    so that the addresses of a case do not depend on which images it replays.
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
    ) -> None:
        self._geometries = geometries
        self._scheme = scheme
        self._skipping: Skipping = skipping
        self._book = book
        self.weights: dict[tuple[int, str], Blocks] = {}
        self.thresholds: dict[tuple[int, str], Blocks] = {}
        self._addresses: dict[tuple[str, int], int] = {}
        self._regions: dict[tuple[str, int], ActivationRegion] = {}
        self._batch = -1
        #: The last operation that reads each tensor.
        self._last_reader = {s.tensor: number for number, g in enumerate(geometries) for s in g.operation.sources}
        images = list(chain.from_iterable(batches))
        source = images[0].trace
        allocator = Allocator()
        for position, geometry in enumerate(geometries):
            node = geometry.operation.node
            for task in tasks:
                parameters = scheme.parameters(node, task)
                if node.has_weights and (position, parameters.weights_owner) not in self.weights:
                    zeros = source.weight_mask(task, node.name) if parameters.pruned else None
                    blocks = weight_blocks(geometry, parameters, zeros, allocator)
                    self.weights[position, parameters.weights_owner] = blocks
            for task in tasks:
                parameters = scheme.parameters(node, task)
                if parameters.thresholds is not None:
                    self.thresholds[position, task] = threshold_blocks(geometry, parameters, allocator)
        self._place_activations(network, images, allocator)
        self.bursts = allocator.top

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
                for image in images:
                    self._addresses[node.name, image.index] = allocator.take(slot * prod(grid.counts))

    def parameters(self, position: int, task: str) -> LayerParameters:
        """Return what an image of *task* needs at operation *position*."""
        return self._scheme.parameters(self._geometries[position].operation.node, task)

    def inputs(self, position: int, image: Image) -> list[ActivationRegion]:
        """Return the region of each tensor that operation *position* reads."""
        geometry = self._geometries[position]
        costs = self._book.costs(geometry, image, self._skipping)
        found = []
        for source, stored in zip(geometry.operation.sources, costs.inputs, strict=True):
            key = (source.tensor, image.index)
            if key not in self._regions:
                self._regions[key] = ActivationRegion.of(self._addresses[key], stored, image.index)
            found.append(self._regions[key])
        return found

    def output(self, position: int, image: Image) -> ActivationRegion:
        """Return the region that operation *position* writes."""
        geometry = self._geometries[position]
        key = (geometry.operation.output, image.index)
        if key not in self._regions:
            stored = self._book.costs(geometry, image, self._skipping).output
            self._regions[key] = ActivationRegion.of(self._addresses[key], stored, image.index)
        return self._regions[key]

    def is_read(self, position: int) -> bool:
        """Return whether any operation reads what operation *position* writes."""
        return self._geometries[position].operation.output in self._last_reader

    def read_last(self, position: int, image: Image) -> list[ActivationRegion]:
        """Return the regions of *image* that no operation after *position* reads, of those that it reads itself."""
        sources = self._geometries[position].operation.sources
        regions = zip(sources, self.inputs(position, image), strict=True)
        return [region for source, region in regions if self._last_reader[source.tensor] == position]

    def begin_batch(self, number: int) -> None:
        """Forget the activations of earlier batches: no later one reads them."""
        if number != self._batch:
            self._regions.clear()
            self._batch = number

    def weights_booked_under(self, position: int, owner: str, batch: Sequence[Image]) -> int:
        """Return the one image of *batch* that uses an owner's weights, or SHARED_IMAGE for several."""
        users = [image.index for image in batch if self.parameters(position, image.task).weights_owner == owner]
        return users[0] if len(users) == 1 else SHARED_IMAGE

    def thresholds_booked_under(self, image: Image, batch: Sequence[Image]) -> int:
        """Return *image*, or SHARED_IMAGE where others in *batch* are of its task and use the same thresholds."""
        return SHARED_IMAGE if Counter(other.task for other in batch)[image.task] > 1 else image.index
