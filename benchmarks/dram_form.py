"""How far the machine's DRAM in closed form lies from the controller that serves requests one by one.

``python -m benchmarks.dram_form`` replays what small layers ask of DRAM, on every shipped standard, on both, and prints
the table of ``docs/dram.md``. Traces are those of ``mimesim run --dram-trace``; controller and closed form are those of
``mimesim dram --closed-form``, with the defaults of both.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

from mimesim.config import load_workload
from mimesim.config.shipped import shipped_standards
from mimesim.config.standard import DEFAULT_MAP, Standard
from mimesim.dram import Requests, Settings, load_standard, read_requests, replay
from mimesim.machine import replay_closed_form
from mimesim.recordings import Recordings
from mimesim.simulation import run_workload

__all__ = ["SHOWN", "compared", "differences", "requests_of", "table"]

#: Workload, further settings, layers of it; None: the whole run.
_RUNS: tuple[tuple[str, tuple[str, ...], tuple[str | None, ...]], ...] = (
    ("tiny", (), (None,)),
    ("vgg16", ("cases=[{name: case-3, scheme: mime, trace: mime}]",), ("conv7", "conv12")),
)
SHOWN = ("clocks", "mean_latency_clocks", "row_hits", "activates", "refreshes")


def requests_of(name: str, settings: tuple[str, ...], layers: tuple[str | None, ...]) -> Iterator[tuple[str, Requests]]:
    """Yield what each case of a workload, or layers of it, ask of DRAM, from clock 0 on."""
    workload = load_workload(name, settings)
    with tempfile.TemporaryDirectory() as folder:
        results = run_workload(workload, "pipelined", jobs=1, recordings=Recordings(Path(folder)))
        for result in results:
            whole = read_requests(str(Path(folder, f"{result.case}.trace")))
            ratio = result.hardware.dram.clock_mhz / result.hardware.clock_mhz
            for layer in layers:
                label = f"{name}, {result.case}"
                if layer is None:
                    yield label, whole
                    continue
                (phase,) = (phase for phase in result.ledger.phases if phase.layer == layer)
                begin, end = phase.start_cycle * ratio, phase.end_cycle * ratio
                mine = (whole.arrival >= begin) & (whole.arrival < end)
                shifted = whole.arrival[mine] - int(whole.arrival[mine][0])
                yield f"{label}, {layer}", Requests(whole.address[mine], whole.write[mine], shifted)


def compared(standard: str) -> Iterator[tuple[str, int, list[float | None]]]:
    """Yield what was replayed, its requests, and percent by which the closed form lies above the controller.

    First as the run asked, then the clocks if everything is asked at clock 0.
    """
    part = load_standard(standard)
    for name, settings, layers in _RUNS:
        for label, requests in requests_of(name, (f"hardware.dram.standard={standard}", *settings), layers):
            yield label, len(requests), differences(part, requests)


def differences(part: Standard, requests: Requests) -> list[float | None]:
    """Return the percent that :func:`compared` yields, of one trace."""
    saturated = Requests(requests.address, requests.write, requests.arrival * 0)
    asked, at_once = (
        replay_closed_form(each, part, DEFAULT_MAP, Settings()).above(replay(each, part, DEFAULT_MAP))
        for each in (requests, saturated)
    )
    return [*(asked[key] for key in SHOWN), at_once["clocks"]]


def table() -> Iterator[str]:
    """Yield the lines of the table in Markdown."""
    yield "| standard | requests of | lines | clocks | latency | row hits | activates | refreshes | clocks, saturated |"
    yield "|---|---|---|---|---|---|---|---|---|"
    for standard in shipped_standards():
        for label, count, values in compared(standard):
            cells = ["" if value is None else f"{value:+.1f} %" for value in values]
            yield f"| {standard} | {label} | {count:,} | {' | '.join(cells)} |"


if __name__ == "__main__":
    for line in table():
        print(line, flush=True)
