"""What an access costs and which accesses count; the reasons for each number are in ``docs/energy.md``."""

from __future__ import annotations

from fractions import Fraction
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from mimesim.config.base import Strict
from mimesim.config.envm import Envm

__all__ = ["MAC_PJ", "PRESETS", "Accounting", "DramPricing", "Energy", "Price", "Prices"]

Accounting = Literal["paper", "full"]
DramPricing = Literal["per_word", "per_command"]

#: What stands for one MAC where prices are in MACs and an energy is known in pJ.
MAC_PJ = 2

#: Energy of one event, possibly none. Written in decimal, and meant as written: 0.1 is a tenth, exactly.
Price = Annotated[float, Field(ge=0, allow_inf_nan=False)]

_MIME: dict[str, object] = {"unit": "mac", "dram": 200, "cache": 6, "reg": 2, "mac": 1}
_DIGITAL: dict[str, object] = {"compare": 0.1, "zero_find": 0.5, "leakage_per_cycle": 75}
#: The same in picojoules, with 2 pJ for a MAC.
_DIGITAL_PJ: dict[str, object] = {"compare": 0.2, "zero_find": 1, "leakage_per_cycle": 150}

#: Prices that go by a name; a mapping in a workload may start from one of them.
PRESETS: dict[str, dict[str, object]] = {
    "mime": _MIME | _DIGITAL,
    "ddr3-65nm-pj": {"unit": "pJ", "dram": 400, "cache": 12, "reg": 4, "mac": 2} | _DIGITAL_PJ,
    "lpddr4-65nm-pj": {"unit": "pJ", "dram": 128, "cache": 12, "reg": 4, "mac": 2} | _DIGITAL_PJ,
    "eyeriss-jscc17-pj": {"unit": "pJ", "dram": 460, "cache": 15, "reg": 1, "mac": 2} | _DIGITAL_PJ,
}


class Prices(Strict):
    """Energy per event, in *unit*: that of one 16-bit MAC, or picojoules. Accesses are priced per word.

    Keys that are left out come from *preset*; a name alone stands for the whole preset.
    """

    preset: Literal["mime", "ddr3-65nm-pj", "lpddr4-65nm-pj", "eyeriss-jscc17-pj"] = Field(
        "mime", description="where the keys come from that are not given"
    )
    unit: Literal["mac", "pJ"] = Field("mac", description="mac: multiples of the energy of one MAC")
    dram: Price = Field(200, description="one word read from or written to DRAM (Table IV)")
    cache: Price = Field(6, description="one word read from or written to a cache (Table IV)")
    envm_read: Price | None = Field(None, description="one word read from envm; null: the technology's")
    envm_write: Price | None = Field(None, description="one word written to envm; null: the technology's")
    reg: Price = Field(2, description="one word read from or written to a scratchpad (Table IV)")
    mac: Price = Field(1, description="one multiply-accumulate (Table IV)")
    compare: Price = Field(0.1, description="one sum through a CMP unit; only in full accounting")
    zero_find: Price = Field(0.5, description="one word of mask searched for its set bits; only in full accounting")
    leakage_per_cycle: Price = Field(75, description="the whole accelerator, each cycle; only in full accounting")

    @model_validator(mode="before")
    @classmethod
    def _start_from_preset(cls, given: Any) -> Any:
        if isinstance(given, str):
            given = {"preset": given}
        if isinstance(given, dict):
            # A name that is no preset is left for the field itself to refuse.
            name = given.get("preset", "mime")
            return (PRESETS.get(name, {}) if isinstance(name, str) else {}) | given
        return given

    def envm(self, envm: Envm | None, word_bits: int, clock_mhz: float) -> dict[str, Fraction]:
        """Return the prices of a word read (``envm``) and written (``envm_write``) and of leakage (``envm_leakage``).

        What is not given is the technology's; 0 where that does not tell, or there is no such memory.
        """
        unit = Fraction(1 if self.unit == "pJ" else MAC_PJ)
        read = write = leakage = Fraction(0)
        if envm is not None:
            read, write = (envm.word_pj(way, word_bits) or Fraction(0) for way in ("read", "write"))
            # A milliwatt is a picojoule in a nanosecond.
            leakage = envm.leakage_mw() * 1000 / Fraction(str(clock_mhz))
        return {
            "envm": read / unit if self.envm_read is None else Fraction(str(self.envm_read)),
            "envm_write": write / unit if self.envm_write is None else Fraction(str(self.envm_write)),
            "envm_leakage": leakage / unit,
        }


class Energy(Strict):
    """How counts become energy."""

    accounting: Accounting = Field(
        "paper", description="paper: what the MIME paper prices; full: bursts, fills, comparators and leakage as well"
    )
    prices: Prices = Field(Prices(), description="a preset's name, or prices")
    dram: DramPricing = Field(
        "per_word", description="per_command: activations, bursts, refreshes and standby from the standard's currents"
    )

    def unknown_prices(self, envm: Envm) -> str:
        """Return the first price of *envm* that neither its technology nor the prices tell; empty if there is none."""
        if self.prices.envm_read is None and envm.read_pj is None:
            return "envm_read"
        written = envm.switch == "rewrite"
        return "envm_write" if written and self.prices.envm_write is None and envm.write_pj is None else ""

    @model_validator(mode="after")
    def _in_one_unit(self) -> Energy:
        if self.dram == "per_command" and self.prices.unit != "pJ":
            raise ValueError("dram: per_command is in pJ, the prices are in MACs; take ddr3-65nm-pj or others in pJ")
        return self
