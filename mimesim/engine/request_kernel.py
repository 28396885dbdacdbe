"""The requests to DRAM, compiled: what :mod:`mimesim.machine.dram` does with those of lookup steps and drain jobs."""

from __future__ import annotations

from mimesim.engine import columns as at
from mimesim.engine.bank_kernel import note_fill
from mimesim.engine.bank_tables import Banks, Streams
from mimesim.engine.dram_kernel import serve
from mimesim.engine.jit import inlined, kernel
from mimesim.engine.tables import Blocks, Ints, Steps
from mimesim.engine.timing_tables import Clocks, Machine
from mimesim.machine.kinds import READS, WEIGHTS, WRITE_BACK

__all__ = ["ask", "write"]


@kernel
def _submit(
    machine: Machine, clocks: Clocks, blocks: Blocks, kind: int, cycle: int, asked: Ints, first: int, end: int
) -> int:
    """Serve a request for the blocks *asked[first:end]* and return the cycle in which it completes."""
    latest, depth = clocks.latest, len(clocks.latest)
    grant = max(cycle, latest[0])
    clock = (grant * machine.dram_clocks + machine.cycles - 1) // machine.cycles
    over = bursts = 0
    for place in range(first, end):
        address, count = blocks.facts[asked[place], at.ADDRESS], blocks.facts[asked[place], at.BURSTS]
        over = max(over, serve(machine.shape, clocks.dram, clock, address, count, kind == WRITE_BACK))
        bursts += count
    done = (over * machine.cycles + machine.dram_clocks - 1) // machine.dram_clocks
    if kind == WRITE_BACK:
        # Another channel may be done with a later write before this one is.
        done = max(done, clocks.arrived[WRITE_BACK])
    else:
        port = WEIGHTS if machine.unified else kind
        begun = max(clocks.port_free[port], grant)
        done = max(done, begun + (bursts * machine.burst_words + machine.fill_words - 1) // machine.fill_words)
        clocks.port_free[port] = done
    clocks.arrived[kind] = done
    if done > latest[0]:
        place = 0
        while place + 1 < depth and latest[place + 1] < done:
            latest[place] = latest[place + 1]
            place += 1
        latest[place] = done
    return int(done)


@kernel
def write(
    machine: Machine, clocks: Clocks, blocks: Blocks, buffers: Ints, cycle: int, asked: Ints, first: int, end: int
) -> int:
    """Write the blocks *asked[first:end]*, keep the completion in *buffers*, the oldest one's first, and return it."""
    done = _submit(machine, clocks, blocks, WRITE_BACK, cycle, asked, first, end)
    for place in range(len(buffers) - 1):
        buffers[place] = buffers[place + 1]
    buffers[-1] = done
    return done


@inlined
def ask(
    machine: Machine,
    banks: Banks,
    clocks: Clocks,
    streams: Streams,
    blocks: Blocks,
    fills: Ints,
    steps: Steps,
    step: int,
    cycle: int,
) -> int:
    """Ask for what a step of the controller that ends in *cycle* misses, after what it evicts dirty has been written.

    Returns the completion of that write, or NOWHERE; *fills* is the table of when caches are filled.
    """
    done, written = 0, at.NOWHERE
    if steps.writes[step, 1] > steps.writes[step, 0]:
        first, end = steps.writes[step, 0], steps.writes[step, 1]
        written = write(machine, clocks, blocks, clocks.written, cycle, steps.written, first, end)
    for kind in range(len(READS)):
        first, end = steps.reads[step, kind], steps.reads[step, kind + 1]
        if end > first:
            done = _submit(machine, clocks, blocks, kind, cycle, steps.read, first, end)
            if banks.caches > 0:
                note_fill(banks, streams, fills, blocks, kind, done, steps.read, first, end)
    return written
