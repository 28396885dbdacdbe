"""The lookups of a phase, step by step: what misses, what leaves, what is written (``docs/machine.md``, section 6.1).

Lookups come in program order and never wait, so all of this is a property of the schedule alone, whatever the timing;
the controller turns it into time.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import NamedTuple

from mimesim.config.hardware import Hardware
from mimesim.ledger import Residents
from mimesim.machine.cache import Victims, count_blocks, make_caches, no_victims
from mimesim.machine.dram import Runs
from mimesim.machine.evictions import EvictionLog, Use
from mimesim.machine.kinds import ACTIVATIONS, READS, THRESHOLDS, WEIGHTS
from mimesim.machine.stream import PhaseRun
from mimesim.machine.traffic import book_allocated, book_evicted, book_read, book_written
from mimesim.schedule.memory_map import ActivationRegion, ParameterBlock
from mimesim.schemes import SHARED

__all__ = ["Lookups", "Step"]


class Step(NamedTuple):
    """One lookup step: the pass it is for, and what it asks DRAM for, by kind of traffic.

    Without *weights* the pass needs no new fill, without *thresholds* no drain job follows it; without *activations*
    this is the fill of the first pass of a phase, looked up before the phase ends that runs before. *victims* are those
    of what leaves, if anything does, and *dirty* what of it has to be written first.
    """

    place: int
    victims: Victims | None
    dirty: Runs | None
    weights: Runs | None
    activations: Runs | None
    thresholds: Runs | None


class Lookups:
    """The caches and all that is looked up in them, phase by phase.

    Books: words and bursts read from DRAM and filled into the caches; with ``write_back`` also the outputs that go into
    the caches, and those written.
    """

    def __init__(self, hardware: Hardware, residents: Residents = ()) -> None:
        self._burst_words = hardware.burst_words
        self._caches = make_caches(hardware.caches, hardware.word_bits)
        self._distinct = list(dict.fromkeys(self._caches))
        #: By kind, which of the distinct caches it is.
        self._place = [self._distinct.index(cache) for cache in self._caches]
        self._log = EvictionLog(self._distinct)
        #: By address, the number of the use of a block of parameters: it belongs to one layer and one owner.
        self._parameters: dict[int, int] = {}
        #: By region, the use of its blocks in the current phase.
        self._uses: dict[int, int] = {}
        for cache, blocks in zip(self._distinct, residents, strict=False):
            for address, words, kind, use in blocks:
                assert isinstance(use, Use)  # noqa: S101 - opaque to all others
                number = self._parameters[address] = self._log.number(use)
                cache.hold([(address, words, kind, number)])
        self._tasks: dict[int, str] = {}
        #: What the phase before the current one was the last to read.
        self._dead: list[ActivationRegion] = []
        #: By image and tensor, the uses of parameter blocks that the current phase fetched.
        self._fetched: defaultdict[tuple[int, str], list[int]] = defaultdict(list)
        #: What the current step evicts, and what of it has to be written.
        self._victims = no_victims()
        self._dirty: Runs = []

    def residents(self) -> Residents:
        """Return the blocks of parameters in each cache; a unified cache is one."""
        return tuple(
            tuple(
                (address, words, kind, self._log.use(use))
                for address, words, kind, use in cache.held((WEIGHTS, THRESHOLDS))
            )
            for cache in self._distinct
        )

    def used(self) -> list[int]:
        """Return the words that each cache holds; a unified cache is one."""
        return [cache.used for cache in self._distinct]

    def count_blocks(self) -> dict[str, int]:
        """Return how many blocks were inserted in the caches, evicted and dropped, and how many are resident."""
        return count_blocks(self._distinct)

    def steps(self, run: PhaseRun) -> Iterator[Step]:
        """Yield the steps of a phase, each looked up when it is asked for; then book what they fetched."""
        phase, log, activations = run.phase, self._log, self._caches[ACTIVATIONS]
        log.begin(phase.record)
        self._uses.clear()
        self._tasks = {image.index: image.task for group in phase.groups for image in group.images}
        tasks = [{image.task for image in group.images} for group in phase.groups]
        names = [members.pop() if len(members) == 1 else SHARED for members in tasks]
        jobs, count = phase.jobs, len(phase.jobs)
        fill, job, scope = -1, 0, -1
        after = jobs[0].after if count else -1
        weights: Runs | None
        thresholds: Runs | None
        for place, needed in enumerate(phase.fill):
            if phase.scope[place] != scope:
                scope = phase.scope[place]
                for cache in self._distinct:
                    # Scopes of all phases are numbered apart.
                    cache.enter((run.number << 32) + scope, run.number)
            log.turn(names[phase.group[place]])
            weights = thresholds = None
            if needed != fill:
                fill = needed
                weights = self._look_up_weights(run, fill)
            if not place:
                if weights is not None:
                    # The weights come while the previous phase drains; its outputs cannot be read before it ends.
                    if run.number:
                        phase.record.parts.early_reads = sum(bursts for _, bursts in weights)
                        phase.record.parts.early_writes = sum(bursts for _, bursts in self._dirty)
                    yield self._step(place, weights, None, None)
                    weights = None
                for region in self._dead:
                    activations.drop(region.address, region.end)
            fetched = self._look_up_activations(run, place)
            if place == after:
                thresholds = self._look_up_thresholds(run, job)
                if jobs[job].outputs:
                    self._allocate_outputs(run, job)
                job += 1
                after = jobs[job].after if job < count else -1
            yield self._step(place, weights, fetched, thresholds)
        self._book(run)
        log.settle()
        self._dead = phase.dead

    def _step(self, place: int, weights: Runs | None, activations: Runs | None, thresholds: Runs | None) -> Step:
        victims: Victims | None = None
        dirty: Runs | None = None
        if max(self._victims) >= 0:
            victims, self._victims = self._victims, no_victims()
            if self._dirty:
                dirty, self._dirty = self._dirty, []
        return Step(place, victims, dirty, weights, activations, thresholds)

    def _look_up_weights(self, run: PhaseRun, fill: int) -> Runs:
        needed, user, runs = run.phase.fills[fill], run.first_fill + fill, []
        block, mask = needed.block, needed.mask
        if block.in_envm:
            return [(written.home, written.bursts) for written in needed.rewritten]
        if (use := self._misses(run, needed.owner, block, WEIGHTS, user)) >= 0:
            runs.append((block.address, block.bursts))
            self._fetched[needed.image, READS[WEIGHTS]].append(use)
        if mask is not None and (use := self._misses(run, needed.view or SHARED, mask, WEIGHTS, user)) >= 0:
            runs.append((mask.address, mask.bursts))
            self._fetched[needed.mask_image, READS[WEIGHTS]].append(use)
        return runs

    def _look_up_thresholds(self, run: PhaseRun, job: int) -> Runs:
        runs: Runs = []
        for needed in run.phase.jobs[job].thresholds:
            block = needed.block
            if (use := self._misses(run, needed.task, block, THRESHOLDS, run.first_job + job)) >= 0:
                runs.append((block.address, block.bursts))
                self._fetched[needed.image, needed.tensor].append(use)
        return runs + [(written.block.home, written.block.bursts) for written in run.phase.jobs[job].rewritten]

    def _misses(self, run: PhaseRun, owner: str, block: ParameterBlock, kind: int, user: int) -> int:
        """Look up a block of parameters of *owner*; return the number of its use if it has to be fetched, else -1."""
        cache, address = self._caches[kind], block.address
        use = self._parameters.get(address)
        if use is None:
            use = self._parameters[address] = self._log.number(Use(READS[kind], owner, run.phase.record.layer, block))
        if cache.lookup(address, block.bursts * self._burst_words, kind, user, self._victims, use):
            return -1
        self._note(run, kind, use, [address])
        return use

    def _look_up_activations(self, run: PhaseRun, place: int) -> Runs:
        cache, number, runs = self._caches[ACTIVATIONS], run.first_pass + place, []
        for region, blocks in run.phase.lookups[place]:
            base, slot = region.address, region.slot
            use = self._uses.get(id(region)) or self._use(run, region)
            addresses, words = [base + slot * block for block in blocks], slot * self._burst_words
            missing = cache.lookup_all(addresses, words, ACTIVATIONS, number, self._victims, use)
            if missing:
                self._note(run, ACTIVATIONS, use, missing)
                bursts = region.bursts
                runs += [(address, bursts[(address - base) // slot]) for address in missing]
                region.fetched += missing
        return runs

    def _use(self, run: PhaseRun, region: ActivationRegion) -> int:
        """Return, for the first time in the current phase, the number of what it uses the blocks of *region* for."""
        use = Use(READS[ACTIVATIONS], self._tasks[region.image], run.phase.record.layer, region)
        number = self._uses[id(region)] = self._log.number(use)
        return number

    def _allocate_outputs(self, run: PhaseRun, job: int) -> None:
        """Give the blocks that a job completes their places; the job writes around what finds none."""
        cache, details, record = self._caches[ACTIVATIONS], run.phase.jobs[job], run.phase.record
        for region, blocks in details.outputs:
            addresses = [region.address + region.slot * block for block in blocks]
            number = self._log.number(Use("outputs", self._tasks[region.image], record.layer, region))
            words, user = region.slot * self._burst_words, run.first_job + job
            around = set(cache.allocate(addresses, words, user, self._victims, number))
            self._note(run, ACTIVATIONS, number, [])
            for address in addresses:
                if address in around:
                    details.writes.append(book_written(record, region, address))
                else:
                    book_allocated(record, region, address)

    def _note(self, run: PhaseRun, kind: int, use: int, missing: list[int]) -> None:
        """Note what missed and what left for it; what left dirty is written by the step that looks up."""
        cache, place = self._caches[kind], self._place[kind]
        if cache.dirty:
            for index in range(self._log.noted(place), len(cache.moved)):
                if (address := cache.moved[index]) in cache.dirty:
                    cache.dirty.remove(address)
                    region = self._log.use(cache.moved_uses[index]).block
                    assert isinstance(region, ActivationRegion)  # noqa: S101 - parameters are never dirty
                    cache.moved_uses[index] += 1
                    self._dirty.append(book_evicted(run.phase.record, region, address))
        self._log.moved(place, use, missing)

    def _book(self, run: PhaseRun) -> None:
        """Book what left DRAM and entered a cache in this phase, word for word."""
        record = run.phase.record
        for region in {id(region): region for lookups in run.phase.lookups for region, _ in lookups}.values():
            book_read(record, region.image, READS[ACTIVATIONS], "mask", region.take_fetched())
        for (image, tensor), fetched in self._fetched.items():
            blocks = [(self._log.use(use).block, times) for use, times in Counter(fetched).items()]
            words = [
                sum(getattr(block, name) * times for block, times in blocks)
                for name in ("values", "index", "norm", "bursts")
            ]
            book_read(record, image, tensor, "index", words)
        self._fetched.clear()
