"""The accelerator: all parts together, replaying one case."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import chain

from mimesim.ledger import CaseLedger, Residents
from mimesim.machine.banks import check_banks, make_arbiters
from mimesim.machine.capacity import check_capacity
from mimesim.machine.clock import Clock
from mimesim.machine.comparators import Comparators
from mimesim.machine.controller import Controller
from mimesim.machine.dram import Dram, Runs
from mimesim.machine.kinds import ACTIVATIONS, READS, WEIGHTS
from mimesim.machine.lookups import Lookups
from mimesim.machine.observer import Observer
from mimesim.machine.pe_grid import PEGrid
from mimesim.machine.stream import PassStream
from mimesim.machine.weight_loader import WeightLoader
from mimesim.schedule.booking import book_envm, book_phase, book_storage
from mimesim.schedule.program import CasePlan, Phase
from mimesim.schedule.rewriting import Rewriting

__all__ = ["no_cycle_collection", "replay"]


def replay(
    plan: CasePlan,
    progress: Callable[[Phase], None] | None = None,
    dram_trace: Callable[[int, Runs, bool], None] | None = None,
    residents: Residents = (),
    observer: Observer | None = None,
) -> CaseLedger:
    """Run *plan* to its end and return what it counted; *progress* is called as each phase begins to be built.

    The caches are empty at the beginning, or hold *residents*, what a replay of the same case left behind; what comes
    behind those of the caches is what the places of non-volatile memory hold. *dram_trace* is told of every request
    that DRAM grants: its clock, its blocks, whether it is a write; *observer* of what every part does, which changes
    nothing but the time it takes to run. Raises :class:`InputError` where DRAM cannot hold the case, a cache what one
    pass needs, or its banks a stream.
    """
    check_capacity(plan)
    check_banks(plan.hardware, plan.schedule)
    ledger = CaseLedger(stored_words=book_storage(plan), envm_words=book_envm(plan))

    caches = 1 if plan.hardware.caches.organisation == "unified" else len(READS)
    rewriting = Rewriting(plan.hardware, tuple(chain.from_iterable(residents[caches:])))

    def phases() -> Iterator[Phase]:
        for phase in plan.phases(rewriting):
            book_phase(plan, phase)
            ledger.phases.append(phase.record)
            if progress is not None:
                progress(phase)
            yield phase

    environment = Clock()
    stream = PassStream(environment, phases())
    dram = Dram(environment, plan.hardware, observer)
    dram.trace = dram_trace
    stream.closing = dram.book
    arbiters = make_arbiters(environment, plan.hardware)
    lookups = Lookups(plan.hardware, residents[:caches])
    controller = Controller(environment, plan.hardware, stream, dram, lookups, arbiters, observer)
    loader = WeightLoader(environment, plan.hardware, stream, dram, arbiters[WEIGHTS], observer)
    grid = PEGrid(environment, plan.hardware, plan.schedule, stream, dram, arbiters[ACTIVATIONS], observer)
    comparators = Comparators(environment, plan.hardware, stream, dram, arbiters, observer)
    with no_cycle_collection():
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
    for kind, arbiter in enumerate(arbiters):
        for name, lost in arbiter.lost.items() if arbiter is not None else ():
            unified = plan.hardware.caches.organisation == "unified"
            ledger.conflicts["unified" if unified else READS[kind], name] = lost
    ledger.cache_blocks.update(lookups.count_blocks())
    ledger.dram_events.update(dram.device.counts())
    ledger.residents = lookups.residents()
    if held := rewriting.held():
        ledger.residents = (*ledger.residents, held)
    ledger.envm = rewriting.use(plan.placement.envm_words)
    return ledger


@contextmanager
def no_cycle_collection() -> Iterator[None]:
    """Keep the cycle collector from walking a program's lists over and over: events die when nobody waits for them."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
