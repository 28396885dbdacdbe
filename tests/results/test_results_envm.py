"""The columns of the summary about on-chip non-volatile memory, by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mimesim.config import Hardware
from mimesim.ledger import CaseLedger, EnvmUse, PhaseRecord
from mimesim.results.envm import ENVM_SUMS, envm_sums
from mimesim.simulation import CaseResult, ReplayedImage
from tests.replays import CASES, run_tiny


@pytest.fixture(scope="module")
def result() -> CaseResult:
    return run_tiny(*CASES[0], "singular")


def test_area_and_wear(result: CaseResult) -> None:
    given = {"technology": "rram", "bits_per_cell": 2, "endurance": 1000, "mm2_per_mib": 0.5, "switches_per_second": 10}
    ledger = CaseLedger(phases=[PhaseRecord(0, "conv1", "conv", (0,))])
    ledger.phases[0].row(0).book("envm", "weights", "write", 30)
    ledger.phases[0].row(0).book("envm", "norm", "write", 12)
    ledger.phases[0].row(0).book("envm", "weights", "read", 99)
    ledger.envm = EnvmUse(words=2**20, rewrites=8, most_writes=6, write_cycles=77)
    images = tuple(ReplayedImage(i, 0, task, 0, 0) for i, task in enumerate(("a", "a", "b", "a")))
    cells = envm_sums(replace(result, hardware=Hardware.model_validate({"envm": given}), ledger=ledger, images=images))
    assert cells["envm_words"] == 2**20
    # 2 MiB of words in cells of two bits: the area of 1 MiB.
    assert cells["envm_mm2"] == 0.5
    assert (cells["envm_words_written"], cells["envm_write_cycles"], cells["envm_most_writes"]) == (42, 77, 6)
    # Three turns, in which a cell was written six times: 1,000 writes last for 500 switches, ten a second.
    assert (cells["task_switches"], cells["envm_lifetime_switches"]) == (3, 500)
    assert cells["envm_lifetime_years"] == pytest.approx(50 / (365.25 * 86400))


def test_what_is_not_known_is_empty(result: CaseResult) -> None:
    assert [cell for name, cell in envm_sums(result).items() if name != "task_switches"] == [None] * (
        len(ENVM_SUMS) - 1
    )
    given = {"technology": "sram", "mm2_per_mib": None}
    ledger = CaseLedger(envm=EnvmUse(words=10, most_writes=3))
    cells = envm_sums(replace(result, hardware=Hardware.model_validate({"envm": given}), ledger=ledger))
    # SRAM does not wear.
    assert (cells["envm_mm2"], cells["envm_lifetime_switches"], cells["envm_lifetime_years"]) == (None, None, None)
