"""What a DRAM standard says: organisation, commands, timing, currents; the parts are ``workloads/dram/*.yaml``."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, Field, ValidationInfo, field_validator, model_validator

from mimesim.config.base import Count, NonNegative, Positive, Strict

__all__ = [
    "DEFAULT_MAP",
    "Commands",
    "Currents",
    "Organisation",
    "Part",
    "Power",
    "Standard",
    "Timing",
    "map_fields",
    "parse_map",
]

#: A stream of consecutive requests meets all channels first, then all bank groups: t_ccd_s apart, not t_ccd_l.
DEFAULT_MAP = "RoRaBaCoBgCh"

_FIELDS = ("Ro", "Ra", "Bg", "Ba", "Co", "Ch")


def _power_of_two(value: int) -> int:
    if value & (value - 1):
        raise ValueError("must be a power of two: it is a field of the address")
    return value


#: Something that an address counts.
Power = Annotated[Count, AfterValidator(_power_of_two)]
#: A current in mA, possibly none.
Milliampere = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class Organisation(Strict):
    """How many there are of everything; all but ``bus_bits`` and ``device_bits`` become bits of an address."""

    channels: Power = Field(1, description="independent channels, each with buses and a controller of its own")
    ranks: Power = Field(1, description="ranks that share the buses of a channel")
    bank_groups: Power = Field(description="bank groups in a rank; 1: the standard has none")
    banks_per_group: Power = Field(description="banks in a bank group")
    rows: Power = Field(description="rows of a bank")
    columns: Power = Field(description="columns of a row, each as wide as the data bus")
    device_bits: Count = Field(description="data pins of one device")
    bus_bits: Count = Field(description="data pins of one channel")
    burst_length: Power = Field(description="transfers of one burst, two a clock")

    @model_validator(mode="after")
    def _fits(self) -> Organisation:
        if self.bus_bits * self.burst_length % 8:
            raise ValueError("bus_bits x burst_length must be whole bytes")
        if self.bus_bits % self.device_bits:
            raise ValueError("bus_bits must be a multiple of device_bits")
        if self.columns < self.burst_length or self.burst_length < 2:
            raise ValueError("burst_length must be at least 2 and at most columns")
        return self

    @property
    def banks(self) -> int:
        """Banks of one channel, in all its ranks."""
        return self.ranks * self.bank_groups * self.banks_per_group

    @property
    def bursts_per_row(self) -> int:
        """Bursts that one row holds."""
        return self.columns // self.burst_length

    @property
    def burst_bytes(self) -> int:
        """Bytes of one burst."""
        return self.bus_bits * self.burst_length // 8

    @property
    def bursts(self) -> int:
        """Capacity of all channels, in bursts."""
        return self.channels * self.banks * self.rows * self.bursts_per_row

    @property
    def bytes(self) -> int:
        """Capacity of all channels."""
        return self.bursts * self.burst_bytes


class Commands(Strict):
    """How long a command takes on the command bus, in clocks; on two separate buses rows and columns do not meet."""

    activate_clocks: Count = Field(1, description="of an activation")
    column_clocks: Count = Field(1, description="of a read or a write")
    precharge_clocks: Count = Field(1, description="of a precharge")
    refresh_clocks: Count = Field(1, description="of a refresh")
    separate_buses: bool = Field(False, description="row and column commands have pins of their own (HBM)")


class Timing(Strict):
    """Least clocks between two commands, from first clock to first clock, or as said.

    Whoever describes a part of their own may leave a gate out with 0.
    """

    t_rcd: NonNegative = Field(description="activate to read or write of the row")
    t_rp: NonNegative = Field(description="precharge to activate or refresh")
    t_cl: NonNegative = Field(description="read to its first data")
    t_cwl: NonNegative = Field(description="write to its first data")
    t_ras: NonNegative = Field(description="activate to precharge")
    t_rc: NonNegative = Field(description="activate to activate of the same bank")
    t_ccd_s: NonNegative = Field(description="read to read, write to write, other bank group")
    t_ccd_l: NonNegative = Field(description="the same, same bank group")
    t_rrd_s: NonNegative = Field(description="activate to activate, other bank group")
    t_rrd_l: NonNegative = Field(description="the same, same bank group")
    t_faw: NonNegative = Field(description="activate to the fourth activate after it, in one rank")
    t_wr: NonNegative = Field(description="end of write data to precharge")
    t_wtr_s: NonNegative = Field(description="end of write data to read, other bank group")
    t_wtr_l: NonNegative = Field(description="the same, same bank group")
    t_rtp: NonNegative = Field(description="read to precharge")
    t_rtw: NonNegative = Field(description="idle clocks of the data bus between read and write data of a rank")
    t_rtrs: NonNegative = Field(description="idle clocks of the data bus between two ranks' data")
    t_rp_all: NonNegative = Field(0, description="precharge of all banks to refresh; 0: t_rp")
    t_rfc: NonNegative = Field(description="refresh to activate or refresh")
    t_refi: Count = Field(description="one refresh of each rank in this time")

    @model_validator(mode="after")
    def _in_order(self) -> Timing:
        for short, long in (("t_ccd_s", "t_ccd_l"), ("t_rrd_s", "t_rrd_l"), ("t_wtr_s", "t_wtr_l")):
            if getattr(self, short) > getattr(self, long):
                raise ValueError(f"{short} must be at most {long}")
        return self

    @field_validator("t_refi")
    @classmethod
    def _leaves_time(cls, value: int, info: ValidationInfo) -> int:
        refresh = info.data.get("t_rfc", 0) + max(info.data.get("t_rp", 0), info.data.get("t_rp_all", 0))
        if value <= refresh:
            raise ValueError(f"must be more than {refresh}, a precharge and t_rfc: nothing else would ever be served")
        return value

    @property
    def precharge_all(self) -> int:
        """Clocks from a precharge of all banks to an activation or a refresh."""
        return self.t_rp_all or self.t_rp


class Currents(Strict):
    """Currents of one device on one supply, in mA, under the names of JEDEC's measurement conditions."""

    rail: str = Field(description="name of the supply, such as VDD")
    volts: Positive = Field(description="voltage of the supply")
    idd0: Milliampere = Field(description="activate and precharge, one every t_rc")
    idd2n: Milliampere = Field(description="all banks precharged, standby")
    idd3n: Milliampere = Field(description="a bank active, standby")
    idd4r: Milliampere = Field(description="reads without a gap")
    idd4w: Milliampere = Field(description="writes without a gap")
    idd5: Milliampere = Field(description="refreshes without a gap, one every t_rfc")


class Part(Strict):
    """One DRAM part on its channels, whatever it is called."""

    source: str = Field(description="where the numbers come from")
    clock_mhz: Positive = Field(description="of the command bus; data come twice a clock")
    organisation: Organisation
    commands: Commands = Commands()
    timing: Timing
    currents: tuple[Currents, ...] = Field((), description="one entry a supply; none: energy is not told")

    @property
    def burst_clocks(self) -> int:
        """Clocks that one burst takes on the data bus."""
        return self.organisation.burst_length // 2

    @property
    def devices_per_rank(self) -> int:
        """Devices that work together as a rank."""
        return self.organisation.bus_bits // self.organisation.device_bits


class Standard(Part):
    """A part under a name."""

    name: str = Field(description="what to call it")


def parse_map(name: str) -> list[str]:
    """Return the fields of the address map *name*: two letters each, the highest bits first.

    ``Ro`` row, ``Ra`` rank, ``Bg`` bank group, ``Ba`` bank in its group, ``Co`` burst in its row, ``Ch`` channel. A
    name without ``Bg`` has it right below ``Ba``. Letters may be of either case. Raises :class:`ValueError` where a
    field is missing, unknown or named twice.
    """
    known = {field.lower(): field for field in _FIELDS}
    fields = [known.get(part.lower(), part) for part in re.findall("..?", name)]
    if "Bg" not in fields and "Ba" in fields:
        fields.insert(fields.index("Ba") + 1, "Bg")
    if sorted(fields) != sorted(_FIELDS):
        fields_text = f"{', '.join(_FIELDS)} once (Bg may be left out)"
        raise ValueError(f"must name each of {fields_text}, the highest bits first, such as {DEFAULT_MAP}")
    return fields


def map_fields(name: str, organisation: Organisation) -> dict[str, tuple[int, int]]:
    """Return, by field of the address map *name*, its lowest bit in an address counted in bursts, and its mask."""
    counts = {
        "Ro": organisation.rows,
        "Ra": organisation.ranks,
        "Bg": organisation.bank_groups,
        "Ba": organisation.banks_per_group,
        "Co": organisation.bursts_per_row,
        "Ch": organisation.channels,
    }
    placed, shift = {}, 0
    for field in reversed(parse_map(name)):
        placed[field] = (shift, counts[field] - 1)
        shift += counts[field].bit_length() - 1
    return placed
