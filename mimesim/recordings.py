"""What a run leaves beside its results, where it is asked to: requests to DRAM, and timelines."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from mimesim.config.explain import suggest
from mimesim.config.workload import Case, Workload
from mimesim.dram import REQUEST_BYTES
from mimesim.engine import Engine, expected, replay
from mimesim.errors import InputError
from mimesim.ledger import CaseLedger, PhaseRecord
from mimesim.machine import TraceWriter
from mimesim.machine import replay as observed
from mimesim.schedule.program import CasePlan, Phase
from mimesim.timeline import Recorder, Timelines

__all__ = ["Recordings", "Replayed"]


class Replayed(NamedTuple):
    """A case's ledger, who made it, and the cycle in which its timeline reached the limit, if it did."""

    ledger: CaseLedger
    engine: Engine
    timeline_end: int | None = None


@dataclass(frozen=True)
class Recordings:
    """The folder of *dram_traces*, a plain trace ``<case>.trace`` for each case, and the file of *timelines*.

    *engine* replays cases of which nothing is recorded; all others take SimPy.
    """

    dram_traces: Path | None = None
    timelines: Timelines | None = None
    engine: Engine = "auto"

    @property
    def expected_engine(self) -> Engine:
        """Who replays what is covered, if it is long enough."""
        return expected(self.engine) if self.dram_traces is None and self.timelines is None else "simpy"

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
        self,
        plan: CasePlan,
        workload: Workload,
        case: Case,
        begun: Callable[[PhaseRecord], None],
    ) -> Replayed:
        """Replay *case*.

        Raises :class:`InputError` where the case has no layer that is to be recorded, and where the engine is
        ``compiled`` and something is recorded or not covered.
        """
        engine = self.engine
        timelines, recorder = self.timelines, None
        if timelines is not None and timelines.records(case.name):
            names = [geometry.operation.name for geometry in plan.geometries]
            for layer in sorted(timelines.window.layers - set(names)):
                rule = f"case {case.name!r} has no such layer; {suggest(layer, names)}"
                raise InputError("timeline", rule, key="layer", value=layer)
            recorder = Recorder(plan.hardware, timelines.window)
        if self.dram_traces is None and recorder is None:
            return Replayed(*replay(plan, engine, begun))
        if engine == "compiled":
            what = "DRAM requests" if recorder is None else "timelines"
            raise InputError("run", f"records no {what}: simpy does, and auto takes it", key="engine", value=engine)

        def entered(phase: Phase) -> None:
            begun(phase.record)

        if self.dram_traces is None:
            ledger = observed(plan, entered, observer=recorder)
        else:
            with (self.dram_traces / f"{case.name}.trace").open("w", encoding="utf-8") as file:
                ledger = observed(plan, entered, TraceWriter(file), observer=recorder)
        if timelines is None or recorder is None:
            return Replayed(ledger, "simpy")
        return Replayed(ledger, "simpy", timelines.write(workload.cases.index(case), case.name, recorder.finish()))


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
