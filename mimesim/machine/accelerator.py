"""The accelerator: all parts together, replaying one case."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from mimesim.ledger import CaseLedger, Residents
from mimesim.machine.capacity import check_capacity
from mimesim.machine.clock import Clock
from mimesim.machine.comparators import Comparators
from mimesim.machine.controller import Controller
from mimesim.machine.dram import Dram
from mimesim.machine.pe_grid import PEGrid
from mimesim.machine.stream import PassStream
from mimesim.machine.weight_loader import WeightLoader
from mimesim.schedule.booking import book_phase, book_storage
from mimesim.schedule.program import CasePlan, Phase

__all__ = ["replay"]


def replay(plan: CasePlan, progress: Callable[[Phase], None] | None = None, residents: Residents = ()) -> CaseLedger:
    """Run *plan* to its end and return what it counted; *progress* is called as each phase begins to be built.

    The caches are empty at the beginning, or hold *residents*, what a replay of the same case left behind.

    Raises :class:`InputError` where a cache cannot hold what one pass needs.
    """
    check_capacity(plan)
    ledger = CaseLedger(stored_words=book_storage(plan))

    def phases() -> Iterator[Phase]:
        for phase in plan.phases():
            book_phase(plan, phase)
            ledger.phases.append(phase.record)
            if progress is not None:
                progress(phase)
            yield phase

    environment = Clock()
    stream = PassStream(environment, phases())
    dram = Dram(environment, plan.hardware)
    controller = Controller(environment, plan.hardware, stream, dram, residents)
    loader = WeightLoader(environment, stream, dram)
    grid = PEGrid(environment, plan.hardware, plan.schedule, stream, dram)
    comparators = Comparators(environment, plan.hardware, stream, dram)
    with _no_cycle_collection():
        environment.run()
    ledger.events = environment.events
    ledger.cycles = ledger.phases[-1].end_cycle
    ledger.busy.update(
        controller=controller.busy_cycles,
        dram=dram.device.busy_clocks,
        noc=loader.busy_cycles,
        pe_grid=grid.busy_cycles,
        cmp=comparators.busy_cycles,
    )
    ledger.residents = controller.residents()
    device = dram.device
    ledger.dram_events.update(
        row_hits=device.row_hits,
        activates=device.activates,
        precharges=device.precharges,
        refreshes=device.refreshes,
    )
    return ledger


@contextmanager
def _no_cycle_collection() -> Iterator[None]:
    """Keep the cycle collector from walking a program's lists over and over: events die when nobody waits for them."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
