"""DRAM energy by command: worked by hand from the currents, and parts that add up to totals in whole runs."""

from __future__ import annotations

from collections import Counter

import pytest

from mimesim.config import Hardware, load_workload
from mimesim.config.energy import Energy
from mimesim.config.shipped import shipped_standards
from mimesim.conservation import energy_violations
from mimesim.energy import CaseEnergy, PriceList
from mimesim.errors import InputError
from mimesim.ledger import SHARED_IMAGE, CaseLedger, ImageRow, PeCycles, PhaseRecord
from mimesim.simulation import run_workload

PER_COMMAND = ["energy.prices=ddr3-65nm-pj", "energy.dram=per_command"]


def by_hand() -> CaseLedger:
    row = ImageRow(busy_cycles=100)
    row.book("dram", "weights", "read", 40)
    row.book("dram", "outputs", "write", 20)
    row.bursts["dram", "weights", "read"] = 2
    row.bursts["dram", "outputs", "write"] = 1
    counts = {"activates": 2, "refreshes": 1, "active_clocks": 150}
    # 100 cycles at 200 MHz are 400 clocks at 800 MHz.
    commands = Counter(counts | {"clocks": 400})
    phase = PhaseRecord(0, "conv1", "conv", (0,), 0, 100, rows={0: row}, pe=PeCycles(), commands=commands)
    return CaseLedger(cycles=100, phases=[phase], dram_events=Counter(counts))


@pytest.mark.parametrize("accounting", ["paper", "full"])
def test_commands_by_hand(accounting: str) -> None:
    # A mA of DDR3-1600 is worth 1.5 V x 1.25 ns x 8 devices = 15 pJ a clock (docs/energy.md).
    energy = Energy.model_validate({"accounting": accounting, "prices": "ddr3-65nm-pj", "dram": "per_command"})
    ledger = by_hand()
    prices = PriceList(energy.prices, energy.accounting, Hardware(), energy.dram)
    rows = {row.image: row.quanta for row in CaseEnergy(ledger, prices).rows}
    found = {
        (image, tensor): prices.energy(quanta)
        for image, priced in rows.items()
        for (level, tensor, _), quanta in priced.items()
        if level == "dram"
    }
    assert found == {
        (0, "weights"): 2 * (157 - 38) * 4 * 15,
        (0, "outputs"): (125 - 38) * 4 * 15,
        (SHARED_IMAGE, "activate"): 2 * (55 * 39 - 38 * 28 - 32 * 11) * 15,
        (SHARED_IMAGE, "refresh"): (235 - 32) * 208 * 15,
        (SHARED_IMAGE, "background"): (150 * 38 + 250 * 32) * 15,
    }
    assert found[0, "weights"] == 14_280
    assert energy_violations(ledger, energy, Hardware()) == []


def test_a_command_that_no_phase_has_is_found() -> None:
    ledger = by_hand()
    ledger.dram_events["activates"] += 1
    energy = Energy.model_validate({"prices": "ddr3-65nm-pj", "dram": "per_command"})
    assert "the parts sum to" in energy_violations(ledger, energy, Hardware())[0]


@pytest.mark.parametrize("standard", shipped_standards())
def test_parts_add_up_in_runs_of_every_standard(standard: str) -> None:
    workload = load_workload("tiny", [f"hardware.dram.standard={standard}", "hardware.dram.ranks=2", *PER_COMMAND])
    for result in run_workload(workload, "pipelined", jobs=1):
        assert result.violations == ()
        assert energy_violations(result.ledger, workload.energy, result.hardware) == []
        clocks = -(-result.ledger.cycles * result.hardware.dram.clock_mhz // result.hardware.clock_mhz)
        assert sum(phase.commands["clocks"] for phase in result.ledger.phases) == 2 * clocks
        assert 0 < result.ledger.dram_events["active_clocks"] <= 2 * clocks


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (["energy.dram=per_command"], "--set energy.dram=per_command: energy: dram: per_command is in pJ, the prices"),
        (["energy.dram=by_word"], "energy.dram = 'by_word': must be 'per_word' or 'per_command'"),
        (
            [*PER_COMMAND, "hardware.dram.currents=[]"],
            "energy.dram = 'per_command': case 'case-1': DDR3-1600 has no currents, so its commands have no energy",
        ),
    ],
)
def test_what_cannot_be_priced_is_refused(settings: list[str], message: str) -> None:
    with pytest.raises(InputError) as caught:
        load_workload("tiny", settings)
    assert message in str(caught.value)
