"""Plain request traces of a run's DRAM traffic, and the machine's closed form on any such trace (``docs/dram.md``)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from itertools import groupby
from operator import itemgetter
from typing import TextIO

from mimesim.config.dram import Dram
from mimesim.config.standard import Standard
from mimesim.dram import REQUEST_BYTES, Report, Requests, Settings
from mimesim.machine.dram_device import DramDevice

__all__ = ["ClosedForm", "TraceWriter", "replay_closed_form"]

_TELL_EVERY = 1 << 12


class TraceWriter:
    """Writes granted requests to *file*, a line a burst of 64 bytes; the arrival is the clock of the grant.

    Not that of submission: the machine holds a request back until the queue has room, so the grant is when a controller
    hears of it.
    """

    def __init__(self, file: TextIO) -> None:
        self._file = file

    def __call__(self, clock: int, runs: list[tuple[int, int]], write: bool) -> None:
        """Write one request, a list of (first burst, bursts)."""
        what = "WRITE" if write else "READ"
        self._file.writelines(
            f"0x{burst * REQUEST_BYTES:x} {what} {clock}\n"
            for first, count in runs
            for burst in range(first, first + count)
        )


@dataclass(frozen=True)
class ClosedForm:
    """What the closed form makes of a trace; as in :class:`mimesim.dram.Report`."""

    clocks: int
    mean_latency_clocks: float
    max_latency_clocks: int
    row_hits: int
    row_hit_rate: float
    activates: int
    precharges: int
    refreshes: int

    def above(self, report: Report) -> dict[str, float | None]:
        """Return by how many percent each number lies above that of the controller in *report*; None: above nothing."""
        above: dict[str, float | None] = {}
        for name, value in asdict(self).items():
            theirs = getattr(report, name)
            above[name] = 100.0 * (value - theirs) / theirs if theirs else None if value else 0.0
        return above

    def against(self, report: Report) -> dict[str, object]:
        """Return the numbers under their names, and ``above_percent``, for JSON."""
        return {**asdict(self), "above_percent": self.above(report)}


def replay_closed_form(
    requests: Requests,
    standard: Standard,
    map_name: str,
    settings: Settings,
    progress: Callable[[int], None] | None = None,
) -> ClosedForm:
    """Serve *requests* as the machine does: in order, what arrives together as one request, neighbours as one block.

    Of the *settings* only pages and refresh matter. *progress* hears how many requests have been served.
    """
    part = standard.model_dump()
    use = {"map": map_name, "page": settings.page, "refresh": settings.refresh}
    dram = Dram.model_validate({"standard": part, **use})
    device = DramDevice(dram, keep_ends=True)
    bursts = dram.organisation.bursts
    served = latency_sum = latency_max = tellings = clocks = 0
    for arrival, write, runs in _grouped(requests, bursts):
        device.ends.clear()
        clocks = max(clocks, device.serve(arrival, runs, write))
        latency_sum += sum(device.ends) - arrival * len(device.ends)
        latency_max = max(latency_max, max(device.ends) - arrival)
        served += len(device.ends)
        if progress is not None and served // _TELL_EVERY > tellings:
            tellings = served // _TELL_EVERY
            progress(served)
    device.settle(clocks)
    return ClosedForm(
        clocks=clocks,
        mean_latency_clocks=latency_sum / served,
        max_latency_clocks=latency_max,
        row_hits=device.row_hits,
        row_hit_rate=device.row_hits / served,
        activates=device.activates,
        precharges=device.precharges,
        refreshes=device.refreshes,
    )


def _grouped(requests: Requests, bursts: int) -> Iterator[tuple[int, bool, list[tuple[int, int]]]]:
    """Yield (arrival, whether a write, runs) of what came together; addresses beyond *bursts* are wrapped."""
    blocks = (requests.address // REQUEST_BYTES).tolist()
    lines = zip(requests.arrival.tolist(), requests.write.tolist(), blocks, strict=True)
    for (arrival, write), together in groupby(lines, key=itemgetter(0, 1)):
        runs: list[tuple[int, int]] = []
        for _, _, block in together:
            first = block % bursts
            if runs and sum(runs[-1]) == first:
                runs[-1] = (runs[-1][0], runs[-1][1] + 1)
            else:
                runs.append((first, 1))
        yield arrival, write, runs
