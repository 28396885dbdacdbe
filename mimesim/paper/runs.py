"""One replay of the paper's set: what decides it, and the sums by layer that claims are computed from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from mimesim.config.energy import Accounting, Prices
from mimesim.config.hardware import Hardware
from mimesim.config.schedule import Mode, Schedule, Skipping
from mimesim.config.workload import merge
from mimesim.conservation import violations
from mimesim.energy import LEVELS, PriceList
from mimesim.engine import Engine, replay
from mimesim.ledger import CaseLedger, ImageRow
from mimesim.network import Network
from mimesim.schedule.costs import CostBook
from mimesim.schedule.images import compose_batches
from mimesim.schedule.program import plan_case
from mimesim.schemes import SCHEMES
from mimesim.trace import PoolDensity, Trace

__all__ = ["LayerSums", "RunResult", "RunSpec", "Variant", "execute"]


@dataclass(frozen=True, slots=True)
class Variant:
    """A change of one or more assumptions: laid over hardware, schedule and options of a run, mapping by mapping.

    *pixels* replays masks drawn for images of another side, *pool_density* masks whose pools are drawn otherwise (see
    :func:`draw_trace`), *accounting* and *prices* price the same counts otherwise;
    *multiplied_padding* prices the taps outside a tensor as MACs where nothing is skipped (the machine idles on them).
    *small_grid* takes the place of Fig. 9's grid of 256 PEs, and leaves other runs alone.
    """

    name: str
    hardware: Mapping[str, Any] = field(default_factory=dict)
    schedule: Mapping[str, Any] = field(default_factory=dict)
    options: Mapping[str, str] = field(default_factory=dict)
    skipping: Skipping | None = None
    pixels: int | None = None
    pool_density: PoolDensity = "table"
    batch_images: int | None = None
    accounting: Accounting | None = None
    prices: Prices | None = None
    multiplied_padding: bool = False
    small_grid: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class RunSpec:
    """Everything that decides the counts of one replay; equal ones are replayed once.

    *images* of each task are composed into batches of at most *batch_images*, of which only the first is replayed.
    *last_layer* cuts the network behind that layer where later ones are not asked for.
    """

    trace: Path
    scheme: str
    mode: Mode
    tasks: tuple[str, ...]
    batch_images: int
    hardware: Hardware
    schedule: Schedule
    skipping: Skipping = "per_position"
    options: tuple[tuple[str, str], ...] = ()
    last_layer: str = ""

    def changed(self, variant: Variant) -> RunSpec:
        """Return the run with *variant* laid over it; its trace, accounting and prices are the caller's to change."""
        hardware = Hardware.model_validate(merge(self.hardware.model_dump(), variant.hardware))
        schedule = Schedule.model_validate(merge(self.schedule.model_dump(), variant.schedule))
        known = {"mime": {"granularity"}, "pruned": {"storage"}}.get(self.scheme, set())
        options = dict(self.options) | {k: v for k, v in variant.options.items() if k in known}
        return replace(
            self,
            hardware=hardware,
            schedule=schedule,
            options=tuple(sorted(options.items())),
            skipping=self.skipping if variant.skipping is None else variant.skipping,
            batch_images=self.batch_images if variant.batch_images is None else variant.batch_images,
        )


@dataclass
class LayerSums:
    """What one layer did for all images of the batch: cycles from its start to its end, and counts to be priced.

    *padding*: taps outside a tensor that PEs sat out because nothing is skipped.
    """

    cycles: int = 0
    padding: int = 0
    row: ImageRow = field(default_factory=ImageRow)

    def add(self, row: ImageRow) -> None:
        """Add one image's row."""
        total = self.row
        total.busy_cycles += row.busy_cycles
        total.stalls.update(row.stalls)
        total.macs += row.macs
        total.macs_dense += row.macs_dense
        total.words.update(row.words)
        total.bursts.update(row.bursts)

    def energy(self, prices: PriceList, *, multiplied_padding: bool = False) -> dict[str, float]:
        """Return the energy by level, and the sum of all levels under ``total``, in the unit of *prices*."""
        sums = dict.fromkeys(LEVELS, 0)
        row = self._with_padding() if multiplied_padding and self.padding else self.row
        for (level, _, _), quanta in prices.price(row).items():
            sums[level] += quanta
        return {level: prices.energy(quanta) for level, quanta in sums.items()} | {
            "total": prices.energy(sum(sums.values()))
        }

    def _with_padding(self) -> ImageRow:
        """Return the row as if each tap outside the tensor were a MAC with its four scratchpad accesses."""
        row = replace(self.row, macs=self.row.macs + self.padding, words=self.row.words.copy())
        for tensor, direction in (("weights", "read"), ("activations", "read"), ("psums", "read"), ("psums", "write")):
            row.book("reg", tensor, direction, self.padding)
        return row


@dataclass
class RunResult:
    """What a replay counted, by layer in the order of the network; *images* is how many it replayed.

    *violations*: the conservation laws that it breaks, none if all is well. *engine* is who replayed it.
    """

    images: int
    layers: dict[str, LayerSums]
    violations: tuple[str, ...] = ()
    engine: Engine = field(default="simpy", compare=False)

    @classmethod
    def of(cls, ledger: CaseLedger, images: int, violations: Sequence[str] = (), engine: Engine = "simpy") -> RunResult:
        """Sum a ledger up by layer."""
        layers: dict[str, LayerSums] = {}
        for phase in ledger.phases:
            sums = layers.setdefault(phase.layer, LayerSums())
            sums.cycles += phase.end_cycle - phase.start_cycle
            sums.padding += phase.pe.padding
            for row in phase.rows.values():
                sums.add(row)
        return cls(images, layers, tuple(violations), engine)


@lru_cache(maxsize=8)
def _trace(directory: Path) -> Trace:
    return Trace.load(directory, verify=False)


@lru_cache(maxsize=1)
def _book(trace: Path, hardware: Hardware) -> CostBook:
    """Keep the counts of one trace on one machine: what consecutive runs are likely to share, and no more."""
    del trace, hardware
    return CostBook()


@lru_cache(maxsize=16)
def _network(directory: Path, last_layer: str) -> Network:
    """Return the trace's network, cut behind *last_layer* and the pools that follow it."""
    network = _trace(directory).network
    if not last_layer:
        return network
    nodes = list(network.nodes)
    end = nodes.index(network.node(last_layer)) + 1
    while end < len(nodes) and nodes[end].is_pool:
        end += 1
    return Network(name=network.name, nodes=tuple(nodes[:end]))


def execute(spec: RunSpec, engine: Engine = "auto") -> RunResult:
    """Replay one run by *engine*; safe to call in another process."""
    trace = _trace(spec.trace)
    network = _network(spec.trace, spec.last_layer)
    tasks = spec.tasks
    per_task = -(-spec.batch_images // len(tasks))
    batch = compose_batches(trace, tasks, spec.mode, per_task, spec.batch_images)[0]
    scheme = SCHEMES[spec.scheme](**dict(spec.options))
    book = _book(spec.trace, spec.hardware)
    plan = plan_case(network, scheme, spec.skipping, spec.hardware, spec.schedule, [batch], tasks, book)
    ledger, by = replay(plan, engine)
    return RunResult.of(ledger, len(batch), violations(plan, ledger), by)
