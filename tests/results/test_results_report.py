"""The summary that is printed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from rich.console import Console

from mimesim.results import all_violations, render_summary
from mimesim.simulation import CaseResult
from tests.replays import Settings


def printed(results: list[CaseResult]) -> str:
    console = Console(width=160)
    with console.capture() as capture:
        console.print(render_summary(results, Settings(), Path("out/tiny")))
    return capture.get()


def test_a_line_per_case_and_the_files(results: list[CaseResult]) -> None:
    text = printed([replace(results[0], title="Case-1: [dense]"), *results[1:]])
    assert "tiny, pipelined" in text
    assert "Case-1: [dense]" in text, "a title is no markup"
    assert "1.00x" in text
    assert "skipping" in text
    assert "balanced: every conservation law holds" in text
    assert "pandas.read_csv('out/tiny/layers.csv')" in text


def test_what_is_out_of_balance_is_said(results: list[CaseResult]) -> None:
    broken = [replace(results[0], violations=tuple(f"law {n}" for n in range(7)))]
    assert all_violations(broken, Settings())[0] == "case dense: law 0"
    text = printed(broken)
    assert "NOT BALANCED: 7 conservation laws are broken" in text
    assert "case dense: law 4" in text
    assert "law 5" not in text
    assert "... and 2 more in run.json" in text
