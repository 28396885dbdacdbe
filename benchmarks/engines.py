"""What the compiled engine is quicker by, and how many designs a core looks at in a second; runs in a child process."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

__all__ = ["measure"]


def measure(workload: Path, case: str, repeats: int) -> dict[str, float]:
    """Return CPU seconds of replaying *case*, by part, and its passes; each the median of *repeats* but the first.

    *simpy* and *compiled*: whole replays of a plan; *program*: what of SimPy's builds and books the program, *kernels*:
    what of the compiled one runs passes, lookups and DRAM. *point*: a design as a sweep asks for it, with plan, replay
    and the conservation laws, its masks counted before; *counted*: the first of all, with the counting.
    """
    from mimesim.config import load_workload
    from mimesim.conservation import violations
    from mimesim.engine import replay
    from mimesim.inputs import load_traces, select
    from mimesim.schedule.booking import book_phase
    from mimesim.schedule.costs import CostBook
    from mimesim.simulation import Runner

    loaded = load_workload(workload)
    selection = select(loaded, "pipelined", None, None)
    runner = Runner(loaded, selection, load_traces(loaded, selection))
    chosen = runner.case(case)
    batches = runner.batches(chosen)
    kernels = _count_kernels()

    def plan() -> Any:
        return runner.plan(chosen, batches)

    def point() -> None:
        planned = plan()
        ledger, _ = replay(planned, "compiled")
        assert not violations(planned, ledger)

    def program() -> None:
        planned = plan()
        for phase in planned.phases():
            book_phase(planned, phase)

    # Whatever is compiled or loaded is not the point's.
    point()
    runner._book = CostBook()
    counted = _seconds(point)
    passes = replay(plan(), "compiled")[0].passes
    took: dict[str, list[float]] = {"plan": [], "simpy": [], "compiled": [], "program": [], "kernels": [], "point": []}
    for _ in range(repeats):
        took["plan"].append(_seconds(plan))
        took["simpy"].append(_seconds(lambda: replay(plan(), "simpy")) - took["plan"][-1])
        took["program"].append(_seconds(program) - took["plan"][-1])
        kernels[0] = 0.0
        took["compiled"].append(_seconds(lambda: replay(plan(), "compiled")) - took["plan"][-1])
        took["kernels"].append(kernels[0])
        took["point"].append(_seconds(point))
    return {**{name: median(seconds) for name, seconds in took.items()}, "counted": counted, "passes": passes}


def _seconds(work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began


def _count_kernels() -> list[float]:
    """Let the kernels of a replay add their CPU seconds to what this returns."""
    import mimesim.engine.program as program
    import mimesim.engine.replay as replays

    total = [0.0]

    def counted(kernel: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any) -> Any:
            began = time.process_time()
            result = kernel(*arguments)
            total[0] += time.process_time() - began
            return result

        return call

    for module, name in ((replays, "look_up"), (replays, "run_phase"), (program, "expand")):
        setattr(module, name, counted(getattr(module, name)))
    return total


if __name__ == "__main__":
    print(json.dumps(measure(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))))
