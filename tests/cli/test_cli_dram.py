"""``mimesim dram``: what it prints, and how it refuses."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from tests.cli.conftest import Mimesim
from tests.shown import WARNINGS

#: The package has the command under the same name.
module = import_module("mimesim.cli.dram")

EXAMPLE = "workloads/dram/example.trace"


def test_it_prints_what_was_asked_for(mimesim: Mimesim) -> None:
    done = mimesim("dram", "--standard", "DDR3-1600", EXAMPLE)
    assert (done.returncode, done.stderr) == (0, "")
    shown = {line[:17].strip(): line[17:] for line in done.stdout.splitlines()}
    told = json.loads(mimesim("dram", "--standard", "DDR3-1600", "--json", EXAMPLE).stdout)
    assert shown["clocks"].startswith(f"{told['clocks']:,} ({told['nanoseconds'] / 1000:,.3f} us)")
    assert shown["maximum latency"] == f"{told['max_latency_clocks']:,} clocks"
    assert shown["requests"] == f"256 ({told['reads']} reads, {told['writes']} writes)"
    for name in ("activates", "precharges", "refreshes"):
        assert shown[name] == f"{told[name]:,}"
    assert told["row_hits"] + told["activates"] >= told["requests"] - told["forwarded"]
    assert set(told["energy_pj"]) == {"ACT", "RD", "WR", "REF", "background"}


def test_every_option_reaches_the_controller(mimesim_here: Mimesim) -> None:
    def told(*options: str) -> dict[str, float]:
        done = mimesim_here("dram", "--standard", "DDR3-1600", "--json", *options, EXAMPLE)
        assert (done.returncode, done.stderr) == (0, "")
        counts: dict[str, float] = json.loads(done.stdout)
        return counts

    plain = told()
    for options in (
        ("--ranks", "2"),
        ("--channels", "2"),
        ("--map", "RoCoRaBaBgCh"),
        ("--queue", "2"),
        ("--queue", "2", "--bank-queue", "1"),
        ("--scheduler", "fcfs"),
        ("--hit-limit", "1"),
        ("--write-high", "2", "--write-low", "0"),
        ("--refresh-interval", "500"),
        ("--set", "timing.t_rcd=14"),
    ):
        assert told(*options)["clocks"] != plain["clocks"], options
    assert told("--page", "closed")["row_hits"] == 0
    assert (
        told("--refresh-interval", "500")["refreshes"] > told("--refresh-interval", "500", "--no-refresh")["refreshes"]
    )


def test_the_closed_form_stands_beside_the_controller(mimesim: Mimesim) -> None:
    done = mimesim("dram", "--standard", "DDR3-1600", "--closed-form", EXAMPLE)
    assert (done.returncode, done.stderr) == (0, "")
    told = json.loads(mimesim("dram", "--standard", "DDR3-1600", "--closed-form", "--json", EXAMPLE).stdout)
    closed = told["closed_form"]
    line = next(line for line in done.stdout.splitlines() if line.startswith("clocks    ") and line.endswith("%"))
    above = 100 * (closed["clocks"] / told["clocks"] - 1)
    assert line.split()[1:4] == [f"{told['clocks']:,}", f"{closed['clocks']:,}", f"{above:+.2f}"]
    assert closed["above_percent"]["clocks"] == pytest.approx(above)


def test_a_runs_requests_are_a_trace(mimesim: Mimesim, folder: Path) -> None:
    done = mimesim("run", "tiny", "--out", "results", "--dram-trace", "requests/tiny", "--quiet")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert {path.name for path in (folder / "requests" / "tiny").iterdir()} == {
        f"case-{number}.trace" for number in (1, 2, 3)
    }
    told = json.loads(mimesim("dram", "--standard", "DDR3", "--json", "requests/tiny/case-3.trace").stdout)
    assert told["requests"] > 1000


def test_a_trace_from_stdin(folder: Path) -> None:
    command = [sys.executable, "-m", "mimesim", "dram", "--standard", "DDR4-2400", "--json", "-"]
    environment = os.environ | {"PYTHONWARNINGS": WARNINGS}
    done = subprocess.run(
        command, cwd=folder, env=environment, input="0x0 READ 0\n", text=True, capture_output=True, check=True
    )
    told = json.loads(done.stdout)
    assert (told["clocks"], told["mean_latency_clocks"]) == (17 + 17 + 4, 17 + 17 + 4)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("nowhere.trace", "nowhere.trace: there is no such file; '-' reads stdin"),
        ("bad.trace", "bad.trace:2: '0x40 LOAD 3': must read 0x<address> READ|WRITE <arrival clock>"),
        (f"--standard DDR9 {EXAMPLE}", "--standard: 'DDR9': there is no such standard; "),
        (f"--ranks 3 {EXAMPLE}", "--ranks 3: organisation.ranks = 3: must be a power of two"),
        (f"--queue 0 {EXAMPLE}", "--queue: 0: must be at least 1"),
        (f"--map RoCo {EXAMPLE}", "--map: 'RoCo': must name each of Ro, Ra, Bg, Ba, Co, Ch once"),
        (f"--page half {EXAMPLE}", "Invalid value for '--page'"),
        (f"--write-high 3 --write-low 5 {EXAMPLE}", "--write-high: 3: must be more than --write-low (here 5"),
        (f"--refresh-interval 9 {EXAMPLE}", "--refresh-interval 9: timing.t_refi = 9: must be more than 437"),
        (f"--set timing.t_cl {EXAMPLE}", "--set timing.t_cl: must have the form key=value"),
    ],
)
def test_a_mistake_gives_one_line(mimesim_here: Mimesim, folder: Path, options: str, message: str) -> None:
    (folder / "bad.trace").write_text("0x0 READ 0\n0x40 LOAD 3\n")
    done = mimesim_here("dram", *options.split())
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"error: {message}")
    assert done.stderr.count("\n") == 1


def test_a_terminal_is_told_after_two_seconds(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    clock = iter((0.0, 1.9, 2.1))
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setattr(module.time, "monotonic", lambda: next(clock))
    with module._progress(400) as tell:
        assert tell is not None
        tell(100)
        assert capsys.readouterr().err == ""
        tell(200)
        shown = capsys.readouterr().err
    assert shown == "200 of 400 requests (50%)\r"
    assert capsys.readouterr().err == " " * (len(shown) - 1) + "\r"
