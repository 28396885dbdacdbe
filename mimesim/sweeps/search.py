"""A search for the front with Optuna, in the place of points drawn at random."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mimesim.errors import InputError, MimesimError
from mimesim.results import check_destination
from mimesim.results.csv_file import Row
from mimesim.sweeps.design import text_of
from mimesim.sweeps.executors import Executor
from mimesim.sweeps.journal import Journal
from mimesim.sweeps.points import Entry, Shelf, resolve
from mimesim.sweeps.run import Clock, Progress, Tally, measured, record
from mimesim.sweeps.settings import Random, Sweep
from mimesim.sweeps.store import Store

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.study import Study
    from optuna.trial import Trial

__all__ = ["search_sweep"]

_TRIALS = "trials"


def search_sweep(
    sweep: Sweep, out: Path, store: Store, executor: Executor, progress: Progress | None = None
) -> tuple[Tally, list[Row]]:
    """Write what a search found to folder *out*, as :func:`run_sweep` does for a design.

    Optuna's tree-structured Parzen estimator (S. Watanabe, arXiv:2304.11127) proposes ``design.random.n`` points, the
    first ten at random. It keeps no records: with the same seed it proposes the same points when it hears the same
    results, and those that were replayed before come from *store*. So a search that was ended goes on. Trials are
    proposed by batches, and heard in their order: the number of processes changes nothing.

    Raises :class:`InputError` where there is nothing to search, or more than one case or mode.
    """
    random = _searchable(sweep)
    check_destination(out)
    clock, shelf, tell = Clock(), Shelf(), progress or (lambda *_: None)
    study, space = _study(sweep, random), _space(random)
    journal, tally = Journal(sweep, out, {"search": {"sampler": "TPE", "trials": random.n}}), Tally()
    entries: dict[str, Entry] = {}
    told = 0
    while told < random.n:
        trials = [study.ask(space) for _ in range(min(random.batch, random.n - told))]
        points = [_settings(random, trial.params) for trial in trials]
        fresh: list[Entry] = []
        for settings in points:
            key = text_of(settings)
            if key not in entries:
                entries[key] = _only(sweep, resolve(sweep, len(entries), settings, shelf))
                fresh.append(entries[key])
        record([[entry] for entry in fresh], journal, store, executor, tally)
        for trial, settings in zip(trials, points, strict=True):
            _tell(sweep, study, trial, journal.rows.get(entries[text_of(settings)].place))
        told += len(trials)
        tell(_TRIALS, told, random.n)
    if not journal.rows:
        raise InputError(str(out), f"no point can be replayed; the first: {tally.first_errors[0]}")
    journal.finish(measured(tally, clock))
    return tally, list(journal.rows.values())


def _searchable(sweep: Sweep) -> Random:
    if find_spec("optuna") is None:
        raise MimesimError("--search needs optuna: pip install 'mimesim[search]'")
    if sweep.design.random is None:
        raise sweep.error(("design",), "a search takes the ranges of a random design")
    if not (sweep.objectives.minimise or sweep.objectives.maximise):
        raise sweep.error(("objectives",), "a search needs an objective")
    if len(sweep.modes) > 1:
        raise sweep.error(("modes",), "a search takes one mode")
    return sweep.design.random


def _only(sweep: Sweep, entries: list[Entry]) -> Entry:
    if len(entries) != 1:
        raise sweep.error(("cases",), f"a search takes one case; there are {len(entries)}")
    return entries[0]


def _study(sweep: Sweep, random: Random) -> Study:
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    way, aims = optuna.study.StudyDirection, sweep.objectives
    return optuna.create_study(
        sampler=optuna.samplers.TPESampler(seed=random.seed),
        directions=[way.MINIMIZE] * len(aims.minimise) + [way.MAXIMIZE] * len(aims.maximise),
    )


def _space(random: Random) -> dict[str, BaseDistribution]:
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    space: dict[str, BaseDistribution] = {}
    for key, range_ in random.ranges.items():
        if range_.choice is not None:
            # By number: what is chosen may be a list.
            space[key] = CategoricalDistribution(range(len(range_.choice)))
        elif range_.integers is not None:
            space[key] = IntDistribution(*range_.integers)
        else:
            low, high = range_.bounds or (0.0, 0.0)
            space[key] = FloatDistribution(low, high, log=range_.log is not None)
    return space


def _settings(random: Random, drawn: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, range_ in random.ranges.items():
        value = drawn[key]
        if range_.choice is not None:
            value = range_.choice[value]
        found[key] = float(f"{value:.6g}") if range_.uniform or range_.log else value
    return found


def _tell(sweep: Sweep, study: Study, trial: Trial, row: Row | None) -> None:
    from optuna.trial import TrialState

    aims = (*sweep.objectives.minimise, *sweep.objectives.maximise)
    values = [] if row is None else [row[name] for name in aims]
    known = [float(value) for value in values if isinstance(value, int | float)]
    if row is None or len(known) < len(aims):
        study.tell(trial, state=TrialState.FAIL)
        return
    for number, excess in enumerate(sweep.excess(dict(row))):
        trial.set_constraint(str(number), excess)
    study.tell(trial, known)
