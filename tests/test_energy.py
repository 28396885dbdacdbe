"""Counts times prices: both accountings by hand, exact sums, presets."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from mimesim.config.energy import PRESETS, Accounting, Energy, Prices
from mimesim.config.hardware import Hardware
from mimesim.conservation import energy_violations
from mimesim.energy import LEVELS, CaseEnergy, PriceList, RowTasks, counted, padding_words
from mimesim.ledger import SHARED_IMAGE, CaseLedger, ImageRow, PeCycles, PhaseRecord

HARDWARE = Hardware()


def test_outputs_in_a_cache_cost_once_in_the_papers_accounting() -> None:
    """A drain into a cache is priced, and so is the write to DRAM of what is evicted, but not its read for that."""
    tensors = [("outputs", "write"), ("outputs", "read"), ("outputs_mask", "write"), ("outputs_mask", "read")]
    assert [counted("paper", ("cache", *entry)) for entry in tensors] == [True, False, False, False]
    assert all(counted("full", ("cache", *entry)) for entry in tensors)
    row = ImageRow()
    for access, words in zip([("cache", *entry) for entry in tensors], (10, 4, 3, 1), strict=True):
        row.book(*access, words)
    row.book("dram", "outputs", "write", 4)
    row.book("dram", "mask", "write", 1)
    row.bursts["dram", "outputs", "write"] = 1
    # Table IV: 10 x 6 + 4 x 200; in full, all 18 words in the cache and a burst of 32.
    assert (
        sum(PriceList(Prices(), "paper", HARDWARE).price(row).values())
        == 860 * PriceList(Prices(), "paper", HARDWARE).quanta_per_unit
    )
    full = PriceList(Prices(), "full", HARDWARE)
    assert sum(full.price(row).values()) == (18 * 6 + 32 * 200) * full.quanta_per_unit


def example_row() -> ImageRow:
    """One image's row with a little of everything."""
    row = ImageRow(busy_cycles=30, stalls=Counter(dram=10), macs=5)
    for level, tensor, direction, words in [
        ("dram", "weights", "read", 40),
        ("dram", "index", "read", 10),
        ("dram", "norm", "read", 2),
        ("dram", "activations", "read", 20),
        ("dram", "mask", "read", 8),
        ("dram", "thresholds", "read", 30),
        ("dram", "outputs", "write", 7),
        ("dram", "mask", "write", 3),
        ("cache", "weights", "write", 40),
        ("cache", "weights", "read", 50),
        ("cache", "mask", "read", 4),
        ("cache", "activations", "read", 6),
        ("reg", "weights", "read", 5),
        ("reg", "activations", "read", 5),
        ("reg", "psums", "read", 5),
        ("reg", "psums", "write", 5),
        ("reg", "weights", "write", 100),
        ("reg", "thresholds", "read", 9),
        ("reg", "outputs", "read", 11),
    ]:
        row.book(level, tensor, direction, words)
    row.bursts["dram", "weights", "read"] = 2
    row.bursts["dram", "activations", "read"] = 1
    row.bursts["dram", "thresholds", "read"] = 1
    row.bursts["dram", "outputs", "write"] = 1
    return row


def ledger_of(*rows: tuple[int, ImageRow], layer: str = "conv1", batch: int = 0) -> CaseLedger:
    images = tuple(image for image, _ in rows if image != SHARED_IMAGE)
    cycles = sum(row.busy_cycles + row.stalls.total() for _, row in rows)
    macs = sum(row.macs for _, row in rows)
    phase = PhaseRecord(batch, layer, "conv", images, 0, cycles, rows=dict(rows), pe=PeCycles(macs=macs))
    return CaseLedger(cycles=cycles, phases=[phase])


def levels_of(accounting: Accounting) -> dict[str, float]:
    prices = PriceList(Prices(), accounting, HARDWARE)
    return CaseEnergy(ledger_of((0, example_row())), prices).by_level()


def test_paper_accounting_by_hand() -> None:
    assert levels_of("paper") == {
        # 40 weights, 10 index, 2 norm, 20 activations, 30 thresholds, 7 outputs; no bitmaps
        "dram": 109 * 200,
        # reads only, and no bitmap: 50 weights, 6 activations
        "cache": 56 * 6,
        # four accesses for each of 5 MACs
        "reg": 20 * 2,
        "mac": 5,
        "envm": 0,
        "other": 0,
    }


def test_full_accounting_by_hand() -> None:
    assert levels_of("full") == {
        # five bursts of 32 words
        "dram": 5 * 32 * 200,
        # 40 words filled, 50 + 4 + 6 read
        "cache": 100 * 6,
        # 5 + 5 operands, 10 sums of two words, 100 weights stored, 9 thresholds, 11 sums of two words drained
        "reg": (10 + 20 + 100 + 9 + 22) * 2,
        "mac": 5,
        "envm": 0,
        # 11 sums compared, 4 words of mask searched, 40 cycles leaked
        "other": 11 * 0.1 + 4 * 0.5 + 40 * 75,
    }


def test_burst_padding_goes_to_the_tensor_that_the_bursts_are_of() -> None:
    assert padding_words(example_row(), 32) == {
        ("weights", "read"): 64 - 52,
        ("activations", "read"): 32 - 28,
        ("thresholds", "read"): 2,
        ("outputs", "write"): 32 - 10,
    }
    priced = PriceList(Prices(), "full", HARDWARE).price(example_row())
    assert priced["dram", "index", "read"] == 10 * 200 * 10, "in quanta of a tenth"
    assert priced["dram", "weights", "read"] == (40 + 12) * 200 * 10


def test_what_each_accounting_prices() -> None:
    only_full = [
        ("dram", "mask", "read"),
        ("dram", "mask", "write"),
        ("cache", "weights", "write"),
        ("cache", "mask", "read"),
        ("reg", "weights", "write"),
        ("reg", "activations", "write"),
        ("reg", "thresholds", "read"),
        ("reg", "outputs", "read"),
    ]
    both = [("dram", "index", "read"), ("dram", "norm", "read"), ("cache", "thresholds", "read")]
    assert not any(counted("paper", access) for access in only_full)
    assert all(counted("paper", access) for access in both)
    assert all(counted("full", access) for access in (*only_full, *both))


def test_by_task_layer_image_and_tensor() -> None:
    ledger = ledger_of((0, example_row()), (1, example_row()), (SHARED_IMAGE, example_row()))
    energy = CaseEnergy(ledger, PriceList(Prices(), "paper", HARDWARE))
    one = 109 * 200 + 56 * 6 + 20 * 2 + 5
    assert energy.by_image() == {0: one, 1: one, SHARED_IMAGE: one}
    assert energy.by_layer() == {"conv1": 3 * one}
    names = RowTasks([(0, 0, "apples"), (1, 0, "pears"), (2, 1, "pears")])
    assert energy.by_task(names) == {"apples": one, "pears": one, "shared": one}
    assert names.task(1, SHARED_IMAGE) == "pears", "a batch of one task shares nothing with another"
    assert sum(energy.by_tensor().values()) == energy.total() == 3 * one
    assert energy.by_tensor()["macs"] == 15


_DECIMAL = st.decimals(min_value=0, max_value=1000, places=3).map(float)
_WORDS = st.integers(0, 2**40)
_ACCESSES = st.sampled_from(
    [
        *(("dram", tensor, "read") for tensor in ("weights", "index", "norm", "thresholds", "activations", "mask")),
        *(("cache", tensor, way) for tensor in ("weights", "activations", "mask") for way in ("read", "write")),
        *(("reg", tensor, way) for tensor in ("weights", "psums", "outputs") for way in ("read", "write")),
    ]
)


@st.composite
def rows(draw: st.DrawFn) -> ImageRow:
    row = ImageRow(
        busy_cycles=draw(_WORDS),
        stalls=Counter(dram=draw(_WORDS)),
        macs=draw(_WORDS),
        words=Counter(draw(st.dictionaries(_ACCESSES, _WORDS))),
    )
    for tensor in ("weights", "activations", "thresholds"):
        row.bursts["dram", tensor, "read"] = row.words.total() // 32 + draw(st.integers(1, 5))
    return row


@given(
    st.lists(rows(), min_size=1, max_size=4),
    st.fixed_dictionaries(dict.fromkeys(("dram", "cache", "reg", "mac", "zero_find", "leakage_per_cycle"), _DECIMAL)),
    st.sampled_from(["paper", "full"]),
)
def test_parts_add_up_to_totals_whatever_the_prices(
    drawn: list[ImageRow], prices: dict[str, float], accounting: Accounting
) -> None:
    ledger = ledger_of(*enumerate(drawn))
    energy = Energy(accounting=accounting, prices=Prices.model_validate(prices))
    assert energy_violations(ledger, energy, HARDWARE) == []
    priced = CaseEnergy(ledger, PriceList(energy.prices, accounting, HARDWARE))
    whole = priced.quanta()
    assert sum(row.level(level) for row in priced.rows for level in LEVELS) == whole
    assert sum(row.total() for row in priced.rows) == whole
    assert priced.prices.energy(whole) == float(Fraction(whole, priced.prices.quanta_per_unit))


def test_a_price_is_meant_as_it_is_written() -> None:
    ledger = ledger_of((0, ImageRow(macs=3)))
    prices = PriceList(Prices.model_validate({"mac": 0.1}), "paper", HARDWARE)
    assert CaseEnergy(ledger, prices).total() == 0.3 != 3 * 0.1


def test_an_unpriced_sum_is_found() -> None:
    ledger = ledger_of((0, example_row()))
    assert energy_violations(ledger, Energy(), HARDWARE) == []
    ledger.phases[0].pe.macs += 1
    assert energy_violations(ledger, Energy(), HARDWARE) == [
        "energy (paper): the parts sum to 22181.0 mac, the total is 22182.0",
        "energy (full): the parts sum to 35930.1 mac, the total is 35931.1",
    ]


@pytest.mark.parametrize("name", PRESETS)
def test_presets(name: str) -> None:
    prices = Energy.model_validate({"prices": name}).prices
    assert prices.preset == name
    assert {key: value for key, value in prices.model_dump().items() if key != "preset"} == {
        **PRESETS[name],
        "envm_read": None,
        "envm_write": None,
    }
    assert Prices.model_validate(prices.model_dump(mode="json")) == prices


def test_the_default_is_table_iv() -> None:
    prices = Energy().prices
    assert (prices.unit, prices.dram, prices.cache, prices.reg, prices.mac) == ("mac", 200, 6, 2, 1)
    assert prices == Prices.model_validate("mime"), "the field's defaults and the preset are one"


def test_a_preset_with_a_change() -> None:
    prices = Prices.model_validate({"preset": "ddr3-65nm-pj", "dram": 300})
    assert (prices.unit, prices.dram, prices.cache) == ("pJ", 300, 12)


@pytest.mark.parametrize(
    "given_prices",
    ["mimi", {"preset": "mimi"}, {"preset": 3}, {"dram": -1}, {"dram": float("inf")}, {"dramm": 1}, {"unit": "J"}, 7],
)
def test_bad_prices_are_refused(given_prices: object) -> None:
    with pytest.raises(ValidationError):
        Energy.model_validate({"prices": given_prices})
