"""The controller: looks up what each pass needs, ahead of the PE grid (``docs/machine.md``, section 6.1)."""

from __future__ import annotations

from collections.abc import Generator

from simpy import Event

from mimesim.config.hardware import Caches, Hardware
from mimesim.ledger import Residents
from mimesim.machine.cache import Cache, Victims, no_victims
from mimesim.machine.clock import Clock
from mimesim.machine.dram import Dram, Runs
from mimesim.machine.kinds import ACTIVATIONS, READS, THRESHOLDS, WEIGHTS
from mimesim.machine.stream import PassStream, PhaseRun
from mimesim.schedule.memory_map import ParameterBlock
from mimesim.schedule.program import Phase

__all__ = ["Controller", "make_caches"]


def make_caches(config: Caches, word_bits: int) -> list[Cache]:
    """Return the cache of each kind; a unified cache is one object for all of them."""
    pin = config.policy == "pin"

    def cache(kib: float) -> Cache:
        return Cache(int(kib * 1024 * 8) // word_bits, pin=pin)

    if config.organisation == "unified":
        return [cache(config.unified_kib)] * len(READS)
    return [cache(kib) for kib in (config.weights_kib, config.activations_kib, config.thresholds_kib)]


_NOTHING = (0, 0, 0, 0)


class Controller:
    """Walks all passes in program order, one lookup step each, and asks DRAM for what is missing.

    Ports: the three caches' tags, three request streams into DRAM. Latency: ``caches.lookup_cycles`` a step. Books:
    words and bursts read from DRAM and filled into the caches. Promises: never more than ``prefetch_passes`` ahead of
    the grid, never evicts what is still in use, and looks up in program order whatever the timing.
    """

    def __init__(
        self, environment: Clock, hardware: Hardware, stream: PassStream, dram: Dram, residents: Residents = ()
    ) -> None:
        self._environment = environment
        self._stream = stream
        self._dram = dram
        self._burst_words = hardware.burst_words
        self._ahead = hardware.prefetch_passes
        self._cycles = hardware.caches.lookup_cycles
        self._caches = make_caches(hardware.caches, hardware.word_bits)
        for cache, blocks in zip(dict.fromkeys(self._caches), residents, strict=False):
            cache.hold(blocks)
        self._requests = [0] * len(READS)
        #: What the current phase fetched: (image, kind) to values, bitmap or index, norm, bursts.
        self._fetched: dict[tuple[int, int], list[int]] = {}
        self.busy_cycles = 0
        environment.process(self._run())

    def residents(self) -> Residents:
        """Return the blocks of parameters in each cache; a unified cache is one."""
        return tuple(cache.held((WEIGHTS, THRESHOLDS)) for cache in dict.fromkeys(self._caches))

    def _run(self) -> Generator[Event, None, None]:
        number = 0
        while (run := self._stream.phase(number)) is not None:
            yield from self._walk(run)
            number += 1

    def _walk(self, run: PhaseRun) -> Generator[Event, None, None]:
        stream, phase = self._stream, run.phase
        passes_done = stream.passes_done
        fill, job, scope = -1, 0, -1
        for place, fill_needed in enumerate(phase.fill):
            number = run.first_pass + place
            if passes_done.value <= number - self._ahead:
                yield passes_done.until(number - self._ahead + 1)
            if phase.scope[place] != scope:
                scope = phase.scope[place]
                for cache in self._caches:
                    # Scopes of all phases are numbered apart.
                    cache.enter((run.number << 32) + scope, run.number)
            victims = no_victims()
            requests: list[Runs] = [[], [], []]
            filling = fill_needed != fill
            if filling:
                fill = fill_needed
                self._look_up_weights(run, fill, victims, requests[WEIGHTS])
            if place == 0:
                if filling:
                    # The weights come while the previous phase drains; its outputs cannot be read before it ends.
                    yield from self._step(victims, requests)
                    run.fill_data.append(self._requests[WEIGHTS])
                    stream.fills_looked_up.advance()
                    victims, requests, filling = no_victims(), [[], [], []], False
                if stream.phases_done.value < run.number:
                    yield stream.phases_done.until(run.number)
            self._look_up_activations(run, place, victims, requests[ACTIVATIONS])
            draining = job < len(phase.jobs) and phase.jobs[job].after == place
            if draining:
                self._look_up_thresholds(run, job, victims, requests[THRESHOLDS])
                job += 1
            yield from self._step(victims, requests)
            if filling:
                run.fill_data.append(self._requests[WEIGHTS])
                stream.fills_looked_up.advance()
            if draining:
                run.job_data.append(self._requests[THRESHOLDS])
            run.pass_data.append(self._requests[ACTIVATIONS])
            stream.passes_looked_up.advance()
        self._book(phase)

    def _step(self, victims: Victims, requests: list[Runs]) -> Generator[Event, None, None]:
        """Wait until what must leave may leave, look up, and submit what missed."""
        stream = self._stream
        if victims[WEIGHTS] >= stream.fills_done.value:
            yield stream.fills_done.until(victims[WEIGHTS] + 1)
        if victims[ACTIVATIONS] >= stream.passes_done.value:
            yield stream.passes_done.until(victims[ACTIVATIONS] + 1)
        if victims[THRESHOLDS] >= stream.jobs_done.value:
            yield stream.jobs_done.until(victims[THRESHOLDS] + 1)
        yield self._environment.timeout(self._cycles)
        self.busy_cycles += self._cycles
        for kind, runs in enumerate(requests):
            if runs:
                self._requests[kind] += 1
                self._dram.submit(kind, runs)

    def _look_up_weights(self, run: PhaseRun, fill: int, victims: Victims, runs: Runs) -> None:
        needed = run.phase.fills[fill]
        if not self._find(needed.block, WEIGHTS, run.first_fill + fill, victims):
            runs.append((needed.block.address, needed.block.bursts))
            self._count(needed.image, WEIGHTS, needed.block)

    def _look_up_thresholds(self, run: PhaseRun, job: int, victims: Victims, runs: Runs) -> None:
        for use in run.phase.jobs[job].thresholds:
            if not self._find(use.block, THRESHOLDS, run.first_job + job, victims):
                runs.append((use.block.address, use.block.bursts))
                self._count(use.image, THRESHOLDS, use.block)

    def _look_up_activations(self, run: PhaseRun, place: int, victims: Victims, runs: Runs) -> None:
        cache, number = self._caches[ACTIVATIONS], run.first_pass + place
        for region, blocks in run.phase.lookups[place]:
            base, slot = region.address, region.slot
            addresses = [base + slot * block for block in blocks]
            missing = cache.lookup_all(addresses, slot * self._burst_words, ACTIVATIONS, number, victims)
            if missing:
                bursts = region.bursts
                runs += [(address, bursts[(address - base) // slot]) for address in missing]
                region.fetched += missing

    def _find(self, block: ParameterBlock, kind: int, user: int, victims: Victims) -> bool:
        return self._caches[kind].lookup(block.address, block.bursts * self._burst_words, kind, user, victims)

    def _count(self, image: int, kind: int, block: ParameterBlock) -> None:
        sums = self._fetched.setdefault((image, kind), [0, 0, 0, 0])
        sums[0] += block.values
        sums[1] += block.index
        sums[2] += block.norm
        sums[3] += block.bursts

    def _book(self, phase: Phase) -> None:
        """Book what left DRAM and entered a cache in this phase, word for word."""
        for region in {id(region): region for lookups in phase.lookups for region, _ in lookups}.values():
            self._fetched[region.image, ACTIVATIONS] = [
                total + more
                for total, more in zip(
                    self._fetched.get((region.image, ACTIVATIONS), _NOTHING), region.take_fetched(), strict=True
                )
            ]
        for (image, kind), (values, index, norm, bursts) in self._fetched.items():
            row = phase.record.row(image)
            for tensor, words in (
                (READS[kind], values),
                ("mask" if kind == ACTIVATIONS else "index", index),
                ("norm", norm),
            ):
                row.book("dram", tensor, "read", words)
                row.book("cache", tensor, "write", words)
            row.bursts["dram", READS[kind], "read"] += bursts
        self._fetched.clear()
