"""The banks of the caches (section 6.1), cycle by cycle."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from mimesim.config.hardware import Hardware
from mimesim.errors import InputError

from .storage import ceil_div

__all__ = ["Banks", "Stream"]

#: By priority: the stream, the cache it uses, whether it writes and the network that carries it.
STREAMS = (
    ("fill", "", True, "fill_words_per_cycle"),
    ("pe_grid", "activations", False, "activation_words_per_cycle"),
    ("noc", "weights", False, "weight_words_per_cycle"),
    ("cmp", "thresholds", False, "threshold_words_per_cycle"),
    ("outputs", "activations", True, "output_words_per_cycle"),
)


@dataclass
class Stream:
    """What is left of a stream; *done* is the first cycle after its last one, None until that is known."""

    name: str
    cycles: int
    done: int | None = None


class Banks:
    """All caches; *fills* are the cycles [first, end) in which a cache is filled."""

    def __init__(self, hardware: Hardware) -> None:
        self.hardware = hardware
        self.unified = hardware.caches.organisation == "unified"
        self.fills: list[tuple[str, int, int]] = []
        self.active: list[Stream] = []
        self.lost: Counter[tuple[str, str]] = Counter()
        words = hardware.caches.bank_words
        self.needed = {name: ceil_div(getattr(hardware.noc, network), words) for name, _, _, network in STREAMS}
        if hardware.caches.banks is not None:
            for name, *_ in STREAMS:
                if name == "outputs" and hardware.caches.write_policy != "write_back":
                    continue
                if self.needed[name] > self._available():
                    raise InputError("caches", f"{name} needs {self.needed[name]} banks, there are {self._available()}")

    def start(self, name: str, cycles: int, cycle: int) -> Stream:
        stream = Stream(name, cycles)
        if cycles == 0 or self.hardware.caches.banks is None:
            stream.done = cycle + cycles
        else:
            self.active.append(stream)
        return stream

    def step(self, cycle: int) -> None:
        """Serve the streams of one cycle."""
        if not self.active:
            return
        self.fills = [fill for fill in self.fills if fill[2] > cycle]
        for cache in ("unified",) if self.unified else ("weights", "activations", "thresholds"):
            reading = writing = 0
            for name, usual, write, _ in STREAMS:
                needed = self.needed[name]
                if name == "fill":
                    if any(port == cache and first <= cycle < end for port, first, end in self.fills):
                        writing += needed
                    continue
                for stream in list(self.active):
                    if stream.name != name or (usual != cache and not self.unified):
                        continue
                    before = reading + writing
                    if self.hardware.caches.ports == 2:
                        before = writing if write else reading
                    if before + needed > self._available():
                        self.lost[cache, name] += 1
                        continue
                    if write:
                        writing += needed
                    else:
                        reading += needed
                    stream.cycles -= 1
                    if stream.cycles == 0:
                        stream.done = cycle + 1
                        self.active.remove(stream)

    def next_end(self, cycle: int) -> int | None:
        return cycle + 1 if self.active else None

    def _available(self) -> int:
        banks = self.hardware.caches.banks
        assert banks is not None
        return 3 * banks if self.unified else banks
