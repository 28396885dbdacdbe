"""Request traces of a run, and the closed form on a trace beside the controller."""

from __future__ import annotations

from io import StringIO
from pathlib import Path

import pytest

from mimesim.config import load_workload
from mimesim.config.shipped import shipped_standards
from mimesim.dram import Requests, Settings, load_standard, read_requests, replay
from mimesim.errors import InputError
from mimesim.machine import TraceWriter, replay_closed_form
from mimesim.recordings import Recordings
from mimesim.simulation import run_workload

MAP = "RoRaBaCoBgCh"


def requests(folder: Path, text: str) -> Requests:
    (folder / "some.trace").write_text(text)
    return read_requests(str(folder / "some.trace"))


def test_a_request_is_a_line_a_burst_at_the_clock_of_its_grant() -> None:
    file = StringIO()
    TraceWriter(file)(12, [(4, 2), (1, 1)], write=False)
    TraceWriter(file)(15, [(16, 1)], write=True)

    assert file.getvalue() == "0x100 READ 12\n0x140 READ 12\n0x40 READ 12\n0x400 WRITE 15\n"


@pytest.mark.parametrize("standard", shipped_standards())
def test_the_closed_form_on_a_runs_trace_is_the_run(standard: str, tmp_path: Path) -> None:
    # But for refreshes: a trace does not tell one block from the next, so that they may come elsewhere.
    settings = [f"hardware.dram.standard={standard}", "hardware.dram.refresh=false"]
    recordings = Recordings(tmp_path / "requests")
    results = run_workload(load_workload("tiny", settings), "pipelined", jobs=1, recordings=recordings)
    for result in results:
        trace = read_requests(str(tmp_path / "requests" / f"{result.case}.trace"))
        ledger, dram = result.ledger, result.hardware.dram
        bursts = ledger.bursts()
        assert len(trace) == bursts.total()
        assert int(trace.write.sum()) == bursts["dram", "outputs", "write"]
        found = replay_closed_form(trace, load_standard(standard), MAP, Settings(refresh=False))
        # What a run does last is to write.
        assert -(-found.clocks * result.hardware.clock_mhz // dram.clock_mhz) == ledger.cycles
        assert found.activates == ledger.dram_events["activates"]
        assert found.row_hits == ledger.dram_events["row_hits"]
        assert found.precharges == ledger.dram_events["precharges"]


@pytest.mark.parametrize("standard", shipped_standards())
def test_one_at_a_time_the_closed_form_is_the_controller(standard: str, tmp_path: Path) -> None:
    part = load_standard(standard, ["organisation.ranks=2", "organisation.channels=2"])
    trace = requests(
        tmp_path,
        "".join(f"0x{(n * 7919 * 4096) % 2**29:x} {'WRITE' if n % 3 else 'READ'} {n * 400}\n" for n in range(60)),
    )
    settings = Settings(refresh=False)
    controller, closed = replay(trace, part, MAP, settings), replay_closed_form(trace, part, MAP, settings)
    for name in ("clocks", "mean_latency_clocks", "max_latency_clocks", "row_hits", "activates", "precharges"):
        assert getattr(closed, name) == getattr(controller, name), name


def test_latencies_by_hand(tmp_path: Path) -> None:
    # DDR3-1600, two bursts together, 11 + 11 + 4 and 4 more; then a write to the open row: 8 + 4.
    part = load_standard("DDR3-1600")
    closed = replay_closed_form(requests(tmp_path, "0x0 READ 0\n0x40 READ 0\n0x80 WRITE 100\n"), part, MAP, Settings())
    assert (closed.clocks, closed.max_latency_clocks, closed.mean_latency_clocks) == (112, 30, (26 + 30 + 12) / 3)
    assert (closed.row_hits, closed.activates, closed.refreshes) == (2, 1, 0)


def test_the_differences_are_told_in_percent(tmp_path: Path) -> None:
    # Three rows of one bank in turn: the controller takes the hit first, the closed form has to close the row twice.
    part = load_standard("DDR3-1600")
    trace = requests(tmp_path, "0x0 READ 0\n0x10000 READ 0\n0x40 READ 0\n")
    controller = replay(trace, part, MAP, Settings())
    closed = replay_closed_form(trace, part, MAP, Settings())
    assert (controller.activates, closed.activates) == (2, 3)
    above = closed.above(controller)
    assert (above["activates"], above["row_hits"], above["refreshes"]) == (50.0, -100.0, 0.0)


def test_addresses_beyond_the_capacity_wrap(tmp_path: Path) -> None:
    part = load_standard("HBM2")
    near, far = requests(tmp_path, "0x40 READ 0\n"), requests(tmp_path, "0x20000040 READ 0\n")
    assert replay_closed_form(near, part, MAP, Settings()) == replay_closed_form(far, part, MAP, Settings())


def test_a_trace_takes_bursts_of_64_bytes(tmp_path: Path) -> None:
    small = load_workload("tiny", ["hardware.dram.organisation.bus_bits=32"])
    with pytest.raises(InputError, match="a line of a request trace is one burst of 64 bytes, not of 32"):
        run_workload(small, "pipelined", jobs=1, recordings=Recordings(tmp_path))


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    with pytest.raises(InputError, match="taken: cannot hold request traces"):
        run_workload(load_workload("tiny"), "pipelined", jobs=1, recordings=Recordings(tmp_path / "taken"))


def test_what_dram_cannot_hold_is_refused() -> None:
    small = load_workload("tiny", ["hardware.dram.organisation.rows=1"])
    with pytest.raises(
        InputError, match=r"hardware\.dram\.organisation\.rows = 1: case 'case-1': the case stores \d+ b"
    ):
        run_workload(small, "pipelined", jobs=1)
