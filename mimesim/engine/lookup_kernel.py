"""The lookups of a phase, compiled: what :class:`mimesim.machine.lookups.Lookups` does, in arrays.

Lookups never wait, so all of a phase's are done before its timing is worked out.
"""

from __future__ import annotations

from mimesim.engine import columns as at
from mimesim.engine.cache_kernel import drop, seen, use
from mimesim.engine.jit import inlined, kernel
from mimesim.engine.tables import Blocks, Directories, Evictions, Passes, Steps, Uses
from mimesim.machine.kinds import ACTIVATIONS, OUTPUTS, THRESHOLDS, WEIGHTS

__all__ = ["look_up"]


@inlined
def _fetch(steps: Steps, program: Passes, user: int) -> None:
    """Ask for what is rewritten for a fill or, numbered behind all fills, a drain job."""
    for place in range(program.rewritten_first[user], program.rewritten_first[user + 1]):
        steps.read[steps.spot[at.READ]] = program.rewritten[place]
        steps.spot[at.READ] += 1


@kernel
def _weights(
    blocks: Blocks,
    caches: Directories,
    rows: Evictions,
    steps: Steps,
    program: Passes,
    uses: Uses,
    fill: int,
    step: int,
) -> None:
    user = uses.first_fill + fill
    block, mask = program.fills[fill, at.FILL_BLOCK], program.fills[fill, at.FILL_MASK]
    if blocks.facts[block, at.KEPT] != at.NOWHERE:
        _fetch(steps, program, fill)
        return
    label, slot = blocks.lines[block, at.LABEL], program.fills[fill, at.FILL_SLOT]
    seen(rows, steps, label)
    use(blocks, caches, rows, steps, block, WEIGHTS, user, label, step, slot)
    if mask != at.NOWHERE:
        label, slot = blocks.lines[mask, at.LABEL], program.fills[fill, at.FILL_MASK_SLOT]
        seen(rows, steps, label)
        use(blocks, caches, rows, steps, mask, WEIGHTS, user, label, step, slot)


@kernel
def _activations(
    blocks: Blocks, caches: Directories, rows: Evictions, steps: Steps, program: Passes, uses: Uses, step: int
) -> None:
    group, window = program.passes[step, at.GROUP], program.passes[step, at.WINDOW]
    source, user = uses.source[window % uses.chunks], uses.first_pass + step
    first, end = uses.window_first[window], uses.window_first[window + 1]
    for place in range(uses.member_first[group], uses.member_first[group + 1]):
        image = uses.members[place]
        base, label, slot = uses.bases[image, source], uses.labels[image], uses.slots[image]
        seen(rows, steps, label)
        seen(rows, steps, label | 1)
        for touched in range(first, end):
            block = base + uses.windows[touched]
            use(blocks, caches, rows, steps, block, ACTIVATIONS, user, label, step, slot)


@kernel
def _thresholds(
    blocks: Blocks,
    caches: Directories,
    rows: Evictions,
    steps: Steps,
    program: Passes,
    uses: Uses,
    job: int,
    step: int,
) -> None:
    group = program.jobs[job, at.JOB_GROUP]
    column = program.jobs[job, at.JOB_TILE] * uses.places + program.jobs[job, at.JOB_PLACE]
    for place in range(uses.own_first[group], uses.own_first[group + 1]):
        table = uses.own[place]
        block = uses.drained[table, column]
        if blocks.facts[block, at.KEPT] != at.NOWHERE:
            continue
        label = blocks.lines[block, at.LABEL]
        seen(rows, steps, label)
        user = uses.first_job + job
        use(blocks, caches, rows, steps, block, THRESHOLDS, user, label, step, uses.drained_slots[table])
    _fetch(steps, program, len(program.fills) + job)


@kernel
def _outputs(
    blocks: Blocks,
    caches: Directories,
    rows: Evictions,
    steps: Steps,
    program: Passes,
    uses: Uses,
    job: int,
    step: int,
) -> None:
    """Give the blocks that a job completes their places; it writes those that have none."""
    group = program.jobs[job, at.JOB_GROUP]
    column = program.jobs[job, at.JOB_TILE] * uses.places + program.jobs[job, at.JOB_PLACE]
    first, end = uses.completed_first[column], uses.completed_first[column + 1]
    if first == end:
        return
    for cached in range(2):
        for place in range(uses.member_first[group], uses.member_first[group + 1]):
            image = uses.members[place]
            if uses.cached[image] != cached:
                continue
            base, label = uses.outputs[image], uses.labels[image] | 1
            if cached:
                seen(rows, steps, label)
            for number in range(first, end):
                block = base + uses.completed[number]
                if cached:
                    use(blocks, caches, rows, steps, block, OUTPUTS, uses.first_job + job, label, step, 0)
                else:
                    steps.around[steps.spot[at.AROUND]] = block
                    steps.spot[at.AROUND] += 1


@kernel
def look_up(blocks: Blocks, caches: Directories, rows: Evictions, steps: Steps, program: Passes, uses: Uses) -> None:
    """Do the lookups of a phase, in program order."""
    passes, spot = program.passes, steps.spot
    fill, scope = -1, -1
    early = len(passes)
    for step in range(len(passes)):
        if passes[step, at.PASS_SCOPE] != scope:
            scope = passes[step, at.PASS_SCOPE]
            # Scopes of all phases are numbered apart.
            caches.scopes[WEIGHTS] = caches.scopes[THRESHOLDS] = (uses.number << 32) + scope
            caches.scopes[ACTIVATIONS] = caches.scopes[OUTPUTS] = uses.number
        name = uses.names[passes[step, at.GROUP]]
        spot[at.TURN_FROM] = name if spot[at.TURN_TO] < 0 else spot[at.TURN_TO]
        spot[at.TURN_TO] = name
        needed = passes[step, at.FILL]
        if step == 0:
            steps.writes[early, 0], steps.reads[early, 0] = spot[at.WRITTEN], spot[at.READ]
            if needed >= 0:
                # The first weights come while the phase before drains; its outputs cannot be read before it ends.
                fill = needed
                _weights(blocks, caches, rows, steps, program, uses, fill, early)
            steps.writes[early, 1] = spot[at.WRITTEN]
            steps.reads[early, 1] = steps.reads[early, 2] = steps.reads[early, 3] = spot[at.READ]
            for region in range(len(uses.dead)):
                drop(blocks, caches, uses.dead[region, 0], uses.dead[region, 1])
        steps.writes[step, 0], steps.reads[step, 0] = spot[at.WRITTEN], spot[at.READ]
        if needed != fill:
            fill = needed
            _weights(blocks, caches, rows, steps, program, uses, fill, step)
        steps.reads[step, 1] = spot[at.READ]
        _activations(blocks, caches, rows, steps, program, uses, step)
        steps.reads[step, 2] = spot[at.READ]
        job = passes[step, at.JOB]
        if job != at.NOWHERE:
            _thresholds(blocks, caches, rows, steps, program, uses, job, step)
            steps.reads[step, 3] = spot[at.READ]
            steps.around_first[job] = spot[at.AROUND]
            _outputs(blocks, caches, rows, steps, program, uses, job, step)
            steps.around_first[job + 1] = spot[at.AROUND]
        else:
            steps.reads[step, 3] = spot[at.READ]
        steps.writes[step, 1] = spot[at.WRITTEN]
