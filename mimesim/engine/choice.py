"""Which engine replays a case: the compiled one says by name what it does not cover."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from importlib.util import find_spec
from threading import Timer
from typing import Literal, get_args

from mimesim.engine.clock_ratio import LARGEST, clock_ratio
from mimesim.errors import InputError
from mimesim.ledger import CaseLedger, PhaseRecord, Residents
from mimesim.machine import replay as replay_simpy
from mimesim.schedule.program import CasePlan, Phase

__all__ = ["ENGINES", "Engine", "expected", "prepare", "replay", "uncovered"]

Engine = Literal["simpy", "compiled", "auto"]
ENGINES: tuple[Engine, ...] = get_args(Engine)

#: Fewer passes than this take SimPy less time than loading the kernels takes.
_WORTH_LOADING = 15_000
#: Seconds after which whoever waits is told why.
_PATIENCE = 2.0


def uncovered(plan: CasePlan) -> str | None:
    """Return what of *plan* the compiled engine does not cover, by name, or None."""
    if max(clock_ratio(plan.hardware)) > LARGEST:
        return "clocks without a small common measure (hardware.clock_mhz, hardware.dram.clock_mhz)"
    return None


def replay(
    plan: CasePlan,
    engine: Engine = "auto",
    progress: Callable[[PhaseRecord], None] | None = None,
    residents: Residents = (),
) -> tuple[CaseLedger, Engine]:
    """Run *plan* to its end by *engine*; return what it counted, and by which of the two.

    ``auto`` is the compiled one where numba is installed, the case is covered, and long enough that loading the engine
    pays, unless it has been loaded. Raises :class:`InputError` where ``compiled`` is asked for and cannot be, and as
    :func:`mimesim.machine.replay` does.
    """
    if engine == "auto" and not _prepare.cache_info().currsize and plan.passes < _WORTH_LOADING:
        engine = "simpy"
    hindrance = None if engine == "simpy" else _missing() or uncovered(plan)
    if engine == "compiled" and hindrance is not None:
        rule = f"does not cover {hindrance}; simpy does, and auto takes it where it must"
        raise InputError("run", _missing() or rule, key="engine", value=engine)
    if engine == "simpy" or hindrance is not None:

        def begun(phase: Phase) -> None:
            if progress is not None:
                progress(phase.record)

        return replay_simpy(plan, begun, residents=residents), "simpy"
    _prepare()
    from mimesim.engine.replay import replay as replay_compiled

    return replay_compiled(plan, progress, residents), "compiled"


def expected(engine: Engine) -> Engine:
    """Return who replays what *engine* covers, where that is long enough."""
    return "simpy" if engine == "simpy" or _missing() else "compiled"


def prepare(engine: Engine) -> None:
    """Load what *engine* may need: now, or because what each replay takes would not pay, but all of them together."""
    if expected(engine) == "compiled":
        _prepare()


def _missing() -> str | None:
    return None if find_spec("numba") else "needs numba: pip install 'mimesim[fast]'"


@cache
def _prepare() -> None:
    """Load the kernels, or compile them where this is the first time; once in every process."""
    with _told("mimesim: compiling the engine, which takes half a minute, once"):
        from mimesim.engine.warm_up import warm_up

        warm_up()


@contextmanager
def _told(message: str) -> Iterator[None]:
    """Write *message* to stderr if the block takes long and somebody is there to read it."""
    timer = Timer(_PATIENCE, lambda: print(message, file=sys.stderr, flush=True))
    timer.daemon = True
    if sys.stderr.isatty():
        timer.start()
    try:
        yield
    finally:
        timer.cancel()
