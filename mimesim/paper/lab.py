"""The bench on which the paper's set is run: traces by kind of masks, runs by name, results kept and shared."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from mimesim.config.energy import Accounting, Prices
from mimesim.config.schedule import Mode
from mimesim.config.workload import Case, Workload
from mimesim.energy import PriceList
from mimesim.engine import Engine
from mimesim.errors import InputError
from mimesim.inputs import build_schemes, load_traces, select
from mimesim.network import Network
from mimesim.networks import NETWORKS, build
from mimesim.paper.claims import EVEN_LAYERS, TABLE_LAYERS, TASKS, Masks
from mimesim.paper.runs import RunResult, RunSpec, Variant, execute
from mimesim.trace import PoolDensity, Trace, draw_trace
from mimesim.workers import run_parallel

__all__ = ["ABLATIONS", "DRAWN_IMAGES", "DRAW_SEED", "ROLES", "Lab", "Progress"]

#: Called with the part of the work, the runs done of it and all its runs.
Progress = Callable[[str, int, int], None]

#: The paper's cases by what decides them: scheme and skipping (section V-B; Fig. 8 for the pruned models).
ROLES = {
    "case-1": ("conventional", "none"),
    "case-2": ("conventional", "per_position"),
    "mime": ("mime", "per_position"),
    "pruned": ("pruned", "per_position"),
}

#: Drawn masks are those of this seed, wherever they are drawn, and enough for the largest batch of the questions.
DRAW_SEED = 0
DRAWN_IMAGES = 6

#: Fig. 9's cases B and C. A quarter of the PEs, with both sides of the grid halved: 8 positions x 32 channels, so that
#: neither the reuse of weights (over positions) nor that of activations (over channels) is singled out; the paper does
#: not say how it splits either number. 128 KB: each of the caches shrinks in proportion.
ABLATIONS = ("pe-256", "cache-128")
SMALL_GRID = {"grid": {"positions": [4, 2], "channels": 32}}


class Lab:
    """Runs of one workload, each replayed once, in *jobs* processes (as many as there are cores, if None).

    *folder* takes the drawn traces; *engine* replays. Everything uses the workload's one hardware and one schedule: a
    case that changes either is refused, for a comparison with the paper must not tune a case.
    """

    def __init__(
        self,
        workload: Workload,
        folder: Path,
        jobs: int | None = None,
        progress: Progress | None = None,
        engine: Engine = "auto",
    ) -> None:
        self.workload = workload
        self.tasks = workload.tasks
        self._folder = folder
        self._progress = progress
        self._engine: Engine = engine
        self._results: dict[RunSpec, RunResult] = {}
        self._jobs = jobs if jobs is not None else len(os.sched_getaffinity(0))
        self._traces: dict[tuple[Masks, str, int, PoolDensity], Path] = {}
        if self.tasks != TASKS:
            rule = f"must be the paper's: {', '.join(TASKS)}"
            raise workload.error(("tasks",), rule, list(self.tasks))
        self.cases = {role: self._case(role) for role in ROLES}
        build_schemes(workload)
        loaded = load_traces(workload, select(workload, "singular", images=workload.batch_images))
        self.recorded = {case.scheme: loaded[case.name] for case in self.cases.values()}
        self.network = self.recorded["mime"].network
        self.pixels = self.network.input.shape[1]
        for scheme, trace in self.recorded.items():
            self._traces["recorded", scheme, self.pixels, "table"] = trace.directory.resolve()
        names = {node.name for node in self.network.weight_layers}
        if missing := [layer for layer in (*EVEN_LAYERS, *TABLE_LAYERS) if layer not in names]:
            raise InputError("paper", f"has no layer {missing[0]!r}; the paper's network is VGG16", key="network")

    def _case(self, role: str) -> Case:
        scheme, skipping = ROLES[role]
        for number, case in enumerate(self.workload.cases):
            if (case.scheme, case.skipping) != (scheme, skipping) or case.options.get("storage", "dense") != "dense":
                continue
            for key in ("hardware", "schedule"):
                if getattr(case, key):
                    rule = "must be empty: the paper's cases run on one hardware and one schedule"
                    raise self.workload.error(("cases", number, key), rule)
            return case
        rule = f"hold no case of scheme {scheme!r} with skipping {skipping!r}: {role} of the paper"
        raise self.workload.error(("cases",), rule)

    def trace(self, masks: Masks, scheme: str, pixels: int | None = None, pool_density: PoolDensity = "table") -> Path:
        """Return the folder of a trace; drawn ones are drawn when first asked for, at any side of the image."""
        side = self.pixels if pixels is None else pixels
        key = (masks, scheme, side, pool_density)
        if key not in self._traces:
            if masks == "recorded":
                raise InputError(
                    "paper", "recorded masks exist only as, and at the size, they were recorded", value=side
                )
            self._traces[key] = self._folder / f"{scheme}-{side}-{pool_density}"
            draw_trace(
                self._traces[key],
                network=self._network(side),
                scheme=scheme,
                tasks=self.tasks,
                images=DRAWN_IMAGES,
                seed=DRAW_SEED,
                pool_density=pool_density,
            )
        return self._traces[key]

    def opened(self, masks: Masks, scheme: str) -> Trace:
        """Return a trace at the workload's size, opened."""
        return self.recorded[scheme] if masks == "recorded" else Trace.load(self.trace(masks, scheme), verify=False)

    def images(self, masks: Masks) -> int:
        """Return the images that every task of every trace has."""
        if masks == "drawn":
            return DRAWN_IMAGES
        return min(trace.entry(task).images for trace in self.recorded.values() for task in self.tasks)

    def _network(self, side: int) -> Network:
        if side == self.pixels:
            return self.network
        if self.network.name not in NETWORKS:
            raise InputError("paper", "cannot be built at another size", key="network", value=self.network.name)
        return build(self.network.name, side, self.network.nodes[-1].shape[0])

    def spec(self, name: str, masks: Masks, *variants: Variant, last_layer: str = "") -> RunSpec:
        """Return the run called *name*, ``role/mode[/ablation]``, with *variants* laid over it one after the other."""
        role, mode, *ablation = name.split("/")
        case = self.cases[role]
        spec = self.base(case.scheme, "singular" if mode == "singular" else "pipelined", masks)
        spec = replace(spec, skipping=case.skipping, last_layer=last_layer)
        for variant in variants:
            spec = spec.changed(variant)
            if variant.pixels is not None or variant.pool_density != "table":
                trace = self.trace(masks, case.scheme, variant.pixels, variant.pool_density)
                spec = replace(spec, trace=trace)
        for each in ablation:
            grids = [variant.small_grid for variant in variants if variant.small_grid is not None]
            spec = spec.changed(self.ablation(each, spec, grids[-1] if grids else None))
        return self.shared(spec)

    def base(self, scheme: str, mode: Mode, masks: Masks, trace_of: str | None = None) -> RunSpec:
        """Return the run of *scheme* as the workload has it, on the masks that *trace_of* (its own, if None) left."""
        return RunSpec(
            trace=self.trace(masks, trace_of or scheme),
            scheme=scheme,
            mode=mode,
            # The paper's singular batch is three images of CIFAR-10, its first child task.
            tasks=self.tasks[:1] if mode == "singular" else self.tasks,
            batch_images=self.workload.batch_images,
            hardware=self.workload.hardware,
            schedule=self.workload.schedule,
        )

    def shared(self, spec: RunSpec) -> RunSpec:
        """Return *spec*, on drawn masks if it skips nothing: then no mask is looked at, and one run serves for all."""
        alike = [path for (_, _, side, _), path in self._traces.items() if side == self.pixels]
        if spec.skipping != "none" or spec.trace not in alike:
            return spec
        return replace(spec, trace=self.trace("drawn", spec.scheme))

    def ablation(self, name: str, spec: RunSpec, small_grid: Mapping[str, Any] | None = None) -> Variant:
        """Return Fig. 9's case B (``pe-256``) or C (``cache-128``) of *spec*."""
        if name == "pe-256":
            return Variant(name, hardware=SMALL_GRID if small_grid is None else {"grid": small_grid})
        caches = spec.hardware.caches
        sizes = ("weights_kib", "activations_kib", "thresholds_kib", "unified_kib")
        return Variant(name, hardware={"caches": {size: getattr(caches, size) * 128 / 156 for size in sizes}})

    def prices(self, accounting: Accounting | None = None, prices: Prices | None = None) -> PriceList:
        """Return the prices of the workload, under ``paper`` accounting unless told otherwise."""
        return PriceList(prices or self.workload.energy.prices, accounting or "paper", self.workload.hardware)

    def run(self, specs: Iterable[RunSpec], part: str = "replays") -> None:
        """Replay all *specs* that have not been yet; *part* is what to call them in a progress bar."""
        todo = [spec for spec in dict.fromkeys(specs) if spec not in self._results]
        done = 0

        def report(_: str, runs: int) -> None:
            nonlocal done
            done += runs
            if self._progress is not None:
                self._progress(part, done, len(todo))

        report("", 0)
        if self._jobs == 1 or len(todo) < 2:
            for spec in todo:
                self._results[spec] = execute(spec, self._engine)
                report("", 1)
            return
        # A process that has counted the masks of a trace on a machine keeps to them while it can.
        items = {str(number): spec for number, spec in enumerate(todo)}
        likeness = {item: (spec.trace, spec.hardware) for item, spec in items.items()}
        results = run_parallel(
            partial(_Bench, items, self._engine), list(items), min(self._jobs, len(todo)), likeness, report
        )
        self._results.update(zip(todo, results, strict=True))

    def result(self, spec: RunSpec) -> RunResult:
        """Return the result of *spec*, replaying it now if that has not been done."""
        if spec not in self._results:
            self.run([spec])
        return self._results[spec]

    @property
    def runs(self) -> int:
        """Replays so far."""
        return len(self._results)

    @property
    def engines(self) -> dict[str, int]:
        """Replays so far, by who did them."""
        return dict(sorted(Counter(result.engine for result in self._results.values()).items()))

    @property
    def violations(self) -> tuple[str, ...]:
        """The conservation laws that any replay broke."""
        return tuple(broken for result in self._results.values() for broken in result.violations)


class _Bench:
    """Replays runs in another process."""

    def __init__(self, specs: Mapping[str, RunSpec], engine: Engine) -> None:
        self._specs = specs
        self._engine: Engine = engine

    def __call__(self, item: str, done: Callable[[int], None]) -> RunResult:
        result = execute(self._specs[item], self._engine)
        done(1)
        return result
