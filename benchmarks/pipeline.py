"""How close a replay comes to the least that SimPy asks for moving its passes; each side runs in a child process.

The yardstick is a pipeline of four stages (fetch, fill, compute, drain) as SimPy's own examples write one: every stage
is a process that takes a pass from one bounded store, works on it for a cycle and puts it into the next. It simulates
nothing else: no cache, no DRAM, no counts.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Generator
from pathlib import Path
from typing import Any, Literal

import simpy

__all__ = ["STAGES", "move"]

STAGES = ("fetch", "fill", "compute", "drain")
#: Passes that may wait between two stages: what double buffering gives.
_BUFFERS = 2

Process = Generator[simpy.Event, Any, None]


def move(passes: int) -> int:
    """Move *passes* through the bare pipeline and return the cycles it took."""
    environment = simpy.Environment()
    stores = [simpy.Store(environment, capacity=_BUFFERS) for _ in STAGES[1:]]

    def stage(source: simpy.Store | None, target: simpy.Store | None) -> Process:
        for number in range(passes):
            item = number if source is None else (yield source.get())
            yield environment.timeout(1)
            if target is not None:
                yield target.put(item)

    last: simpy.Event | None = None
    for source, target in zip([None, *stores], [*stores, None], strict=True):
        last = environment.process(stage(source, target))
    environment.run(last)
    return int(environment.now)


def measure_move(passes: int) -> str:
    """Return CPU seconds and passes of the bare pipeline."""
    began = time.process_time()
    move(passes)
    return f"{time.process_time() - began} {passes}"


def measure_replay(workload: Path, engine: Literal["simpy", "compiled"]) -> str:
    """Return CPU seconds, passes and dense MACs of replaying *workload*, all cases, in this process alone.

    From reading and checking the traces to the conservation laws; writing the tables is left out.
    """
    from mimesim.config import load_workload
    from mimesim.recordings import Recordings
    from mimesim.simulation import run_workload

    began = time.process_time()
    results = run_workload(load_workload(workload), "pipelined", jobs=1, recordings=Recordings(engine=engine))
    seconds = time.process_time() - began
    rows = [row for result in results for phase in result.ledger.phases for row in phase.rows.values()]
    return f"{seconds} {sum(result.ledger.passes for result in results)} {sum(row.macs_dense for row in rows)}"


if __name__ == "__main__":
    # pipeline.py bare PASSES, or pipeline.py replay WORKLOAD ENGINE
    if sys.argv[1] == "bare":
        print(measure_move(int(sys.argv[2])))
    else:
        print(measure_replay(Path(sys.argv[2]), "compiled" if sys.argv[3] == "compiled" else "simpy"))
