"""The technologies of on-chip memory: shipped ones, a file of one's own, keys beside them, and what is not known."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest

from mimesim.config import Hardware, load_workload
from mimesim.config.energy import Energy, Prices
from mimesim.config.envm import Envm
from mimesim.config.shipped import shipped_technologies
from mimesim.energy import CaseEnergy, PriceList
from mimesim.errors import InputError
from mimesim.ledger import CaseLedger, PhaseRecord

OWN = """\
name: mine
source: a test
access_bits: 32
read_pj: 8
write_pj: 64
read_ns: 12.5
write_ns: 101
mm2_per_mib: 0.5
leakage_mw_per_mib: 4
endurance: 100
"""


def test_all_shipped_technologies_are_known() -> None:
    assert shipped_technologies() == ["ctt", "fefet", "pcm", "rram", "sram", "stt"]
    for name in shipped_technologies():
        envm = Envm.model_validate(name)
        assert envm.technology == name
        assert envm.source


def test_a_new_technology_is_a_new_file(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(OWN)
    text = (Path(__file__).resolve().parents[2] / "workloads" / "tiny.yaml").read_text()
    (tmp_path / "work.yaml").write_text(text.replace("../traces", str(Path(__file__).resolve().parents[2] / "traces")))
    sets = ["hardware.envm.technology=mine.yaml", "hardware.envm.read_pj=4", "hardware.clock_mhz=200"]
    hardware = load_workload(tmp_path / "work.yaml", sets).hardware
    envm = hardware.envm
    assert envm is not None
    # 12.5 ns are 2.5 cycles, 101 ns 20.2; 16 words at once.
    assert (envm.technology, envm.read_cycles(200), envm.write_cycles(33, 200)) == ("mine", 3, 3 * 21)
    assert (envm.word_pj("read", 16), envm.word_pj("write", 16)) == (2, 32)
    assert envm.leakage_mw() == 8


def test_another_technology_takes_its_numbers_with_it() -> None:
    sets = ["hardware.envm={technology: stt, words_per_cycle: 8, read_pj: 7}", "hardware.envm.technology=pcm"]
    envm = load_workload("tiny", sets).hardware.envm
    assert envm is not None
    assert (envm.read_pj, envm.write_ns, envm.words_per_cycle) == (3.756, 150.381, 8)
    case = load_workload("tiny", [*sets, "cases.0.hardware={envm: {technology: fefet}}"])
    changed = case.hardware_for(case.cases[0]).envm
    assert changed is not None
    assert (changed.read_pj, changed.words_per_cycle) == (0.705, 8)


@pytest.mark.parametrize(
    ("envm", "rule"),
    [
        ("{technology: rrram}", "no such technology; did you mean 'rram'?"),
        ("{technology: ctt}", "read_ns of this technology is not known: give read_latency_cycles"),
        ("{technology: ctt, read_ns: 5}", "energy.prices.envm_read.*ctt has no energy of its own here: give a price"),
        ("{technology: ctt, read_ns: 5, read_pj: 1, switch: rewrite}", "energy.prices.envm_write"),
        ("{write_ns: null, switch: rewrite}", "write_ns of this technology is not known: give write_latency_cycles"),
        ("{levels: [[[0, 1]]]}", "a cell of 1 bits must have 2 levels, not 1"),
        ("{levels: [[[1, 0.1], [0, 0.1]]]}", "the means of a cell of 1 bits must rise"),
        ("{switch: sometimes}", "must be 'resident' or 'rewrite'"),
    ],
)
def test_what_is_refused(envm: str, rule: str) -> None:
    with pytest.raises(InputError, match=rule):
        load_workload("tiny", [f"hardware.envm={envm}"])


def test_prices_are_the_technologys_or_given() -> None:
    ledger = CaseLedger(cycles=10, phases=[PhaseRecord(0, "conv1", "conv", (0,))])
    row = ledger.phases[0].row(0)
    row.busy_cycles = 10
    row.book("envm", "weights", "read", 100)
    row.book("envm", "weights", "write", 10)
    hardware = Hardware.model_validate({"envm": {"technology": "stt", "capacity_kib": 1024}})
    pj = {"preset": "ddr3-65nm-pj", "leakage_per_cycle": 0}
    for prices, accounting, expected in (
        (pj, "paper", 100 * Fraction("0.947") + 10 * Fraction("17.06675")),
        # 2.097 mW for 5 ns a cycle
        (pj, "full", 100 * Fraction("0.947") + 10 * Fraction("17.06675") + 10 * 5 * Fraction("2.097")),
        ({}, "paper", (100 * Fraction("0.947") + 10 * Fraction("17.06675")) / 2),
        ({"envm_read": 3, "envm_write": 0.1}, "paper", Fraction(301)),
    ):
        priced = PriceList(Prices.model_validate(prices), accounting, hardware)  # type: ignore[arg-type]
        energy = CaseEnergy(ledger, priced)
        assert energy.total() == float(expected)
        assert energy.quanta() == priced.total(ledger)


def test_unknown_prices_name_the_first() -> None:
    unknown = Envm.model_validate({"read_pj": None, "write_pj": None, "switch": "rewrite"})
    assert Energy().unknown_prices(unknown) == "envm_read"
    assert Energy(prices=Prices(envm_read=1)).unknown_prices(unknown) == "envm_write"
    assert Energy(prices=Prices(envm_read=1)).unknown_prices(Envm.model_validate({"write_pj": None})) == ""
