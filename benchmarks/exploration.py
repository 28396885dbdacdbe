"""How many designs a second: the compiled engine beside SimPy."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from benchmarks.drawn import draw_workload
from benchmarks.measure import PYTHON
from benchmarks.section import Check, Options, Section
from mimesim.networks import build

__all__ = ["engines"]

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
