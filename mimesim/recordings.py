"""What a run leaves beside its results, where it is asked to: requests to DRAM, and timelines."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from mimesim.config.explain import suggest
from mimesim.config.workload import Case, Workload
from mimesim.dram import REQUEST_BYTES
from mimesim.errors import InputError
from mimesim.ledger import CaseLedger
from mimesim.machine import TraceWriter, replay
from mimesim.schedule.program import CasePlan, Phase
from mimesim.timeline import Recorder, Timelines

__all__ = ["Recordings"]


@dataclass(frozen=True)
class Recordings:
    """The folder of *dram_traces*, a plain trace ``<case>.trace`` for each case, and the file of *timelines*."""

    dram_traces: Path | None = None
    timelines: Timelines | None = None

    @contextmanager
    def around(self, workload: Workload, cases: Sequence[str]) -> Iterator[None]:
        """Around a run of *cases*; raises :class:`InputError` where something cannot be recorded or written."""
        if self.dram_traces is not None:
            _prepare(workload, self.dram_traces)
        if self.timelines is None:
            yield
        else:
            with self.timelines.joined(cases):
                yield

    def replay(
        self, plan: CasePlan, workload: Workload, case: Case, begun: Callable[[Phase], None]
    ) -> tuple[CaseLedger, int | None]:
        """Replay *case*; return its ledger, and the cycle in which its timeline reached the limit, if it did.

        Raises :class:`InputError` where the case has no layer that is to be recorded.
        """
        timelines, recorder = self.timelines, None
        if timelines is not None and timelines.records(case.name):
            names = [geometry.operation.name for geometry in plan.geometries]
            for layer in sorted(timelines.window.layers - set(names)):
                rule = f"case {case.name!r} has no such layer; {suggest(layer, names)}"
                raise InputError("timeline", rule, key="layer", value=layer)
            recorder = Recorder(plan.hardware, timelines.window)
        if self.dram_traces is None:
            ledger = replay(plan, begun, observer=recorder)
        else:
            with (self.dram_traces / f"{case.name}.trace").open("w", encoding="utf-8") as file:
                ledger = replay(plan, begun, TraceWriter(file), observer=recorder)
        if timelines is None or recorder is None:
            return ledger, None
        return ledger, timelines.write(workload.cases.index(case), case.name, recorder.finish())


def _prepare(workload: Workload, folder: Path) -> None:
    for case in workload.cases:
        size = workload.hardware_for(case).dram.organisation.burst_bytes
        if size != REQUEST_BYTES:
            rule = f"case {case.name!r}: a line of a request trace is one burst of {REQUEST_BYTES} bytes, not of {size}"
            raise workload.error(("hardware", "dram", "organisation"), rule)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(str(folder), f"cannot hold request traces ({error.strerror})") from None
