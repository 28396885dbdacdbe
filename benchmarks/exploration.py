"""How many designs a second: the compiled engine beside SimPy, and sweeps."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from benchmarks.drawn import draw_workload
from benchmarks.measure import PYTHON, cost_of
from benchmarks.section import Check, Options, Section
from mimesim.networks import build

__all__ = ["engines", "sweep"]

_ENGINES = Path(__file__).with_name("engines.py")


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
