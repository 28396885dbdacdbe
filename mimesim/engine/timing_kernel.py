"""The time of a phase, compiled: what the parts in :mod:`mimesim.machine` do, without an event.

Parts work in program order and wait for each other's progress alone, so the time of every step is a maximum of times
that are known before (``docs/machine.md``, section 6). What couples them otherwise is DRAM, which serves requests in
the order of submission: the controller submits and the drain jobs do, and who comes first goes first. If what one of
them waits for is not known yet, it waits for the other, and so comes later (``docs/engine.md``).
"""

from __future__ import annotations

from mimesim.engine import columns as at
from mimesim.engine.dram_kernel import serve, settle
from mimesim.engine.jit import kernel
from mimesim.engine.tables import Blocks, Ints, Passes, Steps, Uses
from mimesim.engine.timing_tables import Clocks, Machine, Took
from mimesim.machine.kinds import ACTIVATIONS, THRESHOLDS, WEIGHTS, WRITE_BACK

__all__ = ["run_phase"]

#: Later than everything: not known yet, or nothing to come.
_NEVER = 1 << 62

#: Causes of stalls, as in :data:`mimesim.ledger.STALLS`.
_CACHE, _DRAM, _NOC, _DRAIN = range(4)


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
def _push(buffers: Ints, done: int) -> None:
    """Keep the completion of a write, the oldest one's first."""
    for place in range(len(buffers) - 1):
        buffers[place] = buffers[place + 1]
    buffers[-1] = done


@kernel
def _attribute(waited: Ints, since: int, looked_up: int, arrived: int, filled: int, start: int) -> None:
    """Give the cycles after *since* to what the grid waited for; each cause takes what is left up to its own time."""
    for cause, until in ((_CACHE, looked_up), (_DRAM, arrived), (_NOC, filled), (_DRAIN, start)):
        if until > since:
            waited[cause] += until - since
            since = until


@kernel
def run_phase(
    machine: Machine,
    clocks: Clocks,
    blocks: Blocks,
    program: Passes,
    uses: Uses,
    steps: Steps,
    took: Took,
    following: Steps,
    next_fill_cycles: int,
) -> bool:
    """Work out the time of a phase, and of the lookup and fill that the next one does ahead.

    *following* are the steps of the next phase; it has no fill where *next_fill_cycles* is 0. Returns False where the
    parts would wait for each other for ever, which the checks before a run rule out.
    """
    passes, jobs, fills, now = program.passes, program.jobs, program.fills, clocks.now
    count, drains, loads = len(passes), len(jobs), len(fills)
    looked_up, arrived, pass_end = took.passes[0], took.passes[1], took.passes[2]
    issued_at, weights_at, fill_end = took.fills[0], took.fills[1], took.fills[2]
    thresholds_at, job_end = took.jobs[0], took.jobs[1]
    begun = now[at.PHASE_END]
    # The grid: passes whose ends are known; its time, the end of the latest pass, and of each row and the network.
    known, ready, end, network = 0, begun, begun, begun
    rows = took.drifting
    # The weight loader: fills whose ends are known, and those looked up.
    loaded = issued = 1 if loads else 0
    if loads:
        fill_end[0], weights_at[0] = now[at.FILL_END], now[at.FILL_ARRIVED]
    last_step = count + (1 if next_fill_cycles else 0)
    step = job = 0
    job_free, evicted_written, wrote = begun, now[at.FILL_WRITTEN], begun
    now[at.FILL_WRITTEN] = 0
    closed = False
    while not closed or step < last_step:
        # Fills and passes, as far as all that they wait for is known.
        moved = True
        while moved:
            moved = False
            while loaded < issued and (loaded < 2 or fills[loaded - 2, at.FILL_LAST] < known):
                start = max(now[at.LOADER_FREE], issued_at[loaded], weights_at[loaded])
                if loaded >= 2:
                    start = max(start, pass_end[fills[loaded - 2, at.FILL_LAST]])
                fill_end[loaded] = now[at.LOADER_FREE] = start + fills[loaded, at.FILL_CYCLES]
                loaded += 1
                moved = True
            while known < step and known < count:
                fill, accumulation = passes[known, at.FILL], passes[known, at.ACCUMULATION]
                drained = 0
                if fill >= loaded:
                    break
                if accumulation >= machine.psum_banks:
                    needed = program.jobs_of[accumulation - machine.psum_banks]
                    if needed > job:
                        break
                    drained = job_end[needed - 1]
                if machine.drifts and accumulation >= 0:
                    for row in range(machine.rows):
                        rows[row] = end
                    network = end
                tags = max(ready, looked_up[known])
                filled, there = tags, arrived[known]
                if fill >= 0:
                    filled = max(tags, fill_end[fill])
                start = max(filled, there, drained)
                group = passes[known, at.GROUP]
                if start > end:
                    if fill >= 0:
                        there = max(there, weights_at[fill])
                    _attribute(took.waited[group], end, tags, there, filled, start)
                first = max(end, start)
                if machine.drifts:
                    ready = start
                    cycles = took.rows[group * uses.places * uses.chunks + passes[known, at.WINDOW]]
                    network = max(network, ready) + passes[known, at.FEED] + 1
                    end = network
                    for row in range(machine.rows):
                        rows[row] = max(rows[row], ready) + cycles[row] + 1
                        end = max(end, rows[row])
                else:
                    ready = end = start + passes[known, at.CYCLES]
                took.worked[group] += end - first
                now[at.UNMAPPED] += (machine.pes - passes[known, at.MAPPED]) * (end - first - 1)
                pass_end[known] = end
                known += 1
                moved = True
        # When the next step of the controller and the next drain job end.
        step_end = job_done = _NEVER
        if step < last_step:
            asked = steps if step < count else following
            number = min(step, count) if step < count else len(following.reads) - 1
            victim_fill = asked.victims[number, 0] - uses.first_fill
            victim_job = asked.victims[number, 2] - uses.first_job
            before = max(step - machine.prefetch_passes, asked.victims[number, 1] - uses.first_pass)
            if before < known and victim_fill < loaded and victim_job < job:
                start = now[at.CONTROLLER_FREE]
                if step == 0:
                    start = max(start, begun)
                if before >= 0:
                    start = max(start, pass_end[before])
                if victim_fill >= 0:
                    start = max(start, fill_end[victim_fill])
                if victim_job >= 0:
                    start = max(start, job_end[victim_job])
                if asked.writes[number, 1] > asked.writes[number, 0]:
                    start = max(start, clocks.written[0])
                step_end = start + machine.lookup_cycles
        if job < drains:
            if jobs[job, at.JOB_AFTER] < known:
                start = max(job_free, pass_end[jobs[job, at.JOB_AFTER]], thresholds_at[job])
                if steps.around_first[job + 1] > steps.around_first[job]:
                    start = max(start, clocks.drained[0])
                job_done = start + jobs[job, at.JOB_CYCLES]
        elif not closed:
            # What is submitted in the cycle in which a phase ends is still its own.
            over = max(job_free, wrote, evicted_written)
            if step_end > over:
                now[at.PHASE_END] = over
                settle(machine.shape, clocks.dram, (over * machine.dram_clocks + machine.cycles - 1) // machine.cycles)
                for name in range(len(took.counts)):
                    took.counts[name] = clocks.dram.counts[name]
                closed = True
                continue
        if step_end == _NEVER and job_done == _NEVER:
            return False
        if job_done < step_end:
            job_end[job] = job_free = job_done
            if steps.around_first[job + 1] > steps.around_first[job]:
                first, last = steps.around_first[job], steps.around_first[job + 1]
                wrote = _submit(machine, clocks, blocks, WRITE_BACK, job_done, steps.around, first, last)
                _push(clocks.drained, wrote)
            job += 1
            continue
        asked = steps if step < count else following
        number = step if step < count else len(following.reads) - 1
        now[at.CONTROLLER_FREE] = step_end
        now[at.STEPS_DONE] += 1
        if asked.writes[number, 1] > asked.writes[number, 0]:
            first, last = asked.writes[number, 0], asked.writes[number, 1]
            done = _submit(machine, clocks, blocks, WRITE_BACK, step_end, asked.written, first, last)
            _push(clocks.written, done)
            if step < count:
                evicted_written = done
            else:
                now[at.FILL_WRITTEN] = done
        for kind in range(3):
            first = asked.reads[number, kind]
            last = asked.reads[number, kind + 1]
            if last > first:
                _submit(machine, clocks, blocks, kind, step_end, asked.read, first, last)
        if step == count:
            now[at.FILL_ARRIVED] = clocks.arrived[WEIGHTS]
            fetched_at = max(step_end, clocks.arrived[WEIGHTS])
            now[at.FILL_END] = fetched_at
        else:
            if passes[step, at.FILL] >= issued:
                issued_at[issued], weights_at[issued] = step_end, clocks.arrived[WEIGHTS]
                issued += 1
            looked_up[step], arrived[step] = step_end, clocks.arrived[ACTIVATIONS]
            if passes[step, at.JOB] >= 0:
                thresholds_at[passes[step, at.JOB]] = clocks.arrived[THRESHOLDS]
        step += 1
    if next_fill_cycles:
        # The first fill of the next phase, over the bank of the last one but one of this.
        start = max(now[at.LOADER_FREE], now[at.FILL_END])
        if loads >= 2:
            start = max(start, pass_end[fills[loads - 2, at.FILL_LAST]])
        now[at.FILL_END] = now[at.LOADER_FREE] = start + next_fill_cycles
    now[at.LAST_END] = end
    return True
