"""The controller: looks up what each pass needs, ahead of the PE grid (``docs/machine.md``, section 6.1)."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Sequence

from simpy import Event

from mimesim.config.hardware import Hardware
from mimesim.ledger import Residents
from mimesim.machine.banks import BankArbiter
from mimesim.machine.cache import Cache, Victims, count_blocks, make_caches, no_victims
from mimesim.machine.clock import Clock
from mimesim.machine.dram import Dram, Runs
from mimesim.machine.evictions import EvictionLog, Use
from mimesim.machine.kinds import ACTIVATIONS, OUTPUTS, READS, THRESHOLDS, WEIGHTS, WRITE_BACK
from mimesim.machine.stream import PassStream, PhaseRun
from mimesim.machine.write_back import book_allocated, book_evicted, book_written
from mimesim.schedule.memory_map import ActivationRegion, ParameterBlock
from mimesim.schedule.program import Phase
from mimesim.schemes import SHARED

__all__ = ["Controller"]


_NOTHING = (0, 0, 0, 0)


class Controller:
    """Walks all passes in program order, one lookup step each, and asks DRAM for what is missing.

    Ports: the three caches' tags, four request streams into DRAM. Latency: ``caches.lookup_cycles`` a step. Books:
    words and bursts read from DRAM and filled into the caches; with ``write_back`` also the outputs that go into the
    caches, and those written. Promises: never more than ``prefetch_passes`` ahead of the grid, never evicts what is
    still in use, and looks up in program order whatever the timing; at most ``writeback_buffers`` requests that write
    evicted blocks are incomplete.
    """

    def __init__(
        self,
        environment: Clock,
        hardware: Hardware,
        stream: PassStream,
        dram: Dram,
        arbiters: Sequence[BankArbiter | None] = (None,) * len(READS),
        residents: Residents = (),
    ) -> None:
        self._environment = environment
        self._arbiters = arbiters
        self._fill_words = hardware.noc.fill_words_per_cycle
        self._stream = stream
        self._dram = dram
        self._burst_words = hardware.burst_words
        self._ahead = hardware.prefetch_passes
        self._cycles = hardware.caches.lookup_cycles
        self._log = EvictionLog()
        self._caches = make_caches(hardware.caches, hardware.word_bits)
        for cache, blocks in zip(dict.fromkeys(self._caches), residents, strict=False):
            cache.hold(blocks)
        self._requests = [0] * len(READS)
        #: Completions of the latest requests that write evicted blocks.
        self._written: deque[int] = deque(maxlen=hardware.writeback_buffers)
        #: What the current step has to write.
        self._dirty: Runs = []
        #: By address, the use of blocks of weights.
        self._parameters: dict[int, Use] = {}
        #: By region, the use of its blocks in the current phase.
        self._uses: dict[int, Use] = {}
        self._tasks: dict[int, str] = {}
        #: What the phase before the current one was the last to read.
        self._dead: list[ActivationRegion] = []
        #: What the current phase fetched: (image, tensor) to values, bitmap or index, norm, bursts.
        self._fetched: dict[tuple[int, str], list[int]] = {}
        self.busy_cycles = 0
        environment.process(self._run())

    def residents(self) -> Residents:
        """Return the blocks of parameters in each cache; a unified cache is one."""
        return tuple(cache.held((WEIGHTS, THRESHOLDS)) for cache in dict.fromkeys(self._caches))

    def _run(self) -> Generator[Event, None, None]:
        number = 0
        while (run := self._stream.phase(number)) is not None:
            self._log.begin(run.phase.record)
            self._uses.clear()
            self._tasks = {image.index: image.task for group in run.phase.groups for image in group.images}
            yield from self._walk(run)
            self._log.settle()
            self._dead = run.phase.dead
            number += 1

    def count_blocks(self) -> dict[str, int]:
        """Return how many blocks were inserted in the caches, evicted and dropped, and how many are resident."""
        return count_blocks(self._caches)

    def _walk(self, run: PhaseRun) -> Generator[Event, None, None]:
        stream, phase, environment = self._stream, run.phase, self._environment
        passes_done, log = stream.passes_done, self._log
        fill, job, scope = -1, 0, -1
        tasks = [{image.task for image in group.images} for group in phase.groups]
        names = [members.pop() if len(members) == 1 else SHARED for members in tasks]
        for place, fill_needed in enumerate(phase.fill):
            number = run.first_pass + place
            if passes_done.value <= number - self._ahead:
                yield passes_done.until(number - self._ahead + 1)
            if phase.scope[place] != scope:
                scope = phase.scope[place]
                for cache in self._caches:
                    # Scopes of all phases are numbered apart.
                    cache.enter((run.number << 32) + scope, run.number)
            name = names[phase.group[place]]
            # The first pass of the run follows no other.
            log.from_task, log.to_task = log.to_task or name, name
            victims = no_victims()
            requests: list[Runs] = [[], [], []]
            filling = fill_needed != fill
            if filling:
                fill = fill_needed
                self._look_up_weights(run, fill, victims, requests[WEIGHTS])
            if place == 0:
                if filling:
                    # The weights come while the previous phase drains; its outputs cannot be read before it ends.
                    if run.number:
                        early = phase.record.parts
                        early.early_reads = sum(bursts for _, bursts in requests[WEIGHTS])
                        early.early_writes = sum(bursts for _, bursts in self._dirty)
                    yield from self._wait(victims)
                    yield environment.timeout(self._cycles)
                    self._submit(run, requests)
                    run.fill_data.append(self._requests[WEIGHTS])
                    stream.fills_looked_up.advance()
                    victims, requests, filling = no_victims(), [[], [], []], False
                if stream.phases_done.value < run.number:
                    yield stream.phases_done.until(run.number)
                for region in self._dead:
                    self._caches[ACTIVATIONS].drop(region.address, region.end)
            self._look_up_activations(run, place, victims, requests[ACTIVATIONS])
            draining = job < len(phase.jobs) and phase.jobs[job].after == place
            if draining:
                self._look_up_thresholds(run, job, victims, requests[THRESHOLDS])
                if phase.jobs[job].outputs:
                    self._allocate_outputs(run, job, victims)
                job += 1
            if max(victims) >= 0 or self._dirty:
                yield from self._wait(victims)
            yield environment.timeout(self._cycles)
            self._submit(run, requests)
            if filling:
                run.fill_data.append(self._requests[WEIGHTS])
                stream.fills_looked_up.advance()
            if draining:
                run.job_data.append(self._requests[THRESHOLDS])
            run.pass_data.append(self._requests[ACTIVATIONS])
            stream.passes_looked_up.advance()
        self._book(phase)

    def _wait(self, victims: Victims) -> Generator[Event, None, None]:
        """Wait until what must leave may leave, and what of it is dirty may be written."""
        stream, environment = self._stream, self._environment
        if victims[WEIGHTS] >= stream.fills_done.value:
            yield stream.fills_done.until(victims[WEIGHTS] + 1)
        if victims[ACTIVATIONS] >= stream.passes_done.value:
            yield stream.passes_done.until(victims[ACTIVATIONS] + 1)
        if victims[THRESHOLDS] >= stream.jobs_done.value:
            yield stream.jobs_done.until(victims[THRESHOLDS] + 1)
        if victims[OUTPUTS] >= stream.jobs_done.value:
            yield stream.jobs_done.until(victims[OUTPUTS] + 1)
        if self._dirty and len(self._written) == self._written.maxlen and self._written[0] > environment.cycle:
            yield environment.timeout(self._written[0] - environment.cycle)

    def _submit(self, run: PhaseRun, requests: list[Runs]) -> None:
        """End a step: write what leaves dirty, and ask for what missed."""
        self.busy_cycles += self._cycles
        if self._dirty:
            dirty, self._dirty = self._dirty, []
            self._dram.submit(WRITE_BACK, dirty)
            run.written_back = self._dram.arrivals[WRITE_BACK][-1]
            self._written.append(run.written_back)
        for kind, runs in enumerate(requests):
            if runs:
                self._requests[kind] += 1
                self._dram.submit(kind, runs)
                if (arbiter := self._arbiters[kind]) is not None:
                    words = sum(bursts for _, bursts in runs) * self._burst_words
                    end = self._dram.arrivals[kind][-1]
                    arbiter.fill(end - -(-words // self._fill_words), end)

    def _look_up_weights(self, run: PhaseRun, fill: int, victims: Victims, runs: Runs) -> None:
        needed = run.phase.fills[fill]
        runs += [(block.home, block.bursts) for block in needed.rewritten]
        if needed.block.in_envm:
            return
        # A block of parameters belongs to one layer and one owner: it is always used for the same.
        uses, address = self._parameters, needed.block.address
        use = uses.get(address) or uses.setdefault(
            address, Use(READS[WEIGHTS], needed.owner, run.phase.record.layer, needed.block)
        )
        if not self._find(run, use, needed.block, WEIGHTS, run.first_fill + fill, victims):
            runs.append((needed.block.address, needed.block.bursts))
            self._count(needed.image, READS[WEIGHTS], needed.block)
        if (mask := needed.mask) is not None:
            use = Use(READS[WEIGHTS], needed.view or SHARED, run.phase.record.layer, mask)
            if not self._find(run, use, mask, WEIGHTS, run.first_fill + fill, victims):
                runs.append((mask.address, mask.bursts))
                self._count(needed.mask_image, READS[WEIGHTS], mask)

    def _look_up_thresholds(self, run: PhaseRun, job: int, victims: Victims, runs: Runs) -> None:
        for needed in run.phase.jobs[job].thresholds:
            use = Use(READS[THRESHOLDS], needed.task, run.phase.record.layer, needed.block)
            if not self._find(run, use, needed.block, THRESHOLDS, run.first_job + job, victims):
                runs.append((needed.block.address, needed.block.bursts))
                self._count(needed.image, needed.tensor, needed.block)
        runs += [(use.block.home, use.block.bursts) for use in run.phase.jobs[job].rewritten]

    def _look_up_activations(self, run: PhaseRun, place: int, victims: Victims, runs: Runs) -> None:
        cache, number = self._caches[ACTIVATIONS], run.first_pass + place
        for region, blocks in run.phase.lookups[place]:
            base, slot = region.address, region.slot
            addresses = [base + slot * block for block in blocks]
            use = self._uses.get(id(region)) or self._use(run, region)
            missing = cache.lookup_all(addresses, slot * self._burst_words, ACTIVATIONS, number, victims, use)
            if missing:
                self._note(run, cache, use, missing)
                bursts = region.bursts
                runs += [(address, bursts[(address - base) // slot]) for address in missing]
                region.fetched += missing

    def _allocate_outputs(self, run: PhaseRun, job: int, victims: Victims) -> None:
        """Give the blocks that a job completes their places; the job writes around what finds none."""
        cache, details, record = self._caches[ACTIVATIONS], run.phase.jobs[job], run.phase.record
        for region, blocks in details.outputs:
            addresses = [region.address + region.slot * block for block in blocks]
            use = Use("outputs", self._tasks[region.image], record.layer, region)
            words, user = region.slot * self._burst_words, run.first_job + job
            around = set(cache.allocate(addresses, words, user, victims, use))
            self._note(run, cache, use, [])
            for address in addresses:
                if address in around:
                    details.writes.append(book_written(record, region, address))
                else:
                    book_allocated(record, region, address)

    def _note(self, run: PhaseRun, cache: Cache, use: Use, missing: list[int]) -> None:
        """Count what missed and what left for it; what left dirty is written by the step that looks up."""
        if left := cache.left:
            dirty = cache.dirty
            self._log.evicted(use, left, dirty)
            for victim, addresses in left if dirty else ():
                region = victim.block
                for address in addresses:
                    if address in dirty and isinstance(region, ActivationRegion):
                        self._dirty.append(book_evicted(run.phase.record, region, address))
            cache.forget()
        # Last: one lookup may evict what the next of the same call misses.
        if missing:
            self._log.fetched(use, missing)

    def _use(self, run: PhaseRun, region: ActivationRegion) -> Use:
        """Return, for the first time in the current phase, what it uses the blocks of *region* for."""
        task = self._tasks[region.image]
        use = self._uses[id(region)] = Use(READS[ACTIVATIONS], task, run.phase.record.layer, region)
        return use

    def _find(self, run: PhaseRun, use: Use, block: ParameterBlock, kind: int, user: int, victims: Victims) -> bool:
        cache = self._caches[kind]
        found = cache.lookup(block.address, block.bursts * self._burst_words, kind, user, victims, use)
        if not found:
            self._note(run, cache, use, [block.address])
        return found

    def _count(self, image: int, tensor: str, block: ParameterBlock) -> None:
        sums = self._fetched.setdefault((image, tensor), [0, 0, 0, 0])
        sums[0] += block.values
        sums[1] += block.index
        sums[2] += block.norm
        sums[3] += block.bursts

    def _book(self, phase: Phase) -> None:
        """Book what left DRAM and entered a cache in this phase, word for word."""
        for region in {id(region): region for lookups in phase.lookups for region, _ in lookups}.values():
            self._fetched[region.image, READS[ACTIVATIONS]] = [
                total + more
                for total, more in zip(
                    self._fetched.get((region.image, READS[ACTIVATIONS]), _NOTHING), region.take_fetched(), strict=True
                )
            ]
        for (image, kind), (values, index, norm, bursts) in self._fetched.items():
            row = phase.record.row(image)
            for tensor, words in (
                (kind, values),
                ("mask" if kind == READS[ACTIVATIONS] else "index", index),
                ("norm", norm),
            ):
                row.book("dram", tensor, "read", words)
                row.book("cache", tensor, "write", words)
            row.bursts["dram", kind, "read"] += bursts
        self._fetched.clear()
