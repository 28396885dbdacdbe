"""The machine as a loop over cycles: finish what ends, start what can start, grant DRAM requests last."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import count

from mimesim.config.hardware import Hardware
from mimesim.config.schedule import Schedule
from mimesim.network import Network

from .cache import Entry
from .controller import Controller
from .interface import OracleCase, OracleImage, OracleResult
from .ledger import Ledger
from .parts import CmpUnits, DramPart, PeGrid, PhaseEnds, WeightLoader
from .program import build
from .storage import Block
from .world import World

__all__ = ["simulate"]


def simulate(
    network: Network,
    batches: Sequence[Sequence[OracleImage]],
    tasks: Sequence[str],
    hardware: Hardware,
    schedule: Schedule,
    case: OracleCase,
    *,
    skip_idle: bool = True,
    residents: Sequence[Entry] = (),
    held: Mapping[tuple[object, ...], Block] | None = None,
) -> OracleResult:
    """Run *batches* and return the result; *skip_idle* leaps over cycles in which no step ends.

    *residents* are the blocks of parameters that the caches hold at the beginning, *held* those in the places of eNVM.
    """
    program = build(network, batches, tasks, hardware, schedule, case, held)
    world = World(program, hardware, schedule, Ledger(program.storage))
    left = _run(world, skip_idle, residents)
    _attribute(world)
    last = world.phase_end[-1]
    assert last is not None
    return OracleResult(
        cycles=last,
        phases=program.phases,
        busy=world.busy,
        words=world.ledger.totals(),
        bursts=dict(world.ledger.bursts),
        passes=len(program.passes),
        evictions=world.evictions.totals(),
        conflicts=dict(world.banks.lost),
        cache_blocks=dict(world.evictions.blocks),
        residents=left,
        held=program.held,
    )


def _run(world: World, skip_idle: bool, residents: Sequence[Entry]) -> list[Entry]:
    controller, loader, grid, cmp = Controller(world, residents), WeightLoader(world), PeGrid(world), CmpUnits(world)
    dram, phase_ends = DramPart(world), PhaseEnds(world)
    parts = (controller, loader, grid, cmp)
    skip_to = 0
    for cycle in count():
        if cycle < skip_to:
            continue
        changed = True
        while changed:
            changed = False
            # Everything ends before anything starts: what ends in a cycle is visible in it.
            for part in (*parts, dram, phase_ends):
                changed |= part.finish(cycle)
            for part in parts:
                changed |= part.start(cycle)
        dram.grant(cycle)
        world.banks.step(cycle)
        if phase_ends.done:
            break
        ends = [end for end in (part.next_end() for part in (*parts, dram)) if end is not None]
        if (end := world.banks.next_end(cycle)) is not None:
            ends.append(end)
        assert ends, f"deadlock in cycle {cycle}"
        assert min(ends) > cycle
        # Conditions only change when a step ends: nothing can start before the next end.
        skip_to = min(ends) if skip_idle else cycle + 1
    return controller.residents()


def _attribute(world: World) -> None:
    """Say where the time went (section 7): every cycle between two passes has one cause."""
    begin = 0
    before = 0  # the end of the previous pass, or the start of the phase
    for made in world.program.passes:
        phase = world.program.phases[made.phase]
        if made.first_of_phase:
            begin = world.phase_end[made.phase - 1] or 0 if made.phase else 0
            phase.start_cycle = before = begin
        start, end = world.pass_start[made.index], world.pass_end[made.index]
        lookup_end = world.lookup_end[made.index]
        assert start is not None
        assert end is not None
        assert lookup_end is not None
        data, filled = world.arrival(world.pass_requests[made.index]), 0
        if made.fill is not None:
            data = max(data, world.arrival(world.fill_requests[made.fill]))
            filled = world.fill_end[made.fill] or 0
        at = before
        for cause, time in (("cache", lookup_end), ("dram", data), ("noc", filled), ("drain", start)):
            until = min(max(time, at), start)
            phase.stalls[cause] += until - at
            at = until
        before = end
        if made.index == world.program.phase_passes[made.phase]:
            phase_end = world.phase_end[made.phase]
            assert phase_end is not None
            phase.end_cycle = phase_end
            phase.stalls["drain"] += phase_end - end
            elapsed = phase.busy_cycles + sum(phase.stalls.values())
            assert elapsed == phase.end_cycle - phase.start_cycle, "time was lost"
