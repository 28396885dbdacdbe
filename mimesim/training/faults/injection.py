"""From one seed to wrong words: which of a batch's copies are wrong, and how the networks are made to see them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, fields

import numpy as np
import numpy.typing as npt
from torch import Tensor as TorchTensor

from mimesim.faults.fixed_point import FixedPoint
from mimesim.faults.history import Batch
from mimesim.faults.landing import CacheFaults, Landings, land_fills
from mimesim.faults.outcome import Place, Tensor
from mimesim.faults.residency import BatchCopies
from mimesim.faults.stored import PositionTable, ThresholdWords, WeightWords
from mimesim.faults.upsets import Ints, Upsets, draw_flips, generator
from mimesim.schedule.program import CasePlan
from mimesim.training.faults.hooks import changed, threshold_faults, weight_faults
from mimesim.training.faults.stored import StoredTensors
from mimesim.training.threshold import ThresholdLayer
from mimesim.training.tracing.model import TracedModel

__all__ = ["Injection", "StoredCase"]


@dataclass
class StoredCase:
    """A case's networks in words: *nonzero* marks, by (task, layer), the only weights that compressed storage keeps."""

    plan: CasePlan
    models: Mapping[str, TracedModel]
    formats: Mapping[str, StoredTensors]
    bits: int
    nonzero: Mapping[tuple[str, str], npt.NDArray[np.bool_]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Number the words of every operation."""
        self.weights: dict[int, WeightWords] = {}
        self.thresholds: dict[int, ThresholdWords] = {}
        self.tables: dict[int, PositionTable] = {}
        task = next(iter(self.models))
        for position, geometry in enumerate(self.plan.geometries):
            self.tables[position] = PositionTable(geometry)
            if geometry.operation.has_weights:
                self.weights[position] = WeightWords(geometry)
            granularity = self.plan.placement.parameters(position, task).thresholds
            if granularity is not None:
                self.thresholds[position] = ThresholdWords(geometry, granularity)

    def layer(self, position: int) -> str:
        """Return the name of an operation."""
        return self.plan.geometries[position].operation.name

    def owner(self, position: int, task: str) -> str:
        """Return whose weights a task uses."""
        return self.plan.placement.parameters(position, task).weights_owner

    def granular(self, position: int) -> bool:
        """Return whether each neuron of an operation has a threshold of its own."""
        task = next(iter(self.models))
        return self.plan.placement.parameters(position, task).thresholds == "neuron"

    def tensor(self, task: str, position: int, tensor: Tensor) -> TorchTensor:
        """Return a task's weights or thresholds of an operation."""
        model, name = self.models[task], self.layer(position)
        if tensor == "weights":
            return model.layers[name].weight
        layer = model.activations[name]
        assert isinstance(layer, ThresholdLayer)  # noqa: S101 - the scheme has thresholds
        return layer.t

    def used(self, task: str, position: int, elements: Ints, *, compressed: bool) -> npt.NDArray[np.bool_]:
        """Return which words of weights are the task's own, and stored: of a head, those of the task's classes (all
        tasks have room for the most), and where weights are *compressed*, those that are not zero."""
        name = self.layer(position)
        own = elements < self.models[task].layers[name].weight.numel()
        mask = self.nonzero.get((task, name)) if compressed else None
        if mask is not None:
            own[own] = mask[elements[own]]
        return own


class Injection:
    """The faults of one trial, batch after batch; *flips* counts them by (task, layer) as they come about."""

    def __init__(
        self, case: StoredCase, place: Place, tensor: Tensor, rate: float, seed: int, *, name: str = ""
    ) -> None:
        """*name* tells cases apart, which would have the same flips otherwise."""
        self._case = case
        self.place: Place = place
        self.tensor: Tensor = tensor
        self.rate = rate
        self.seed = seed
        self._random = generator(seed, name, place, tensor, repr(rate))
        self.flips: Counter[tuple[str, str]] = Counter()
        words: Mapping[int, WeightWords | ThresholdWords] = case.weights if tensor == "weights" else case.thresholds
        self._words = words
        self._caches = {position: CacheFaults(one, case.bits) for position, one in words.items()}

    @contextmanager
    def stored(self) -> Iterator[None]:
        """Let words in DRAM or eNVM be wrong while the block runs; nothing is, where the faults are elsewhere."""
        with ExitStack() as stack:
            if self.place in ("dram", "envm"):
                for task, position, upsets in self._at_rest():
                    fixed = self._format(task, position)
                    tensor = self._case.tensor(task, position, self.tensor)
                    stack.enter_context(changed(tensor, upsets.words, upsets.masks, fixed))
            yield

    def _at_rest(self) -> Iterator[tuple[str, int, Upsets]]:
        """Draw each stored word once; give (task, operation, elements), for every task that shares them."""
        case = self._case
        for position, words in self._words.items():
            drawn: dict[str, Upsets] = {}
            for task in case.models:
                owner = case.owner(position, task) if self.tensor == "weights" else task
                if owner not in drawn:
                    upsets = draw_flips(self._random, words.total, case.bits, self.rate)
                    found = Upsets(words.elements(upsets.words), upsets.masks)
                    if self.tensor == "weights":
                        found = found.take(case.used(task, position, found.words, compressed=True))
                    drawn[owner] = found
                self.flips[task, case.layer(position)] += drawn[owner].flips
                yield task, position, drawn[owner]

    def next_batch(self, batch: Batch, copies: BatchCopies) -> Iterator[tuple[int, Landings]]:
        """Draw the faults of the next batch; give, by operation, where they land, images being places in *batch*."""
        tasks = {task: [place for place, (one, _) in enumerate(batch) if one == task] for task, _ in batch}
        for position in self._words:
            landings = self._land(position, batch, copies)
            if landings is None or not len(landings):
                continue
            for task, places in tasks.items():
                mine = landings.take(np.isin(landings.image, places))
                if self.tensor == "weights":
                    compressed = self.place == "cache"
                    mine = mine.take(self._case.used(task, position, mine.element, compressed=compressed))
                self.flips[task, self._case.layer(position)] += mine.flips
                if len(mine):
                    yield position, mine

    def _land(self, position: int, batch: Batch, copies: BatchCopies) -> Landings | None:
        case = self._case
        if self.place == "cache":
            made = copies.weights if self.tensor == "weights" else copies.thresholds
            return self._caches[position].next_batch(self._random, made[position], self.rate)
        if self.place == "dram":
            return None
        if self.tensor == "weights":
            rows = case.plan.hardware.grid.rows
            words, table = case.weights[position], case.tables[position]
            return land_fills(self._random, copies.fills[position], words, table, rows, case.bits, self.rate)
        return self._in_registers(position, len(batch))

    def _in_registers(self, position: int, images: int) -> Landings:
        """Every drained sum is compared with a copy of its threshold that was loaded for it."""
        channels, height, width = self._case.plan.geometries[position].operation.shape
        neurons = channels * height * width
        upsets = draw_flips(self._random, images * neurons, self._case.bits, self.rate)
        neuron = upsets.words % neurons
        place = neuron % (height * width)
        element = neuron if self._case.granular(position) else neuron // (height * width)
        count = len(upsets)
        return Landings(
            upsets.words // neurons, np.full(count, -1), place, element, upsets.masks, np.arange(count),
            np.ones(count, np.bool_),
        )  # fmt: skip

    @contextmanager
    def hooked(self, task: str, landings: Mapping[int, Sequence[Landings]]) -> Iterator[None]:
        """Let the network of *task* see *landings*, whose images count those of its next run, while the block runs."""
        case, handles = self._case, []
        model = case.models[task]
        try:
            for position, parts in landings.items():
                whole, name = _joined(parts), case.layer(position)
                geometry, fixed = case.plan.geometries[position], self._format(task, position)
                if self.tensor == "weights":
                    layer = model.layers[name]
                    handles.append(layer.register_forward_hook(weight_faults(geometry, layer.weight, fixed, whole)))
                else:
                    activation = model.activations[name]
                    assert isinstance(activation, ThresholdLayer)  # noqa: S101 - the scheme has thresholds
                    hook = threshold_faults(geometry, activation, fixed, whole)
                    handles.append(activation.register_forward_hook(hook))
            yield
        finally:
            for handle in handles:
                handle.remove()

    def _format(self, task: str, position: int) -> FixedPoint:
        formats = self._case.formats[task]
        return (formats.weights if self.tensor == "weights" else formats.thresholds)[self._case.layer(position)]


def _joined(parts: Iterable[Landings]) -> Landings:
    listed = list(parts)
    return Landings(*(np.concatenate([getattr(part, one.name) for part in listed]) for one in fields(Landings)))
