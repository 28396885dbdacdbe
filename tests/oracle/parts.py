"""The weight loader, the PE grid, the CMP units, DRAM and the end of a phase (sections 6.2 to 6.6)."""

from __future__ import annotations

from .banks import Stream
from .counting import DrainCost, drain_cost, fill_cycles, pass_cost
from .dram import Device
from .storage import ceil_div
from .world import Request, World

__all__ = ["CmpUnits", "DramPart", "PeGrid", "PhaseEnds", "WeightLoader"]


class WeightLoader:
    """Fills weight banks, one after the other."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.next = self.rest = 0
        self.stream: Stream | None = None

    def finish(self, cycle: int) -> bool:
        if self.next_end() != cycle:
            return False
        self.world.fill_end[self.next - 1] = cycle
        self.stream = None
        return True

    def start(self, cycle: int) -> bool:
        world, fill = self.world, self.next
        if self.stream is not None or fill == len(world.program.fills) or world.fill_lookup_end[fill] is None:
            return False
        if not world.arrived(world.fill_requests[fill]):
            return False
        if fill >= 2 and world.pass_end[world.program.last_pass_of_fill[fill - 2]] is None:
            return False
        block, mask, rewritten = world.program.fills[fill]
        cycles, self.rest = fill_cycles(block, mask, rewritten, world.program.storage)
        world.busy["noc"] += cycles + self.rest
        world.ledger.fill(block)
        if mask is not None:
            world.ledger.fill(mask)
        self.stream = world.banks.start("noc", cycles, cycle)
        self.next += 1
        return True

    def next_end(self) -> int | None:
        if self.stream is None or self.stream.done is None:
            return None
        return self.stream.done + self.rest


class PeGrid:
    """Runs passes in order; with ``barrier: tile`` a pass is under way in some rows while others end an earlier one."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.next = 0
        self.under_way: list[tuple[int, int]] = []  # (pass, end but for conflicts)
        self.stream: Stream | None = None
        self.row_free: list[int] = []
        self.network_free = 0
        self.last_end = 0

    def finish(self, cycle: int) -> bool:
        if self.next_end() != cycle:
            return False
        made, end = self.under_way.pop(0)
        self.world.pass_end[made] = cycle
        phase = self.world.program.phases[self.world.program.passes[made].phase]
        phase.stalls["cache"] += cycle - end
        if self.stream is not None:
            self.last_end = cycle
        return True

    def start(self, cycle: int) -> bool:
        world = self.world
        drifting = world.schedule.barrier == "tile"
        if self.next == len(world.program.passes) or (self.under_way and not drifting):
            return False
        made = world.program.passes[self.next]
        if not world.pass_conditions(made):
            return False
        cost = pass_cost(made, world.program.storage)
        network = cost.network_cycles(world.hardware.noc.activation_words_per_cycle)
        begun = max(cycle, self.last_end)
        if drifting:
            unmapped = world.hardware.grid.rows - len(cost.row_cycles)
            rows = cost.row_cycles + [0] * unmapped
            if made.first_of_accumulation:
                self.row_free = [self.last_end] * len(rows)
                self.network_free = self.last_end
            self.row_free = [max(free, cycle) + cycles + 1 for free, cycles in zip(self.row_free, rows, strict=True)]
            self.network_free = max(self.network_free, cycle) + network + 1
            self.last_end = max([*self.row_free, self.network_free])
        else:
            self.last_end = cycle + max([*cost.row_cycles, network]) + 1
            self.stream = world.banks.start("pe_grid", network, cycle)
        self.under_way.append((made.index, self.last_end))
        world.pass_start[made.index] = begun
        world.ledger.run_pass(made, cost)
        busy = self.last_end - begun
        world.busy["pe_grid"] += busy
        phase = world.program.phases[made.phase]
        phase.busy_cycles += busy
        phase.macs += cost.macs
        pes = world.hardware.grid.pes
        split = {
            "gated": cost.gated,
            "padding": cost.padding,
            "swap": pes,
            "unmapped": (pes - len(cost.row_cycles) * len(made.tile)) * (busy - 1),
        }
        for name, count in split.items():
            phase.balance[name] += count
        phase.balance["imbalance"] += pes * busy - cost.macs - sum(split.values())
        self.next += 1
        return True

    def next_end(self) -> int | None:
        if not self.under_way:
            return None
        end = self.under_way[0][1]
        if self.stream is None:
            return end
        return None if self.stream.done is None else max(end, self.stream.done + 1)


class CmpUnits:
    """Drains the partial sums of a group and a position tile."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.next = 0
        self.cost: DrainCost | None = None
        self.load: Stream | None = None
        self.output: Stream | None = None

    def finish(self, cycle: int) -> bool:
        if self.next_end() != cycle:
            return False
        if self.output is None:
            # The words that remain after the comparison begin to flow.
            assert self.cost is not None
            into_cache = self.world.program.jobs[self.next - 1].allocates
            if into_cache:
                self.output = self.world.banks.start("outputs", self.cost.out_cycles, cycle)
            else:
                self.output = Stream("outputs", 0, cycle + self.cost.out_cycles)
            return True
        world, job = self.world, self.world.program.jobs[self.next - 1]
        world.job_end[job.index] = cycle
        self.cost = self.load = self.output = None
        world.ledger.allocate(job.allocated)
        if job.writes:
            world.writes[job.index] = Request("outputs", job.writes, cycle)
            world.submit(world.writes[job.index])
            world.ledger.write_back(job.writes)
        return True

    def start(self, cycle: int) -> bool:
        world = self.world
        if self.cost is not None or self.next == len(world.program.jobs):
            return False
        job = world.program.jobs[self.next]
        if world.pass_end[job.cause.index] is None or not world.arrived(world.job_requests[job.index]):
            return False
        incomplete = sum(request.done is None for request in world.writes.values())
        if job.writes and incomplete >= world.hardware.writeback_buffers:
            return False
        cost = drain_cost(job, world.program.storage)
        world.busy["cmp"] += cost.cycles
        world.ledger.drain(cost)
        self.cost = cost
        self.load = world.banks.start("cmp", cost.load_cycles, cycle)
        self.next += 1
        return True

    def next_end(self) -> int | None:
        if self.cost is None or self.load is None or self.load.done is None:
            return None
        if self.output is None:
            return self.load.done + self.cost.compare_cycles
        return self.output.done


class DramPart:
    """Grants requests at the end of a cycle and completes them behind the fill ports."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.device = Device(world.hardware)
        self.port_free: dict[str, int] = {}
        self.last_write = 0
        self.granted: list[tuple[int, Request]] = []  # (completion, request)

    def finish(self, cycle: int) -> bool:
        ended = [request for completion, request in self.granted if completion == cycle]
        for request in ended:
            request.done = cycle
        self.granted = [entry for entry in self.granted if entry[0] != cycle]
        return bool(ended)

    def grant(self, cycle: int) -> None:
        waiting, hardware = self.world.waiting, self.world.hardware
        while waiting and len(self.granted) < hardware.dram.queue:
            request = min(waiting, key=lambda r: (r.submitted, r.rank))
            waiting.remove(request)
            clock = self.device.serve(request.blocks, request.write, cycle)
            completion = self.device.cycle_of(clock)
            bursts = sum(block.bursts for block in request.blocks)
            self.world.busy["dram"] += bursts * hardware.dram.burst_clocks
            if not request.write:
                port = request.kind if hardware.caches.organisation == "private" else "unified"
                passing = ceil_div(bursts * hardware.burst_words, hardware.noc.fill_words_per_cycle)
                completion = max(completion, max(self.port_free.get(port, 0), cycle) + passing)
                self.port_free[port] = completion
                self.world.banks.fills.append((port, completion - passing, completion))
            else:
                completion = self.last_write = max(completion, self.last_write)
            assert completion > cycle, "a request that takes no time"
            self.granted.append((completion, request))

    def next_end(self) -> int | None:
        return min((completion for completion, _ in self.granted), default=None)


class PhaseEnds:
    """Notes when the last drain job of a phase has ended and all its writes are complete."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.next = 0

    @property
    def done(self) -> bool:
        return self.next == len(self.world.program.phases)

    def finish(self, cycle: int) -> bool:
        world = self.world
        if self.done or world.job_end[world.program.phase_jobs[self.next]] is None:
            return False
        evicted = [request for phase, request in world.evicted if phase <= self.next]
        if any(request.done is None for request in [*world.writes.values(), *evicted]):
            return False
        world.phase_end[self.next] = cycle
        self.next += 1
        return True
