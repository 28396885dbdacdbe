"""Long loops say how far they are; short ones, and loops that were left, say nothing."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from mimesim.training.recording import patience
from mimesim.training.recording.patience import patiently


class Clock:
    """A second goes by whenever someone looks."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        self.now += 1.0
        return self.now


def test_a_short_loop_is_silent(capfd: pytest.CaptureFixture[str]) -> None:
    assert list(patiently([1, 2, 3], "counting")) == [1, 2, 3]
    assert capfd.readouterr() == ("", "")


def test_a_long_loop_says_how_far_it_is(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "time", Clock())
    assert sum(patiently(range(20), "counting")) == 190
    out, err = capfd.readouterr()
    assert out == ""
    assert err == "counting: 1/20, 38 s left\ncounting: 11/20, 10 s left\n"


def test_a_terminal_shows_a_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "time", Clock())
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=True, width=100)
    for number in patiently(range(5), "counting", console):
        if number == 4:
            break
    assert "counting" in stream.getvalue()
