"""The time of a phase, compiled: what the parts in :mod:`mimesim.machine` do, without an event.

Parts work in program order and wait for each other's progress alone, so the time of every step is a maximum of times
that are known before (``docs/machine.md``, section 6). What couples them otherwise is DRAM, which serves requests in
the order of submission: the controller submits and the drain jobs do, and who comes first goes first. If what one of
them waits for is not known yet, it waits for the other, and so comes later (``docs/engine.md``). Likewise streams that
collide in the banks of a cache: the first of all that is to come cannot be held up by anything that is not known yet.
"""

from __future__ import annotations

from mimesim.engine import columns as at
from mimesim.engine.bank_kernel import NEVER, advance, begin, carry, resume
from mimesim.engine.bank_tables import CACHE, LEFT, Banks, Streams
from mimesim.engine.dram_kernel import settle
from mimesim.engine.jit import inlined, kernel
from mimesim.engine.request_kernel import ask, write
from mimesim.engine.tables import Blocks, Ints, Passes, Steps, Uses
from mimesim.engine.timing_tables import Clocks, Machine, Took
from mimesim.machine.kinds import ACTIVATIONS, THRESHOLDS, WEIGHTS

__all__ = ["run_phase"]

#: Causes of stalls, as in :data:`mimesim.ledger.STALLS`.
_CACHE, _DRAM, _NOC, _DRAIN = range(4)


@kernel
def _attribute(waited: Ints, since: int, looked_up: int, arrived: int, filled: int, start: int) -> None:
    """Give the cycles after *since* to what the grid waited for; each cause takes what is left up to its own time."""
    for cause, until in ((_CACHE, looked_up), (_DRAM, arrived), (_NOC, filled), (_DRAIN, start)):
        if until > since:
            waited[cause] += until - since
            since = until


@inlined
def _step_end(
    machine: Machine,
    clocks: Clocks,
    uses: Uses,
    took: Took,
    asked: Steps,
    number: int,
    begun: int,
    before: int,
    loaded: int,
    known: int,
    job: int,
) -> int:
    """Return when a step of the controller ends, NEVER if not all that it waits for is known.

    It may not start before *begun*, nor before the end of pass *before*. Known are the ends of fills, passes and drain
    jobs up to, not including, *loaded*, *known* and *job*.
    """
    victim_fill = asked.victims[number, 0] - uses.first_fill
    victim_job = asked.victims[number, 2] - uses.first_job
    before = max(before, asked.victims[number, 1] - uses.first_pass)
    if before >= known or victim_fill >= loaded or victim_job >= job:
        return NEVER
    start = max(clocks.now[at.CONTROLLER_FREE], begun)
    if before >= 0:
        start = max(start, took.passes[2, before])
    if victim_fill >= 0:
        start = max(start, took.fills[2, victim_fill])
    if victim_job >= 0:
        start = max(start, took.jobs[1, victim_job])
    if asked.writes[number, 1] > asked.writes[number, 0]:
        start = max(start, clocks.written[0])
    return int(start + machine.lookup_cycles)


@inlined
def _store(streams: Streams, jobs: Ints, job: int, end: int) -> bool:
    """Let the stream of a drain job that ends at *end* begin which stores into a cache; return if there is one."""
    cycles = jobs[job, at.JOB_STORE]
    if cycles > 0:
        begin(streams, at.STORE, end - cycles, cycles)
    return bool(cycles > 0)


@kernel
def run_phase(
    machine: Machine,
    banks: Banks,
    clocks: Clocks,
    streams: Streams,
    blocks: Blocks,
    program: Passes,
    uses: Uses,
    steps: Steps,
    took: Took,
    following: Steps,
    next_fills: Ints,
) -> bool:
    """Work out the time of a phase, and of the lookup and fill that the next one does ahead.

    *following* are the steps of the next phase, *next_fills* its fills, if it has any. Returns False where the parts
    would wait for each other for ever, which the checks before a run rule out.
    """
    passes, jobs, fills, now = program.passes, program.jobs, program.fills, clocks.now
    # Whose streams may lose cycles in the banks of a cache. The next fill, pass or drain job has begun, and its stream
    # has not ended, where it is *filling*, *running*, *draining*.
    collides = banks.caches > 0
    fills_wait, passes_wait = banks.uses[at.NOC, CACHE] != at.NOWHERE, banks.uses[at.PE_GRID, CACHE] != at.NOWHERE
    loads_wait, stores_wait = banks.uses[at.CMP, CACHE] != at.NOWHERE, banks.uses[at.STORE, CACHE] != at.NOWHERE
    filling = running = draining = False
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
        filling = streams.streams[at.NOC, LEFT] > 0
        if filling:
            loaded = 0
    if collides:
        resume(banks, streams, took.cache_fills)
    last_step, early, next_cycles, next_reads = count, len(following.reads) - 1, 0, 0
    if len(next_fills):
        last_step, next_cycles, next_reads = count + 1, next_fills[0, at.FILL_CYCLES], next_fills[0, at.FILL_READS]
    # Drain jobs that have ended, and that have begun.
    step = job = begun_jobs = 0
    job_free, evicted_written, wrote = begun, now[at.FILL_WRITTEN], begun
    now[at.FILL_WRITTEN] = 0
    closed = False
    while True:
        # Fills and passes, as far as all that they wait for is known.
        moved = True
        while moved:
            moved = False
            while loaded < issued and (loaded < 2 or fills[loaded - 2, at.FILL_LAST] < known):
                if filling:
                    break
                start = max(now[at.LOADER_FREE], issued_at[loaded], weights_at[loaded])
                if loaded >= 2:
                    start = max(start, pass_end[fills[loaded - 2, at.FILL_LAST]])
                # The last one is the next phase's first, over the bank of the last but one of this.
                cycles = fills[loaded, at.FILL_CYCLES] if loaded < loads else next_cycles
                fill_end[loaded] = now[at.LOADER_FREE] = start + cycles
                if fills_wait:
                    reads = fills[loaded, at.FILL_READS] if loaded < loads else next_reads
                    if reads > 0:
                        begin(streams, at.NOC, start, reads)
                        filling = True
                        break
                loaded += 1
                moved = True
            while known < step and known < count and not running:
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
                    of_rows = took.rows[group * uses.places * uses.chunks + passes[known, at.WINDOW]]
                    network = max(network, ready) + passes[known, at.FEED] + 1
                    end = network
                    for row in range(machine.rows):
                        rows[row] = max(rows[row], ready) + of_rows[row] + 1
                        end = max(end, rows[row])
                else:
                    ready = end = start + passes[known, at.CYCLES]
                took.worked[group] += end - first
                now[at.UNMAPPED] += (machine.pes - passes[known, at.MAPPED]) * (end - first - 1)
                if passes_wait and passes[known, at.FEED] > 0:
                    begin(streams, at.PE_GRID, start, passes[known, at.FEED])
                    running = True
                    break
                pass_end[known] = end
                known += 1
                moved = True
        if closed and step == last_step:
            break
        # When the next step of the controller and the next drain job end, and the phase.
        step_end = job_done = over = NEVER
        if step < last_step:
            before = step - machine.prefetch_passes
            if step < count:
                since = begun if step == 0 else 0
                step_end = _step_end(machine, clocks, uses, took, steps, step, since, before, loaded, known, job)
            else:
                step_end = _step_end(machine, clocks, uses, took, following, early, 0, before, loaded, known, job)
        if job < drains:
            if job == begun_jobs and jobs[job, at.JOB_AFTER] < known:
                start = max(job_free, pass_end[jobs[job, at.JOB_AFTER]], thresholds_at[job])
                if steps.around_first[job + 1] > steps.around_first[job]:
                    start = max(start, clocks.drained[0])
                job_end[job] = start + jobs[job, at.JOB_CYCLES]
                begun_jobs += 1
                if loads_wait and jobs[job, at.JOB_LOAD] > 0:
                    begin(streams, at.CMP, start, jobs[job, at.JOB_LOAD])
                    draining = True
                elif stores_wait:
                    draining = _store(streams, jobs, job, job_end[job])
            if job < begun_jobs and not draining:
                job_done = job_end[job]
        elif not closed:
            over = max(job_free, wrote, evicted_written)
        ended = at.NOWHERE
        if collides:
            ended = advance(banks, streams, took.cache_fills, min(step_end, job_done, over))
        if ended != at.NOWHERE:
            # The stream of a pass, a fill or a job has ended before all else.
            cycle = streams.settled[0]
            if ended == at.PE_GRID:
                # The last cycle of a pass swaps the banks.
                lost = max(0, cycle + 1 - end)
                took.waited[passes[known, at.GROUP], _CACHE] += lost
                end += lost
                ready = pass_end[known] = end
                known += 1
                running = False
            elif ended == at.NOC:
                cycles = fills[loaded, at.FILL_CYCLES] if loaded < loads else next_cycles
                reads = fills[loaded, at.FILL_READS] if loaded < loads else next_reads
                fill_end[loaded] = now[at.LOADER_FREE] = cycle + cycles - reads
                loaded += 1
                filling = False
            else:
                job_end[job] = cycle
                draining = False
                if ended == at.CMP:
                    job_end[job] = cycle + jobs[job, at.JOB_CYCLES] - jobs[job, at.JOB_LOAD]
                    if stores_wait:
                        draining = _store(streams, jobs, job, job_end[job])
            continue
        # What is submitted in the cycle in which a phase ends is still its own.
        if over < step_end:
            now[at.PHASE_END] = over
            settle(machine.shape, clocks.dram, (over * machine.dram_clocks + machine.cycles - 1) // machine.cycles)
            for name in range(len(took.counts)):
                took.counts[name] = clocks.dram.counts[name]
            closed = True
            continue
        if step_end == NEVER and job_done == NEVER:
            return False
        if job_done < step_end:
            job_free = job_done
            if steps.around_first[job + 1] > steps.around_first[job]:
                first, last = steps.around_first[job], steps.around_first[job + 1]
                wrote = write(machine, clocks, blocks, clocks.drained, job_done, steps.around, first, last)
            job += 1
            continue
        now[at.CONTROLLER_FREE] = step_end
        now[at.STEPS_DONE] += 1
        if step < count:
            done = ask(machine, banks, clocks, streams, blocks, took.cache_fills, steps, step, step_end)
            if done != at.NOWHERE:
                evicted_written = done
            if passes[step, at.FILL] >= issued:
                issued_at[issued], weights_at[issued] = step_end, clocks.arrived[WEIGHTS]
                issued += 1
            looked_up[step], arrived[step] = step_end, clocks.arrived[ACTIVATIONS]
            if passes[step, at.JOB] >= 0:
                thresholds_at[passes[step, at.JOB]] = clocks.arrived[THRESHOLDS]
        else:
            done = ask(machine, banks, clocks, streams, blocks, took.cache_fills, following, early, step_end)
            if done != at.NOWHERE:
                now[at.FILL_WRITTEN] = done
            issued_at[loads], weights_at[loads] = step_end, clocks.arrived[WEIGHTS]
            issued += 1
        step += 1
    if collides:
        carry(banks, streams, took.cache_fills)
    if len(next_fills):
        now[at.FILL_END], now[at.FILL_ARRIVED] = fill_end[loads], weights_at[loads]
    now[at.LAST_END] = end
    return True
