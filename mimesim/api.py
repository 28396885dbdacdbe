"""mimesim from Python: run a workload and look at what came of it as tables (``docs/api.md``)."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING

from mimesim.config import Mode, Override, Workload, load_workload
from mimesim.engine import Engine
from mimesim.errors import InputError
from mimesim.recordings import Recordings
from mimesim.results import TABLES, Rendered, all_violations, check_destination, measure, write_results
from mimesim.simulation import CaseResult, Progress, run_workload
from mimesim.timeline import Timelines

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Results", "run"]


def run(
    workload: str | Path | Workload,
    mode: Mode = "pipelined",
    *,
    task: str | None = None,
    images: int | None = None,
    overrides: Mapping[str, object] | Iterable[Override | str] = (),
    jobs: int | None = None,
    progress: Progress | None = None,
    dram_traces: str | Path | None = None,
    timeline: str | Path | Timelines | None = None,
    engine: Engine = "auto",
) -> Results:
    """Replay every case of *workload* on the simulated accelerator, as ``mimesim run`` does.

    *workload* is a YAML file, the name of a shipped workload, or what :func:`mimesim.load_workload` returned.
    *mode* is ``singular`` (one task a batch), ``pipelined`` (tasks take turns) or ``multitask`` (several tasks on
    one image). *task* keeps one task, *images* replays that many images of each. *overrides* change entries by their
    dotted keys. Up to *jobs* cases run at a time, each in a process of its own: one per CPU where that is worth while,
    if None (a script then keeps what it does under ``if __name__ == "__main__":``). *progress* is called with a case,
    the passes begun and all its passes. With *dram_traces*, each case's DRAM requests are written to that folder; with
    *timeline*, a file, what every part did when (:class:`mimesim.timeline.Timelines` chooses cases, layers or cycles).
    *engine* replays: ``simpy``, ``compiled`` or ``auto``; results are the same (``docs/engine.md``).

    >>> import mimesim
    >>> results = mimesim.run("tiny", images=1, overrides={"hardware.dram.channels": 2})
    >>> results
    <Results of tiny, pipelined: case-1, case-2, case-3; balanced>
    >>> results.summary[["case", "cycles", "speedup"]].round(2)
         case  cycles  speedup
    0  case-1   15661     1.00
    1  case-2   10126     1.55
    2  case-3    8293     1.89

    Raises :class:`mimesim.InputError` for whatever is wrong in what was given, :class:`mimesim.MimesimError` if a
    process dies.
    """
    if isinstance(workload, Workload):
        if overrides:
            raise InputError(
                "run", "a workload that is loaded takes no more: give them to load_workload", key="overrides"
            )
        chosen = workload
    else:
        chosen = load_workload(workload, overrides)
    began = time.perf_counter()
    recordings = Recordings(
        None if dram_traces is None else Path(dram_traces),
        Timelines(Path(timeline)) if isinstance(timeline, str | Path) else timeline,
        engine,
    )
    cases = run_workload(chosen, mode, task=task, images=images, jobs=jobs, progress=progress, recordings=recordings)
    seconds = time.perf_counter() - began
    if images is not None:
        # What decided the run stands in its record.
        chosen = chosen.model_copy(update={"images_per_task": images})
    return Results(chosen, mode, cases, measure(cases, seconds))


class Results:
    """What a run counted: tables as data frames, each made when it is first asked for.

    A table has the columns and values of the file of the same name that ``mimesim run`` writes; ``docs/results.md``
    has the unit and meaning of every column. A frame is yours to change: the files that :meth:`save` writes are made
    from the counts themselves.

    *workload* is what was replayed, *mode* how; *cases* are the cases with their ledgers, in the workload's order;
    *measured* is what differs from run to run: seconds of wall clock and CPU, passes, events.

    >>> import mimesim
    >>> results = mimesim.run("tiny", images=1)
    >>> dram = results.accesses.query("level == 'dram' and tensor == 'weights'")
    >>> dram.groupby("case").words.sum()
    case
    case-1    20016
    case-2    20016
    case-3     7312
    Name: words, dtype: int64
    """

    def __init__(
        self, workload: Workload, mode: Mode, cases: Sequence[CaseResult], measured: Mapping[str, float]
    ) -> None:
        self.workload = workload
        self.mode = mode
        self.cases = tuple(cases)
        self.measured = dict(measured)
        self._rendered = Rendered(self.cases, workload)

    def __repr__(self) -> str:
        """Return what was run, and whether its books balance."""
        names = ", ".join(case.case for case in self.cases)
        books = f"{len(self.violations)} conservation laws BROKEN" if self.violations else "balanced"
        return f"<Results of {self.workload.name}, {self.mode}: {names}; {books}>"

    @cached_property
    def summary(self) -> pd.DataFrame:
        """One row per case: totals, and gains over the first case."""
        return self.table("summary")

    @cached_property
    def layers(self) -> pd.DataFrame:
        """One row per case, batch, image and layer: cycles, MACs, sparsity, energy by level."""
        return self.table("layers")

    @cached_property
    def accesses(self) -> pd.DataFrame:
        """One row per case, batch, image, layer, level, tensor and direction: words, bursts, energy."""
        return self.table("accesses")

    @cached_property
    def phases(self) -> pd.DataFrame:
        """One row per case and phase (a layer's run over a batch): where the PEs' cycles went."""
        return self.table("phases")

    @cached_property
    def bounds(self) -> pd.DataFrame:
        """One row per case and layer: what each part needs at the least, what bounds the layer, its roofline."""
        return self.table("bounds")

    @cached_property
    def images(self) -> pd.DataFrame:
        """One row per case and image: what it alone caused."""
        return self.table("images")

    @cached_property
    def evictions(self) -> pd.DataFrame:
        """One row per case, phase, evictor and victim: what left the caches, and what of it was fetched again."""
        return self.table("evictions")

    @cached_property
    def storage(self) -> pd.DataFrame:
        """One row per case, layer, owner, tensor and memory: the parameters of all tasks."""
        return self.table("storage")

    @cached_property
    def violations(self) -> tuple[str, ...]:
        """The conservation laws that the run breaks, which is a fault of mimesim: none, if all is well."""
        return tuple(all_violations(self.cases, self.workload))

    def table(self, name: str) -> pd.DataFrame:
        """Return a new frame of table *name*; raises :class:`mimesim.InputError` where there is none of that name.

        >>> import mimesim
        >>> mimesim.run("tiny", images=1).table("storage").columns.tolist()
        ['case', 'scheme', 'layer', 'owner', 'tensor', 'memory', 'words', 'bytes']
        """
        if name not in TABLES:
            raise InputError("table", f"is none of {', '.join(TABLES)}", value=name)
        import pandas as pd

        # Read back rather than built from the rows: so a column has the same type here and from the file.
        return pd.read_csv(StringIO(self._rendered.csv(name)))

    def save(self, folder: str | Path) -> Path:
        """Write the files of ``mimesim run`` to *folder*, whole or not at all, and return it.

        A folder of earlier results is replaced; raises :class:`mimesim.InputError` for any other, or if the disk
        refuses.
        """
        out = Path(folder)
        check_destination(out)
        return write_results(self.cases, self.workload, out, self.measured)
