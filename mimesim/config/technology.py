"""What a technology of on-chip memory says: energies, times, area, endurance; they are ``workloads/envm/*.yaml``."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated

from pydantic import Field, field_validator

from mimesim.config.base import Count, Positive, Strict

__all__ = ["Array", "Technology"]

#: A quantity that may be 0.
_Quantity = Annotated[float, Field(ge=0, allow_inf_nan=False)]
#: Mean and standard deviation of what is read from a cell that was programmed to a level.
_Level = tuple[Annotated[float, Field(allow_inf_nan=False)], Annotated[float, Field(gt=0, allow_inf_nan=False)]]


class Array(Strict):
    """An array of some technology, whatever it is called; null: not known."""

    source: str = Field(description="where the numbers come from")
    access_bits: Count = Field(64, description="bits that one access reads or writes")
    read_pj: _Quantity | None = Field(None, description="energy of a read access; null: energy.prices has to say")
    write_pj: _Quantity | None = Field(None, description="energy of a write access; null: energy.prices has to say")
    read_ns: _Quantity | None = Field(None, description="of a read; null: read_latency_cycles has to say")
    write_ns: _Quantity | None = Field(None, description="of a write; null: write_latency_cycles has to say")
    mm2_per_mib: _Quantity | None = Field(None, description="area at one bit a cell; null: results have none")
    leakage_mw_per_mib: _Quantity | None = Field(None, description="at one bit a cell; null: none is counted")
    endurance: Positive | None = Field(None, description="writes that a cell stands; null: without end")
    levels: tuple[tuple[_Level, ...], ...] = Field((), description="of cells of 1, 2, ... bits; none: not known")

    @field_validator("levels")
    @classmethod
    def _of_cells(cls, value: tuple[tuple[_Level, ...], ...]) -> tuple[tuple[_Level, ...], ...]:
        for bits, levels in enumerate(value, 1):
            if len(levels) != 2**bits:
                raise ValueError(f"a cell of {bits} bits must have {2**bits} levels, not {len(levels)}")
            if any(low[0] >= high[0] for low, high in pairwise(levels)):
                raise ValueError(f"the means of a cell of {bits} bits must rise")
        return value


class Technology(Array):
    """An array under a name."""

    name: str = Field(description="what to call it")
