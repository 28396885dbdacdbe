"""``mimesim faults``: every place, tensor, rate and seed on the same images, each against the network without."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from math import isfinite
from pathlib import Path

from mimesim.config.explain import suggest
from mimesim.config.schedule import Mode
from mimesim.config.workload import Case, Workload
from mimesim.errors import InputError
from mimesim.faults.cells import RRAM, levels_of
from mimesim.faults.history import Replay
from mimesim.faults.outcome import BaseLine, CaseFaults, LayerFaults, Place, StoredLayer, Tensor, Trial
from mimesim.inputs import build_schemes, load_traces, select
from mimesim.schemes import SHARED
from mimesim.trace import Trace
from mimesim.training.data import ImageSet
from mimesim.training.faults.bench import Bench, Result, changes
from mimesim.training.faults.injection import Injection, StoredCase
from mimesim.training.faults.loading import TrainedRun
from mimesim.training.faults.misreads import Misreads
from mimesim.training.faults.stored import StoredTensors, fold_norms, quantise
from mimesim.training.threshold import ThresholdLayer
from mimesim.training.tracing.model import TracedModel

__all__ = ["Campaign", "Request", "inject"]

#: Told the case, the images evaluated and all that will be.
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Request:
    """What is asked: where, of what, how often, on how many images of each task; *tensors* empty for all there are.

    *cells* are bits per cell of eNVM, which take the place of *rates* there.
    """

    places: tuple[Place, ...]
    tensors: tuple[Tensor, ...]
    rates: tuple[float, ...]
    seeds: int = 3
    images: int = 100
    mode: Mode = "pipelined"
    task: str | None = None
    cells: tuple[int, ...] = (1, 2, 3)

    def check(self) -> None:
        """Raise :class:`InputError` for a number that means nothing."""
        for rate in self.rates:
            if not (isfinite(rate) and 0 <= rate <= 1):
                raise InputError("--rate", "must be a probability, from 0 to 1", value=rate)
        if not self.rates or len(set(self.rates)) < len(self.rates):
            raise InputError("--rate", "must name at least one rate, and none twice", value=self.rates)
        if not self.cells or len(set(self.cells)) < len(self.cells):
            raise InputError("--bits-per-cell", "must name at least one, and none twice", value=self.cells)
        if self.seeds < 2:
            raise InputError("--seeds", "must be at least 2: one says nothing about the spread", value=self.seeds)
        if self.images < 1:
            raise InputError("--images", "must be at least 1", value=self.images)


def inject(
    workload: Workload, names: Sequence[str], checkpoint: Path, request: Request, progress: Progress | None = None,
) -> list[CaseFaults]:  # fmt: skip
    """Inject what *request* asks into the cases *names*, with the weights of the training run in *checkpoint*.

    Raises :class:`InputError` for whatever does not fit together, before anything is computed.
    """
    request.check()
    # one image of each task in the trace is enough: others are stored and fetched alike
    selection = select(workload, request.mode, request.task, 1)
    known = {case.name: case for case in workload.cases}
    for name in names:
        if name not in known:
            raise InputError("--case", f"the workload has no such case; {suggest(name, known)}", value=name)
    traces = load_traces(workload, selection)
    campaigns = [Campaign(workload, known[name], traces[name], checkpoint, request, selection.tasks) for name in names]
    # what is wrong with the last case should not show after hours of the first
    for campaign in campaigns[1:]:
        campaign.load()
    return [campaign.run(progress) for campaign in campaigns]


class Campaign:
    """All trials of one case."""

    def __init__(
        self, workload: Workload, case: Case, trace: Trace, checkpoint: Path, request: Request, tasks: Sequence[str]
    ) -> None:  # fmt: skip
        """Check what can be checked without the networks."""
        self._case, self._trace, self._request, self._tasks = case, trace, request, tuple(tasks)
        self._scheme = build_schemes(workload)[case.name]
        self._hardware = workload.hardware_for(case)
        self._kinds = RRAM if self._hardware.envm is None else levels_of(self._hardware.envm)
        nodes = trace.network.layers
        parameters = [self._scheme.parameters(node, task) for node in nodes for task in tasks]
        stored: dict[Tensor, bool] = {"weights": True, "thresholds": any(one.thresholds for one in parameters)}
        self._tensors = request.tensors or tuple(name for name, there in stored.items() if there)
        for name in self._tensors:
            if not stored[name]:
                rule = f"case {case.name!r} stores none: scheme {case.scheme!r} has ReLU in their place; say weights"
                raise InputError("--of", rule, value=name)
        self._shared = {node.name for node in nodes if node.has_weights
                        and self._scheme.parameters(node, tasks[0]).weights_owner == SHARED}  # fmt: skip
        if "envm" in request.places:
            self._check_envm()
        self._compressed = any(one.storage == "bitmap" for one in parameters)
        self._run = TrainedRun(checkpoint, trace)
        self._replay = Replay(
            trace, self._scheme, case.skipping, self._hardware, workload.schedule_for(case), workload.tasks,
            workload.batch_images,
        )  # fmt: skip
        self._batches = self._replay.batches(self._tasks, request.mode, request.images)

    def load(self) -> tuple[dict[str, TracedModel], dict[str, ImageSet]]:
        """Return networks and images by task, held against the trace."""
        models = {task: self._run.model(task) for task in self._tasks}
        images = {task: self._run.images(task, self._request.images) for task in self._tasks}
        for task, model in models.items():
            self._run.check_masks(task, model, images[task])
        return models, images

    def run(self, progress: Progress | None = None) -> CaseFaults:
        """Compute the base line, then every trial."""
        request, bits = self._request, self._hardware.word_bits
        models, images = self.load()
        self._done, self._progress = 0, progress
        trials = self._trials()
        self._total = (2 + len(trials)) * request.images * len(self._tasks)
        bench = Bench(self._batches, models, images, self._tell)
        exact = bench.evaluate()
        nonzero = {(task, name): (layer.weight.detach() != 0).reshape(-1).numpy()
                   for task, model in models.items() for name, layer in model.layers.items()
                   if self._compressed}  # fmt: skip
        fold_norms(models, self._shared, self._run.parent)
        formats = {task: quantise(model, bits) for task, model in models.items()}
        base = bench.evaluate()
        case = StoredCase(
            self._replay.plan([tuple(task for task, _ in self._batches[0])]), models, formats, bits, nonzero
        )
        copies = self._replay.copies(self._batches) if set(request.places) - {"dram", "envm"} else []
        stored = tuple(_stored(models, formats, exact, base))
        found = []
        for injection in (self._injection(case, *trial) for trial in trials):
            with injection.stored():
                result = bench.evaluate(injection, copies if injection.place not in ("dram", "envm") else ())
            found.append(_trial(injection, stored, base, result))
        return CaseFaults(
            case=self._case.name,
            title=self._case.label,
            scheme=self._case.scheme,
            trace_digest=self._trace.digest(),
            word_bits=bits,
            base=tuple(
                BaseLine(task, request.images, int(exact.right[task].sum()), int(base.right[task].sum()))
                for task in self._tasks
            ),
            stored=stored,
            trials=tuple(found),
        )

    def _trials(self) -> list[tuple[Place, Tensor, float | int, int]]:
        """Place, tensor, rate (in eNVM bits per cell) and seed of each."""
        request = self._request
        found: list[tuple[Place, Tensor, float | int, int]] = []
        for place in request.places:
            cells = place == "envm"
            tensors: tuple[Tensor, ...] = ("weights",) if cells else self._tensors
            found += product([place], tensors, request.cells if cells else request.rates, range(request.seeds))
        return found

    def _injection(self, case: StoredCase, place: Place, tensor: Tensor, strength: float, seed: int) -> Injection:
        if place == "envm":
            return Misreads(case, int(strength), seed, name=self._case.name, kinds=self._kinds)
        return Injection(case, place, tensor, strength, seed, name=self._case.name)

    def _check_envm(self) -> None:
        """Non-volatile cells hold what is written once: weights that all tasks share."""
        if not self._shared:
            rule = (
                f"holds weights that all tasks share, and case {self._case.name!r} has none: its tasks' are their own"
            )
            raise InputError("--in", rule, value="envm")
        if self._request.tensors and "weights" not in self._request.tensors:
            raise InputError("--of", "must be weights where --in is envm: it holds nothing else")
        for cell in self._request.cells:
            if cell not in self._kinds:
                rule = f"must be one of {', '.join(map(str, self._kinds))}"
                if not self._kinds:
                    rule = "the technology, hardware.envm.technology, has no levels: none are published"
                raise InputError("--bits-per-cell", rule, value=cell)

    def _tell(self, images: int) -> None:
        self._done += images
        if self._progress is not None:
            self._progress(self._case.name, self._done, self._total)


def _trial(injection: Injection, stored: Sequence[StoredLayer], base: Result, result: Result) -> Trial:
    layers = tuple(
        LayerFaults(one.task, one.layer, injection.flips[one.task, one.layer], one.bits,
                    *changes(base, result, (one.task, one.layer)))
        for one in stored
    )  # fmt: skip
    right = {task: int(bits.sum()) for task, bits in result.right.items()}
    cells = injection.cell_bits if isinstance(injection, Misreads) else 0
    return Trial(injection.place, injection.tensor, injection.rate, injection.seed, right, layers, cells)


def _stored(
    models: Mapping[str, TracedModel], formats: Mapping[str, StoredTensors], exact: Result, base: Result
) -> Iterator[StoredLayer]:
    for task, model in models.items():
        activations = model.activations
        for site in model.sites:
            if not (site.weights or site.activation):
                continue
            weights, thresholds = formats[task].weights.get(site.name), formats[task].thresholds.get(site.name)
            layer = activations.get(site.name)
            yield StoredLayer(
                task,
                site.name,
                model.layers[site.name].weight.numel() if weights else 0,
                weights.fraction if weights else 0,
                layer.t.numel() if isinstance(layer, ThresholdLayer) else 0,
                thresholds.fraction if thresholds else 0,
                base.bits.get((task, site.name), 0),
                *changes(exact, base, (task, site.name)),
            )
