"""The controller: looks up what each pass needs, ahead of the PE grid (``docs/machine.md``, section 6.1)."""

from __future__ import annotations

from collections.abc import Generator

from simpy import Event

from mimesim.config.hardware import Caches, Hardware
from mimesim.ledger import ImageRow
from mimesim.machine.cache import Cache, Kind, Victims
from mimesim.machine.clock import Clock
from mimesim.machine.dram import Dram
from mimesim.machine.stream import PassStream, PhaseRun
from mimesim.schedule.memory_map import ParameterBlock

__all__ = ["Controller", "make_caches"]

_WEIGHTS, _ACTIVATIONS, _THRESHOLDS = range(3)

Runs = list[tuple[int, int]]


def make_caches(config: Caches, word_bits: int) -> dict[Kind, Cache]:
    """Return the cache of each kind; a unified cache is one object under all three names."""
    pin = config.policy == "pin"

    def cache(kib: float) -> Cache:
        return Cache(int(kib * 1024 * 8) // word_bits, pin=pin)

    if config.organisation == "unified":
        one = cache(config.unified_kib)
        return {"weights": one, "activations": one, "thresholds": one}
    return {
        "weights": cache(config.weights_kib),
        "activations": cache(config.activations_kib),
        "thresholds": cache(config.thresholds_kib),
    }


class Controller:
    """Walks all passes in program order, one lookup step each, and asks DRAM for what is missing.

    Ports: the three caches' tags, three request streams into DRAM. Latency: ``caches.lookup_cycles`` a step. Books:
    words and bursts read from DRAM and filled into the caches. Promises: never more than ``prefetch_passes`` ahead of
    the grid, never evicts what is still in use, and looks up in program order whatever the timing.
    """

    def __init__(self, environment: Clock, hardware: Hardware, stream: PassStream, dram: Dram) -> None:
        self._environment = environment
        self._stream = stream
        self._dram = dram
        self._burst_words = hardware.burst_words
        self._ahead = hardware.prefetch_passes
        self._cycles = hardware.caches.lookup_cycles
        self._caches = make_caches(hardware.caches, hardware.word_bits)
        self._requests = [0, 0, 0]
        self.busy_cycles = 0
        environment.process(self._run())

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
                for cache in self._caches.values():
                    # Scopes of all phases are numbered apart.
                    cache.enter((run.number << 32) + scope, run.number)
            victims = Victims()
            requests: list[Runs] = [[], [], []]
            filling = fill_needed != fill
            if filling:
                fill = fill_needed
                self._look_up_weights(run, fill, victims, requests[_WEIGHTS])
            if place == 0:
                if filling:
                    # The weights come while the previous phase drains; its outputs cannot be read before it ends.
                    yield from self._step(victims, requests)
                    run.fill_data.append(self._requests[_WEIGHTS])
                    stream.fills_looked_up.advance()
                    victims, requests, filling = Victims(), [[], [], []], False
                if stream.phases_done.value < run.number:
                    yield stream.phases_done.until(run.number)
            self._look_up_activations(run, place, victims, requests[_ACTIVATIONS])
            draining = job < len(phase.jobs) and phase.jobs[job].after == place
            if draining:
                self._look_up_thresholds(run, job, victims, requests[_THRESHOLDS])
                job += 1
            yield from self._step(victims, requests)
            if filling:
                run.fill_data.append(self._requests[_WEIGHTS])
                stream.fills_looked_up.advance()
            if draining:
                run.job_data.append(self._requests[_THRESHOLDS])
            run.pass_data.append(self._requests[_ACTIVATIONS])
            stream.passes_looked_up.advance()

    def _step(self, victims: Victims, requests: list[Runs]) -> Generator[Event, None, None]:
        """Wait until what must leave may leave, look up, and submit what missed."""
        stream = self._stream
        if victims.weights >= stream.fills_done.value:
            yield stream.fills_done.until(victims.weights + 1)
        if victims.activations >= stream.passes_done.value:
            yield stream.passes_done.until(victims.activations + 1)
        if victims.thresholds >= stream.jobs_done.value:
            yield stream.jobs_done.until(victims.thresholds + 1)
        yield self._environment.timeout(self._cycles)
        self.busy_cycles += self._cycles
        for kind, runs in enumerate(requests):
            if runs:
                self._requests[kind] += 1
                self._dram.submit(kind, runs)

    def _look_up_weights(self, run: PhaseRun, fill: int, victims: Victims, runs: Runs) -> None:
        needed = run.phase.fills[fill]
        if not self._find(needed.block, "weights", run.first_fill + fill, victims):
            block = needed.block
            runs.append((block.address, block.bursts))
            row = run.phase.record.row(needed.image)
            for tensor, words in (("weights", block.values), ("index", block.index), ("norm", block.norm)):
                _book_fetch(row, tensor, words)
            row.bursts["dram", "weights", "read"] += block.bursts

    def _look_up_activations(self, run: PhaseRun, place: int, victims: Victims, runs: Runs) -> None:
        cache, number = self._caches["activations"], run.first_pass + place
        for region, addresses in run.phase.lookups[place]:
            base, slot, bursts = region.address, region.slot, region.bursts
            missing = cache.lookup_all(addresses, slot * self._burst_words, "activations", number, victims)
            if missing:
                found = [(address - base) // slot for address in missing]
                runs += [(address, bursts[i]) for address, i in zip(missing, found, strict=True)]
                row = run.phase.record.row(region.image)
                _book_fetch(row, "activations", sum([region.values[i] for i in found]))
                _book_fetch(row, "mask", sum([region.bitmap[i] for i in found]))
                row.bursts["dram", "activations", "read"] += sum([bursts[i] for i in found])

    def _look_up_thresholds(self, run: PhaseRun, job: int, victims: Victims, runs: Runs) -> None:
        for use in run.phase.jobs[job].thresholds:
            if not self._find(use.block, "thresholds", run.first_job + job, victims):
                runs.append((use.block.address, use.block.bursts))
                row = run.phase.record.row(use.image)
                _book_fetch(row, "thresholds", use.block.values)
                row.bursts["dram", "thresholds", "read"] += use.block.bursts

    def _find(self, block: ParameterBlock, kind: Kind, user: int, victims: Victims) -> bool:
        words = block.bursts * self._burst_words
        return self._caches[kind].lookup(block.address, words, kind, user, victims)


def _book_fetch(row: ImageRow, tensor: str, words: int) -> None:
    """Book what leaves DRAM and enters a cache, word for word."""
    row.book("dram", tensor, "read", words)
    row.book("cache", tensor, "write", words)
