"""The controller (section 6.1): tag lookups in program order, and the requests for what they miss."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from .cache import KINDS, Entry, Scope, check_capacity, directories
from .program import Pass
from .storage import Block
from .world import Request, World

__all__ = ["Controller"]

BEFORE_THE_RUN = -1


@dataclass
class Step:
    """One step of the controller; *after_phase* is the phase whose end it waits for."""

    made: Pass
    blocks: list[Block]
    last_of_pass: bool
    issues_fill: bool
    after_phase: int | None
    in_use: list[tuple[str, int]] = field(default_factory=list)  # the last users of what it evicts
    missing: dict[str, list[Block]] = field(default_factory=lambda: {kind: [] for kind in KINDS})
    request_numbers: dict[str, int] = field(default_factory=dict)
    dirty: list[Block] = field(default_factory=list)  # what it evicts and has to write


class Controller:
    """One step at a time; a step's lookups are worked out when the one before it has started."""

    def __init__(self, world: World, residents: Sequence[Entry] = ()) -> None:
        self.world = world
        self.caches = directories(world.hardware)
        self.steps = self._program_order()
        self.next: Step | None = None
        self.running: Step | None = None
        self.end = 0
        self.last_user: dict[tuple[object, ...], tuple[str, int]] = {}
        self.request_count = 0
        for entry in residents:
            # In no scope, brought by a request that was complete before the run.
            before = Entry(entry.block, (), BEFORE_THE_RUN, entry.layer)
            self.caches[entry.block.kind].entries.append(before)
            world.evictions.blocks["inserted"] += 1
        world.requests[BEFORE_THE_RUN] = Request("weights", [], submitted=0, done=0)
        self._advance()

    def residents(self) -> list[Entry]:
        """Return the entries of parameters, cache by cache, the least recently used first."""
        caches = {id(cache): cache for cache in self.caches.values()}.values()
        return [entry for cache in caches for entry in cache.entries if entry.block.kind != "activations"]

    def _program_order(self) -> Iterator[Step]:
        for made in self.world.program.passes:
            weights = []
            if made.starts_fill:
                weights = [block for block in (made.weight_block, made.mask_block) if block and block.kind == "weights"]
            rest = [*made.activation_blocks, *made.threshold_blocks]
            before = made.phase - 1 if made.first_of_phase and made.phase > 0 else None
            if made.first_of_phase and made.starts_fill:
                yield Step(made, weights, last_of_pass=False, issues_fill=True, after_phase=None)
                yield Step(made, rest, last_of_pass=True, issues_fill=False, after_phase=before)
            else:
                both = [*weights, *rest]
                yield Step(made, both, last_of_pass=True, issues_fill=made.starts_fill, after_phase=before)

    def finish(self, cycle: int) -> bool:
        step = self.running
        if step is None or self.end != cycle:
            return False
        self.running = None
        for kind in KINDS:
            if step.missing[kind]:
                request = Request(kind, step.missing[kind], cycle)
                self.world.requests[step.request_numbers[kind]] = request
                self.world.submit(request)
        if step.dirty:
            request = Request("evicted", step.dirty, cycle)
            self.world.evicted.append((step.made.phase, request))
            self.world.submit(request)
        if step.issues_fill:
            assert step.made.fill is not None
            self.world.fill_lookup_end[step.made.fill] = cycle
        if step.last_of_pass:
            self.world.lookup_end[step.made.index] = cycle
        return True

    def start(self, cycle: int) -> bool:
        step = self.next
        if self.running is not None or step is None or not self._may_start(step):
            return False
        self.running = step
        self.end = cycle + self.world.hardware.caches.lookup_cycles
        self.world.busy["controller"] += self.world.hardware.caches.lookup_cycles
        self._advance()
        return True

    def next_end(self) -> int | None:
        return self.end if self.running is not None else None

    def _may_start(self, step: Step) -> bool:
        world = self.world
        finished = step.made.index - world.hardware.prefetch_passes
        if finished >= 0 and world.pass_end[finished] is None:
            return False
        if step.after_phase is not None and world.phase_end[step.after_phase] is None:
            return False
        incomplete = sum(request.done is None for _, request in world.evicted)
        if step.dirty and incomplete >= world.hardware.writeback_buffers:
            return False
        ends = {
            "weights": world.fill_end,
            "activations": world.pass_end,
            "thresholds": world.job_end,
            "outputs": world.job_end,
        }
        return all(ends[kind][number] is not None for kind, number in step.in_use)

    def _advance(self) -> None:
        """Take the next step and make its lookups: they depend on program order only."""
        self.next = next(self.steps, None)
        if self.next is None:
            self.world.evictions.end([*{id(cache): cache for cache in self.caches.values()}.values()])
            return
        step, made = self.next, self.next.made
        job = None if made.job is None or not step.last_of_pass else self.world.program.jobs[made.job]
        outputs = [block for block in job.writes if block.key[2] in job.cached] if job is not None else []
        check_capacity(made, outputs, self.caches)
        if step.after_phase is not None:
            dropped = self.caches["activations"].drop(self.world.program.phase_dead[step.after_phase])
            self.world.evictions.blocks["dropped"] += dropped
        arriving: dict[str, set[int]] = {kind: set() for kind in KINDS}
        for block in step.blocks:
            request = self._look_up(step, block)
            if request is not None:
                arriving[block.kind].add(request)
        if step.issues_fill:
            self._fetch_rewritten(step, "weights", made.rewritten, arriving["weights"])
        if step.last_of_pass:
            self._fetch_rewritten(step, "thresholds", made.rewritten_norm, arriving["thresholds"])
        for block in outputs:
            assert job is not None
            if self._insert(step, Entry(block, self._scope(made, block.kind), None, made.operation.name, dirty=True)):
                job.writes.remove(block)
                job.allocated.append(block)
                self.last_user[block.key] = ("outputs", job.index)
        wanted = self.world
        if step.last_of_pass:
            wanted.pass_requests[made.index] = arriving["activations"]
            if made.job is not None:
                wanted.job_requests[made.job] = arriving["thresholds"]
        if made.fill is not None and step.issues_fill:
            wanted.fill_requests[made.fill] = arriving["weights"]

    def _fetch_rewritten(self, step: Step, kind: str, blocks: list[Block], arriving: set[int]) -> None:
        """Fetch what is to be written into eNVM behind the misses of the same kind."""
        if blocks:
            arriving.add(self._request(step, kind))
            step.missing[kind] += blocks
            self.world.ledger.rewrite(blocks)

    def _request(self, step: Step, kind: str) -> int:
        """Return the number of the request of this kind that the end of the step submits."""
        if kind not in step.request_numbers:
            step.request_numbers[kind] = self.request_count
            self.request_count += 1
        return step.request_numbers[kind]

    def _insert(self, step: Step, entry: Entry) -> bool:
        """Insert a block and return whether it is kept; the step has to wait for what leaves, and write it if dirty."""

        def ended(other: Entry) -> bool:
            return other.scope != self._scope(step.made, other.block.kind)

        kept, victims = self.caches[entry.block.kind].insert(entry, ended)
        self.world.evictions.note(step.made, entry, kept, victims)
        for victim in victims:
            if victim.block.key in self.last_user:
                step.in_use.append(self.last_user[victim.block.key])
            if victim.dirty:
                step.dirty.append(victim.block)
                self.world.ledger.evict_dirty([victim.block])
        return kept

    def _look_up(self, step: Step, block: Block) -> int | None:
        """Look up one block and return the number of the request that brings it or has brought it, if one did."""
        made = step.made
        cache, scope = self.caches[block.kind], self._scope(made, block.kind)
        entry = cache.find(block)
        if entry is not None:
            cache.touch(entry, scope, made.operation.name)
            number = entry.request
        else:
            number = self._request(step, block.kind)
            step.missing[block.kind].append(block)
            self.world.ledger.fetch([block])
            self.world.evictions.fetched(block)
            self._insert(step, Entry(block, scope, number, made.operation.name))
        user = {"weights": made.fill, "activations": made.index, "thresholds": made.job}[block.kind]
        assert user is not None
        self.last_user[block.key] = (block.kind, user)
        return number

    def _scope(self, made: Pass, kind: str) -> Scope:
        if kind != "activations" and self.world.schedule.tile_order == "channel_outer":
            return (made.phase, made.tile_index)
        return (made.phase,)
