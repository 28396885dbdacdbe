"""What load is relative to: the capacity of one case, measured once for all."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import fmean

from mimesim.config.explain import suggest
from mimesim.config.workload import Workload
from mimesim.engine import Engine
from mimesim.errors import InputError
from mimesim.inputs import Selection, load_traces
from mimesim.recordings import Recordings
from mimesim.serving.arrivals import Turns
from mimesim.simulation import Runner

__all__ = ["Reference", "measure_reference"]


@dataclass(frozen=True)
class Reference:
    """Requests per second of *case* when it never idles, and the mean time of its batches."""

    case: str
    requests_per_s: float
    batch_ms: float


def measure_reference(
    workload: Workload, selection: Selection, name: str | None = None, engine: Engine = "auto"
) -> Reference:
    """Return the capacity of case *name* (the first, if None): full batches of one task each, all tasks equally often.

    A batch holds the task's first images in turn and finds empty caches; *engine* replays it. Raises
    :class:`InputError` for a case that the workload does not have, or that does not fit the machine.
    """
    names = [case.name for case in workload.cases]
    name = names[0] if name is None else name
    if name not in names:
        raise InputError("--reference", f"the workload has no such case; {suggest(name, names)}", value=name)
    runner = Runner(workload, selection, load_traces(workload, selection), Recordings(engine=engine))
    turns = Turns(selection.images_per_task)
    batches = [[(task, turns.next(task)) for _ in range(workload.batch_images)] for task in workload.tasks]
    clock_mhz = workload.hardware_for(runner.case(name)).clock_mhz
    batch_ms = fmean(runner.replay_batch(name, batch)[0].cycles for batch in batches) / (1000 * clock_mhz)
    return Reference(name, 1000 * workload.batch_images / batch_ms, batch_ms)
