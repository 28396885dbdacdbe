"""A replay by the compiled engine: the lookups of a phase, then the time of the one before it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from itertools import chain

import numpy as np

from mimesim.engine import columns as at
from mimesim.engine.books import EvictionBook, book_fills, book_lookups
from mimesim.engine.cache_kernel import append
from mimesim.engine.dram_kernel import counts_of
from mimesim.engine.lookup_kernel import look_up
from mimesim.engine.numbers import Numbers
from mimesim.engine.phases import BuiltPhase, PhaseBuilder
from mimesim.engine.rewriting import Places
from mimesim.engine.shapes import Shape, shape_of
from mimesim.engine.tables import directories, no_passes, no_steps, no_uses
from mimesim.engine.timing_kernel import run_phase
from mimesim.engine.timing_tables import clocks_of, machine_of, took_by
from mimesim.ledger import CaseLedger, PhaseRecord, Residents
from mimesim.machine.accelerator import no_cycle_collection
from mimesim.machine.banks import check_banks
from mimesim.machine.capacity import check_capacity
from mimesim.machine.evictions import Use
from mimesim.machine.kinds import THRESHOLDS, WEIGHTS
from mimesim.machine.pe_grid import book_pe_cycles, book_time
from mimesim.schedule.booking import book_envm, book_storage
from mimesim.schedule.program import CasePlan

__all__ = ["replay"]


def replay(
    plan: CasePlan, progress: Callable[[PhaseRecord], None] | None = None, residents: Residents = ()
) -> CaseLedger:
    """Run *plan* to its end and return what it counted, as :func:`mimesim.machine.replay` does, but without an event.

    *plan* must be one that :func:`mimesim.engine.uncovered` has nothing to say against.
    """
    with no_cycle_collection():
        check_capacity(plan)
        check_banks(plan.hardware, plan.schedule)
        return _Replay(plan, residents).run(progress)


class _Replay:
    """The tables of one replay."""

    def __init__(self, plan: CasePlan, residents: Residents) -> None:
        self._plan = plan
        self._numbers = Numbers(plan)
        self._caches = directories(plan.hardware)
        caches = len(self._caches.resident)
        self._places = Places(plan.hardware, self._numbers, tuple(chain.from_iterable(residents[caches:])))
        self._builder = PhaseBuilder(self._numbers, self._places)
        self._evictions = EvictionBook(self._numbers, self._caches)
        self._machine = machine_of(plan.hardware, drifts=plan.schedule.barrier == "tile")
        self._clocks = clocks_of(plan.hardware, self._machine)
        self._booked: Counter[str] = Counter()
        self._busy: Counter[str] = Counter(controller=0, dram=0, noc=0, pe_grid=0, cmp=0)
        self._shapes: dict[int, Shape] = {}
        #: What the lookups of one phase leave for the next: rows of evictions, labels, and whose its last pass was.
        self._spot = np.zeros(at.SPOT, dtype=np.int64)
        self._spot[at.TURN_TO] = -1
        self._hold(residents[:caches])

    def run(self, progress: Callable[[PhaseRecord], None] | None) -> CaseLedger:
        """Replay all phases."""
        ledger = CaseLedger(stored_words=book_storage(self._plan), envm_words=book_envm(self._plan))
        phase: BuiltPhase | None = None
        for following in self._phases():
            ledger.phases.append(following.inputs.record)
            if progress is not None:
                progress(following.inputs.record)
            self._look_up(following)
            self._time(phase, following)
            phase = following
        self._time(phase, None)
        self._evictions.book()
        ledger.cycles = ledger.phases[-1].end_cycle
        commands = counts_of(self._clocks.dram.counts)
        steps = int(self._clocks.now[at.STEPS_DONE])
        self._busy["controller"] = steps * self._plan.hardware.caches.lookup_cycles
        self._busy["dram"] = (commands["row_hits"] + commands["activates"]) * self._plan.hardware.dram.burst_clocks
        ledger.busy.update(self._busy)
        inserted, dropped = int(self._caches.inserted.sum()), int(self._caches.dropped.sum())
        resident = int(self._caches.resident.sum())
        ledger.cache_blocks.update(
            inserted=inserted, evicted=inserted - dropped - resident, dropped=dropped, resident=resident
        )
        ledger.dram_events.update(commands)
        ledger.residents = self._residents()
        if held := self._places.held():
            ledger.residents = (*ledger.residents, held)
        ledger.envm = self._places.use(self._plan.placement.envm_words)
        return ledger

    def _phases(self) -> Iterator[BuiltPhase]:
        for inputs in self._plan.phase_inputs():
            if inputs.position not in self._shapes:
                self._shapes[inputs.position] = shape_of(inputs.geometry)
            phase = self._builder.build(inputs, self._shapes[inputs.position])
            book_fills(phase, self._numbers)
            self._busy["noc"] += int(phase.program.fills[:, at.FILL_CYCLES].sum())
            self._busy["cmp"] += int(phase.program.jobs[:, at.JOB_CYCLES].sum())
            yield phase

    def _look_up(self, phase: BuiltPhase) -> None:
        steps, spot = phase.steps, phase.steps.spot
        spot[[at.ROWS, at.RANKS, at.TURN_TO]] = self._spot[[at.ROWS, at.RANKS, at.TURN_TO]]
        spot[at.FIRST_ROW], spot[at.BEFORE_TASK] = spot[at.ROWS], spot[at.TURN_TO]
        names = list(self._builder.names)
        rows = self._evictions.room(int(spot[at.ROWS]), len(steps.read) + len(steps.placed), len(names))
        phase.steps = steps = steps._replace(written=np.empty(len(steps.placed) + self._dirty(), dtype=np.int64))
        look_up(self._numbers.blocks, self._caches, rows, steps, phase.program, phase.uses)
        self._spot = spot
        book_lookups(phase, self._numbers)
        self._evictions.note(phase, names)

    def _dirty(self) -> int:
        """Return at most how many blocks in the caches are dirty."""
        written_back = self._plan.hardware.caches.write_policy == "write_back"
        return int(self._caches.resident.sum()) if written_back else 0

    def _time(self, phase: BuiltPhase | None, following: BuiltPhase | None) -> None:
        """Work out the time of *phase* (None: before the first one), and what *following* does ahead of its own."""
        ahead = 0
        if following is not None and len(following.program.fills):
            ahead = int(following.program.fills[0, at.FILL_CYCLES])
        groups = 0 if phase is None else len(phase.inputs.groups)
        program = no_passes() if phase is None else phase.program
        rows = np.zeros((0, 0), dtype=np.int64) if phase is None else phase.rows
        took = took_by(program, groups, rows, self._machine)
        now = self._clocks.now
        begun = int(now[at.PHASE_END])
        now[at.UNMAPPED] = 0
        done = run_phase(
            self._machine,
            self._clocks,
            self._numbers.blocks,
            program,
            no_uses() if phase is None else phase.uses,
            no_steps() if phase is None else phase.steps,
            took,
            no_steps() if following is None else following.steps,
            ahead,
        )
        if not done:
            raise RuntimeError("the parts of the machine wait for each other")
        if phase is None:
            return
        record, end = phase.inputs.record, int(now[at.PHASE_END])
        record.start_cycle, record.end_cycle = begun, end
        worked = took.worked.tolist()
        busy = sum(worked)
        book_time(record, phase.inputs.groups, worked, took.waited.tolist())
        book_pe_cycles(record, self._plan.hardware.grid.pes, record.passes, busy, int(now[at.UNMAPPED]))
        self._busy["pe_grid"] += busy
        last = phase.inputs.groups[int(phase.program.passes[-1, at.GROUP])].images[-1].index
        record.row(last).stalls["drain"] += end - int(now[at.LAST_END])
        self._book_commands(record, end, counts_of(took.counts))

    def _book_commands(self, record: PhaseRecord, end: int, commands: dict[str, int]) -> None:
        machine = self._machine
        clock = -(-end * machine.dram_clocks // machine.cycles)
        counts = Counter(commands) + Counter(clocks=clock * machine.shape.channels * machine.shape.ranks)
        for name in ("activates", "refreshes", "active_clocks", "clocks"):
            record.commands[name] += counts[name] - self._booked[name]
        self._booked = counts

    def _hold(self, residents: Residents) -> None:
        """Begin with blocks that another replay left in the caches."""
        for cache, held in enumerate(residents):
            for _, words, kind, use in held:
                assert isinstance(use, Use)  # noqa: S101 - opaque to all others
                block = self._numbers.resident(use)
                lines = self._numbers.blocks.lines
                lines[block, at.INSIDE] = kind
                append(self._numbers.blocks, self._caches, cache, block)
                self._caches.used[cache] += words
                self._caches.resident[cache] += 1
                self._caches.inserted[cache] += 1
                label = int(lines[block, at.LABEL])
                rank = self._evictions.room(0, 0, 0).rank
                if rank[label] < 0:
                    rank[label] = self._spot[at.RANKS]
                    self._spot[at.RANKS] += 1

    def _residents(self) -> Residents:
        """Return the blocks of parameters in each cache, the least recently used first."""
        facts, lines = self._numbers.blocks
        found = []
        for first in self._caches.first.tolist():
            held, block = [], first
            while block != at.NOWHERE:
                kind = int(lines[block, at.INSIDE])
                if kind in (WEIGHTS, THRESHOLDS):
                    address, words = facts[block, [at.ADDRESS, at.SIZE]].tolist()
                    held.append((address, words, kind, self._numbers.use(block)))
                block = int(lines[block, at.AFTER])
            found.append(tuple(held))
        return tuple(found)
