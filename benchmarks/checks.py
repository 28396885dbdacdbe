"""The measurements, one function each: every ratio comes from runs that took turns on the same machine."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from statistics import median

from benchmarks import scale_sim
from benchmarks.drawn import conv_layers, draw_workload
from benchmarks.exploration import engines
from benchmarks.measure import cost_of
from benchmarks.section import ENGINES, Check, Options, Section, child, run
from benchmarks.startup import first_progress
from benchmarks.sweeping import sweep
from mimesim.networks import build

__all__ = ["CHECKS"]


def against_scale_sim(options: Options) -> Section:
    """CPU seconds of SCALE-Sim over ours, whole processes, for one dense image."""
    if options.scale_sim is None:
        return Section("SCALE-Sim", (), ("Not measured: give `--scale-sim PYTHON`.",))
    checks: list[Check] = []
    details = [
        "| pixels | engine | SCALE-Sim, CPU s | mimesim, CPU s | of which the simulation | ratio, whole "
        "| ratio, simulation |",
        "|---|---|---|---|---|---|---|",
    ]
    for size in (size for size in (32, 64) if size in options.sizes):
        place = options.place(f"scale-sim-{size}")
        workload = draw_workload(place, conv_layers(size), ("case-1",), batch_images=1)
        arguments = ("--task", "cifar10", "--images", "1", "--jobs", "1")
        ours = {name: [_simulated(place, workload, name, *arguments) for _ in range(2)] for name in ENGINES}
        scale_sim.write_inputs(place, size)
        theirs = cost_of([options.scale_sim, scale_sim.script(place)], place).cpu_seconds
        # Before and after, so that neither side has the machine to itself.
        for name, runs in ours.items():
            runs += [_simulated(place, workload, name, *arguments) for _ in range(2)]
            whole, inside = (median(seconds) for seconds in zip(*runs, strict=True))
            ratio = theirs / inside
            ratios = f"{theirs / whole:.0f}x | {ratio:.0f}x"
            details.append(f"| {size} | {name} | {theirs:.1f} | {whole:.3f} | {inside:.3f} | {ratios} |")
            if size == 64:
                what = f"SCALE-Sim / mimesim, CPU time of the simulation, 64 px, {name}"
                checks.append(Check(what, f"{ratio:.0f}x", "at least 300x", ratio >= 300))
    details += [
        "",
        "One dense image through the thirteen conv layers of VGG16. SCALE-Sim 3.0.0: the whole process, 32x32 array,",
        "output-stationary, 3 x 156 KB, no traces written. mimesim: `mimesim run` as a whole, with start-up and",
        "tables; and the simulation alone (`measured.cpu_seconds` of `run.json`: counting, DRAM, caches and the second",
        "count that checks the books). Start-up weighs nothing against minutes, but as much as half a second's run.",
    ]
    return Section("SCALE-Sim", tuple(checks), tuple(details))


def _simulated(place: Path, workload: Path, engine: str, *options: str) -> tuple[float, float]:
    """Return the CPU seconds of one ``mimesim run``: of the process, and of the simulation in it."""
    whole = run(place, workload, "--engine", engine, *options).cpu_seconds
    measured = json.loads((place / "out" / "run.json").read_text(encoding="utf-8"))["measured"]
    return whole, float(measured["cpu_seconds"])


def per_pass(options: Options) -> Section:
    """CPU microseconds per pass, over those of a bare SimPy pipeline."""
    workload = draw_workload(options.place("per-pass"), build("vgg16", min(64, max(options.sizes))))
    turns = []
    for _ in range(options.repeats):
        took = [child("replay", workload, name) for name in ENGINES]
        passes = took[0][1]
        bare, _ = child("bare", int(passes))
        turns.append([seconds / passes * 1e6 for seconds in (*(each[0] for each in took), bare)])
    details = ["| run | simpy, µs/pass | compiled, µs/pass | bare pipeline, µs/pass |", "|---|---|---|---|"]
    details += [f"| {n} | " + " | ".join(f"{each:.1f}" for each in turn) + " |" for n, turn in enumerate(turns, 1)]
    details += [
        "",
        f"VGG16, three cases, pipelined, {int(passes)} passes, in one process: reading and checking traces, planning,",
        "the machine and the conservation laws. The bare pipeline: four processes and three bounded stores; each stage",
        "takes a pass, works one cycle and hands it on.",
    ]
    checks = []
    for place, name in enumerate(ENGINES):
        ratio = median(turn[place] / turn[-1] for turn in turns)
        checks.append(Check(f"time per pass / bare SimPy pipeline, {name}", f"{ratio:.2f}x", "at most 2x", ratio <= 2))
    return Section("Time per pass", checks, details)


def whole_set(options: Options) -> Section:
    """The paper's whole set: 3 images, 3 cases, 2 modes."""
    checks: list[Check] = []
    details = [
        "| pixels | engine | wall s | CPU s | largest process, MiB | all processes, MiB |",
        "|---|---|---|---|---|---|",
    ]
    limits = {64: 15.0, 224: 180.0}
    for size, name in ((size, name) for size in limits if size in options.sizes for name in ENGINES):
        place = options.place(f"set-{size}-{name}")
        workload = draw_workload(place, build("vgg16", size))
        costs = []
        for _ in range(options.repeats if size == 64 else 1):
            singular = run(place, workload, "--engine", name, "--mode", "singular", "--task", "cifar10")
            pipelined = run(place, workload, "--engine", name, "--mode", "pipelined")
            costs.append((singular, pipelined))
        wall = median(a.wall_seconds + b.wall_seconds for a, b in costs)
        cpu = median(a.cpu_seconds + b.cpu_seconds for a, b in costs)
        largest = max(cost.largest_mib for pair in costs for cost in pair)
        together = max(cost.together_mib for pair in costs for cost in pair)
        details.append(f"| {size} | {name} | {wall:.1f} | {cpu:.1f} | {largest:.0f} | {together:.0f} |")
        limit, peak, what = limits[size], max(largest, together), f"at {size} px, {name}"
        checks.append(Check(f"the paper's set {what}", f"{wall:.1f} s", f"under {limit:.0f} s", wall < limit))
        checks.append(Check(f"peak memory {what}", f"{peak:.0f} MiB", "under 500 MB", peak * 2**20 < 500e6))
    details += [
        "",
        "`mimesim run` twice: one task's three images in singular mode, one image of each task in pipelined mode.",
    ]
    return Section("The paper's whole set", checks, details)


def growth(options: Options) -> Section:
    """Time against passes and MACs."""
    details = ["| pixels | passes | dense MACs | CPU s | µs per pass | ns per 1000 MACs |", "|---|---|---|---|---|---|"]
    cost_per_pass = []
    for size in options.sizes:
        workload = draw_workload(options.place(f"growth-{size}"), build("vgg16", size), ("case-3",))
        seconds, passes, macs = child("replay", workload, "simpy")
        cost_per_pass.append(seconds / passes * 1e6)
        per = f"{cost_per_pass[-1]:.1f} | {seconds / macs * 1e12:.1f}"
        details.append(f"| {size} | {int(passes):,} | {int(macs):,} | {seconds:.2f} | {per} |")
    spread = max(cost_per_pass) / min(cost_per_pass)
    details += ["", "VGG16 with thresholds, one image of each of three tasks, pipelined, one process, SimPy."]
    what = f"µs per pass, {options.sizes[0]} to {options.sizes[-1]} px, most / least"
    check = Check(what, f"{spread:.2f}x", "about flat: at most 1.5x", spread <= 1.5)
    return Section("What time grows with", [check], details)


def start_up(options: Options) -> Section:
    """Seconds from the command to its first progress."""
    place = options.place("start-up")
    workload = draw_workload(place, build("vgg16", min(64, max(options.sizes))))
    times = [first_progress(workload, place / "out") for _ in range(options.repeats + 2)]
    first, bar = (median(pair[index] for pair in times) for index in (0, 1))
    details = [
        "| first text on the terminal, s | first bar of a case, s |",
        "|---|---|",
        f"| {first:.2f} | {bar:.2f} |",
    ]
    check = Check("`mimesim run` to the first bar of a case", f"{bar:.2f} s", "under 0.7 s", bar < 0.7)
    return Section("Start-up", [check], details)


CHECKS: dict[str, Callable[[Options], Section]] = {
    "scale-sim": against_scale_sim,
    "per-pass": per_pass,
    "engine": engines,
    "set": whole_set,
    "growth": growth,
    "start-up": start_up,
    "sweep": sweep,
}
