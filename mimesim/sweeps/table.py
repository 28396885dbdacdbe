"""A sweep from Python, as one data frame."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from mimesim.engine import Engine
from mimesim.errors import InputError
from mimesim.sweeps.executors import executor_of
from mimesim.sweeps.journal import RESULTS_CSV
from mimesim.sweeps.loader import load_sweep
from mimesim.sweeps.run import Progress, run_sweep
from mimesim.sweeps.search import search_sweep
from mimesim.sweeps.store import Store

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["sweep"]


def sweep(
    file: str | Path,
    out: str | Path | None = None,
    *,
    points: str | Path = Path("out", "points"),
    jobs: int | None = None,
    scheduler: str | None = None,
    search: bool = False,
    cache: str | None = None,
    engine: Engine = "auto",
    progress: Progress | None = None,
) -> pd.DataFrame:
    """Replay a workload at the points that *file* describes, as ``mimesim sweep`` does, and return ``results.csv``.

    A row is a point, mode and case; every column is explained in ``docs/sweep.md``. Results go to folder *out*
    (``out/<name>-sweep``, if None), and replays are kept in *points* under their hashes: what was replayed before is
    not replayed again. Up to *jobs* replays run at a time, each in a process of its own (one per CPU, if None), or on
    the Dask cluster at *scheduler*. With *search*, Optuna chooses the points. *cache* is the folder of counted masks,
    ``off`` for none. *engine* replays, as ``--engine`` says: results are the same. *progress* is called with what is
    counted, how many of it are done, and how many there are.

    Points that cannot be replayed are no rows; ``errors.csv`` says why. Raises :class:`mimesim.InputError` where
    nothing can be replayed or written.
    """
    import pandas as pd

    if jobs is not None and jobs < 1:
        raise InputError("sweep", "must be at least 1", key="jobs", value=jobs)
    chosen = load_sweep(Path(file))
    folder = Path(out) if out is not None else chosen.folder
    work = search_sweep if search else run_sweep
    with executor_of(jobs, scheduler, cache, engine) as executor:
        work(chosen, folder, Store(Path(points)), executor, progress)
    return pd.read_csv(folder / RESULTS_CSV)
