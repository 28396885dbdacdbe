"""The summary that is printed."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from mimesim.config.envm import Envm
from mimesim.ledger import EnvmUse
from mimesim.results import all_violations, render_summary
from mimesim.results.envm import envm_sums
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


def test_what_lies_in_non_volatile_memory(results: list[CaseResult]) -> None:
    assert "eNVM" not in printed(results)
    with_array = results[0].hardware.model_copy(update={"envm": Envm.model_validate("rram")})
    ledger = replace(results[0].ledger, envm=EnvmUse(words=2**19, rewrites=2, most_writes=4, write_cycles=5_000))
    phase = replace(ledger.phases[0], rows={**ledger.phases[0].rows, 0: replace(ledger.phases[0].rows[0])})
    phase.rows[0].words = phase.rows[0].words + Counter({("envm", "weights", "write"): 3_000})
    ledger.phases = [phase, *ledger.phases[1:]]
    kept = replace(results[0], hardware=with_array, ledger=replace(ledger, phases=results[0].ledger.phases))
    assert "dense: 0.524 Mwords in eNVM on 0.247 mm2, none rewritten" in printed([kept])
    switches = envm_sums(kept)["task_switches"]
    text = printed([replace(kept, ledger=ledger)])
    assert "0.003 rewritten in 0.005 Mcycles, 4 times at most" in text
    assert f"worn after {1e4 * switches / 4:.3g} switches" in text
