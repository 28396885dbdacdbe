"""The measurements, one function each: every ratio comes from runs that took turns on the same machine."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from benchmarks import scale_sim
from benchmarks.drawn import conv_layers, draw_workload
from benchmarks.measure import PYTHON, Cost, cost_of
from benchmarks.startup import first_progress
from mimesim.networks import build

__all__ = ["CHECKS", "Check", "Options", "Section"]

_PIPELINE = Path(__file__).with_name("pipeline.py")
_ENGINES = Path(__file__).with_name("engines.py")


@dataclass(frozen=True)
class Options:
    """Where to work, how often to repeat, which sizes, and the Python that has SCALE-Sim (None: leave it out)."""

    folder: Path
    repeats: int
    sizes: tuple[int, ...]
    scale_sim: Path | None

    def place(self, name: str) -> Path:
        """Return a new folder for one run."""
        folder = self.folder / name
        folder.mkdir(parents=True)
        return folder


@dataclass(frozen=True)
class Check:
    """One number beside its target."""

    what: str
    measured: str
    target: str
    met: bool


@dataclass(frozen=True)
class Section:
    """What one measurement found: its checks, and the numbers behind them as lines of Markdown."""

    title: str
    checks: Sequence[Check]
    details: Sequence[str] = field(default=())


def against_scale_sim(options: Options) -> Section:
    """CPU seconds of SCALE-Sim over ours, whole processes, for one dense image."""
    if options.scale_sim is None:
        return Section("SCALE-Sim", (), ("Not measured: give `--scale-sim PYTHON`.",))
    checks: list[Check] = []
    details = [
        "| pixels | SCALE-Sim, CPU s | mimesim, CPU s | of which the simulation | ratio, whole | ratio, simulation |",
        "|---|---|---|---|---|---|",
    ]
    for size in (size for size in (32, 64) if size in options.sizes):
        place = options.place(f"scale-sim-{size}")
        workload = draw_workload(place, conv_layers(size), ("case-1",), batch_images=1)
        arguments = ("--task", "cifar10", "--images", "1", "--jobs", "1")
        ours = [_simulated(place, workload, *arguments) for _ in range(2)]
        scale_sim.write_inputs(place, size)
        theirs = cost_of([options.scale_sim, scale_sim.script(place)], place).cpu_seconds
        # Before and after, so that neither side has the machine to itself.
        ours += [_simulated(place, workload, *arguments) for _ in range(2)]
        whole, inside = (median(seconds) for seconds in zip(*ours, strict=True))
        details.append(
            f"| {size} | {theirs:.1f} | {whole:.3f} | {inside:.3f} | {theirs / whole:.0f}x | {theirs / inside:.0f}x |"
        )
        if size == 64:
            ratio = theirs / inside
            checks.append(
                Check(
                    "SCALE-Sim / mimesim, CPU time of the simulation, 64 px",
                    f"{ratio:.0f}x",
                    "at least 300x",
                    ratio >= 300,
                )
            )
    details += [
        "",
        "One dense image through the thirteen conv layers of VGG16. SCALE-Sim 3.0.0: the whole process, 32x32 array,",
        "output-stationary, 3 x 156 KB, no traces written. mimesim: `mimesim run` as a whole, with start-up and",
        "tables; and the simulation alone (`measured.cpu_seconds` of `run.json`: counting, DRAM, caches and the second",
        "count that checks the books). Start-up weighs nothing against minutes, but as much as half a second's run.",
    ]
    return Section("SCALE-Sim", tuple(checks), tuple(details))


def _simulated(place: Path, workload: Path, *options: str) -> tuple[float, float]:
    """Return the CPU seconds of one ``mimesim run``: of the process, and of the simulation in it."""
    whole = _run(place, workload, *options).cpu_seconds
    measured = json.loads((place / "out" / "run.json").read_text(encoding="utf-8"))["measured"]
    return whole, float(measured["cpu_seconds"])


def per_pass(options: Options) -> Section:
    """CPU microseconds per pass, over those of a bare SimPy pipeline."""
    workload = draw_workload(options.place("per-pass"), build("vgg16", min(64, max(options.sizes))))
    pairs = []
    for _ in range(options.repeats):
        seconds, passes, _macs = _child("replay", workload)
        bare, _ = _child("bare", int(passes))
        pairs.append((seconds / passes * 1e6, bare / passes * 1e6))
    ratio = median(ours / bare for ours, bare in pairs)
    details = ["| run | mimesim, µs/pass | bare pipeline, µs/pass | ratio |", "|---|---|---|---|"]
    details += [f"| {n} | {a:.1f} | {b:.1f} | {a / b:.2f} |" for n, (a, b) in enumerate(pairs, start=1)]
    details += [
        "",
        f"VGG16, three cases, pipelined, {int(passes)} passes, in one process: reading and checking traces, planning,",
        "the machine and the conservation laws. The bare pipeline: four processes and three bounded stores; each stage",
        "takes a pass, works one cycle and hands it on.",
    ]
    check = Check("time per pass / bare SimPy pipeline", f"{ratio:.2f}x", "at most 2x", ratio <= 2)
    return Section("Time per pass", [check], details)


def whole_set(options: Options) -> Section:
    """The paper's whole set: 3 images, 3 cases, 2 modes."""
    checks: list[Check] = []
    details = ["| pixels | wall s | CPU s | largest process, MiB | all processes, MiB |", "|---|---|---|---|---|"]
    limits = {64: 15.0, 224: 180.0}
    for size in (size for size in limits if size in options.sizes):
        place = options.place(f"set-{size}")
        workload = draw_workload(place, build("vgg16", size))
        costs = []
        for _ in range(options.repeats if size == 64 else 1):
            singular = _run(place, workload, "--mode", "singular", "--task", "cifar10")
            pipelined = _run(place, workload, "--mode", "pipelined")
            costs.append((singular, pipelined))
        wall = median(a.wall_seconds + b.wall_seconds for a, b in costs)
        cpu = median(a.cpu_seconds + b.cpu_seconds for a, b in costs)
        largest = max(cost.largest_mib for pair in costs for cost in pair)
        together = max(cost.together_mib for pair in costs for cost in pair)
        details.append(f"| {size} | {wall:.1f} | {cpu:.1f} | {largest:.0f} | {together:.0f} |")
        limit = limits[size]
        checks.append(Check(f"the paper's set at {size} px", f"{wall:.1f} s", f"under {limit:.0f} s", wall < limit))
        peak = max(largest, together)
        checks.append(Check(f"peak memory at {size} px", f"{peak:.0f} MiB", "under 500 MB", peak * 2**20 < 500e6))
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
        seconds, passes, macs = _child("replay", workload)
        cost_per_pass.append(seconds / passes * 1e6)
        per = f"{cost_per_pass[-1]:.1f} | {seconds / macs * 1e12:.1f}"
        details.append(f"| {size} | {int(passes):,} | {int(macs):,} | {seconds:.2f} | {per} |")
    spread = max(cost_per_pass) / min(cost_per_pass)
    details += ["", "VGG16 with thresholds, one image of each of three tasks, pipelined, one process."]
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


def engines(options: Options) -> Section:
    """CPU time of the compiled engine beside SimPy's, and designs per second."""
    size = min(64, max(options.sizes))
    workload = draw_workload(options.place("engines"), build("vgg16", size), ("case-2", "case-3"))
    details = [
        "| case | passes | SimPy, µs/pass | its machine | compiled, µs/pass | its kernels | ratio, whole "
        "| ratio, machine | designs/s | with counting |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    ratios, rates = [], []
    for case in ("case-2", "case-3"):
        command = [str(part) for part in (PYTHON, _ENGINES, workload, case, options.repeats)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        took = json.loads(done.stdout)
        per = {name: took[name] / took["passes"] * 1e6 for name in ("simpy", "program", "compiled", "kernels")}
        machine = per["simpy"] - per["program"]
        ratios.append(machine / per["kernels"])
        rates.append(1 / took["point"])
        details.append(
            f"| {case} | {took['passes']} | {per['simpy']:.1f} | {machine:.1f} | {per['compiled']:.2f} "
            f"| {per['kernels']:.2f} | {per['simpy'] / per['compiled']:.0f}x | {ratios[-1]:.0f}x | {rates[-1]:.1f} "
            f"| {1 / took['counted']:.2f} |"
        )
    details += [
        "",
        f"VGG16 at {size} px, three images of three tasks, pipelined, one process. Whole: a replay of a plan, with the",
        "program and the books. Machine: SimPy without building and booking the program; the kernels of the compiled",
        "one. A design: plan, replay and the conservation laws, masks counted before; with counting: none of them.",
    ]
    checks = [
        Check(
            "SimPy / compiled, CPU time per pass of the machine",
            f"{min(ratios):.0f}x",
            "at least 20x",
            min(ratios) >= 20,
        ),
        Check("designs per second and core, one case", f"{min(rates):.1f}", "at least 5", min(rates) >= 5),
    ]
    return Section("The compiled engine", checks, details)


def sweep(options: Options) -> Section:
    """Points of a sweep per second and core, and what a second worker adds."""
    place = options.place("sweep")
    draw_workload(place, build("vgg16", min(64, max(options.sizes))), ("case-3",))
    grid = "{hardware.dram.channels: [1, 2], hardware.caches.weights_kib: [26, 52, 104]}"
    lines = ["name: bench", "workload: workload.yaml", "images: 1", f"design: {{grid: {grid}}}", ""]
    (place / "sweep.yaml").write_text("\n".join(lines), encoding="utf-8")
    details = ["| workers | counts | wall s | CPU s of replays | points/s and core |", "|---|---|---|---|---|"]
    walls, seconds = {}, {}
    # The cache is cold first of all; the order matters to nothing else.
    for name, jobs, cache in (("none", 1, "off"), ("cold", 1, "counts"), ("warm", 1, "counts"), ("both", 2, "counts")):
        out = place / name
        points = place / f"{name}-points"
        command: list[str | Path] = ["sweep", place / "sweep.yaml", "--jobs", str(jobs), "--points", points]
        cost_of([PYTHON, "-m", "mimesim", *command, "--cache", cache, "--out", out, "--quiet"], place)
        measured = json.loads((out / "run.json").read_text(encoding="utf-8"))["measured"]
        rate, walls[name] = measured["replayed"] / measured["cpu_seconds"], measured["wall_seconds"]
        seconds[name] = measured["cpu_seconds"]
        kept = {"none": "not kept", "cold": "kept"}.get(name, "known")
        details.append(f"| {jobs} | {kept} | {walls[name]:.1f} | {measured['cpu_seconds']:.2f} | {rate:.2f} |")
    gain = walls["warm"] / walls["both"]
    details += [
        "",
        "VGG16 with thresholds, one image of each of three tasks, pipelined; six points of DRAM and caches.",
    ]
    return Section(
        "Sweeps",
        [
            Check("design points per second and core, 64 px", f"{rate:.2f}", "at least 5", rate >= 5),
            Check("a sweep with one worker / with two, wall", f"{gain:.2f}x", "", True),
            Check("CPU of its replays, two workers / one", f"{seconds['both'] / seconds['warm']:.2f}x", "", True),
        ],
        details,
    )


CHECKS: dict[str, Callable[[Options], Section]] = {
    "scale-sim": against_scale_sim,
    "per-pass": per_pass,
    "engine": engines,
    "set": whole_set,
    "growth": growth,
    "start-up": start_up,
    "sweep": sweep,
}


def _run(place: Path, workload: Path, *options: str) -> Cost:
    """Return what one ``mimesim run`` costs, as a user starts it."""
    return cost_of(
        [PYTHON, "-m", "mimesim", "run", workload, "--quiet", "--out", place / "out", *options], place, memory=True
    )


def _child(what: str, argument: Path | int) -> list[float]:
    """Return the numbers that one side of the pipeline comparison prints."""
    done = subprocess.run([PYTHON, _PIPELINE, what, str(argument)], capture_output=True, text=True, check=True)
    return [float(number) for number in done.stdout.split()]
