"""The on-chip non-volatile memory of the machine: a technology, and how it is used (``docs/machine.md``, section 3)."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from functools import cache
from math import ceil
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationInfo, field_validator, model_validator

from mimesim.config.base import Count, NonNegative, Positive, Strict, merge
from mimesim.config.explain import suggest
from mimesim.config.origin import Origin
from mimesim.config.shipped import read_technology, shipped_technologies, technology_path
from mimesim.config.technology import Array

__all__ = ["Envm", "drop_technology"]

_DEFAULT = "rram"
_BITS_PER_MIB = 8 * 2**20


class _Unknown(str):
    """A name that no technology has, for its field to refuse."""

    __slots__ = ()


class _Use(Strict):
    """How much of it there is, and what lies in it."""

    technology: str = Field(_DEFAULT, description="a shipped technology or a YAML file; keys beside it go first")
    switch: Literal["resident", "rewrite"] = Field(
        "resident", description="all tasks' own words lie there, or one task's, rewritten where another's are needed"
    )
    bits_per_cell: Count = Field(1, description="of a multi-level cell; area and leakage are divided by it")
    words_per_cycle: Count = Field(16, description="words that the array reads in a cycle")
    read_latency_cycles: NonNegative | None = Field(None, description="before a read's first word; null: read_ns")
    write_words: Count | None = Field(None, description="words written at once; null: words_per_cycle")
    write_latency_cycles: Count | None = Field(None, description="until they are written; null: write_ns")
    capacity_kib: Positive = Field(2048, description="what all words that lie there must fit")
    switches_per_second: Positive = Field(1, description="switches of tasks at which results tell the lifetime")


class Envm(Array, _Use):
    """On-chip non-volatile memory for parameters.

    Keys that are left out come from *technology*. Raises :class:`InputError` for what is wrong in a technology's own
    file.
    """

    @model_validator(mode="before")
    @classmethod
    def _start_from_technology(cls, given: Any, info: ValidationInfo) -> Any:
        if isinstance(given, str):
            given = {"technology": given}
        if not isinstance(given, Mapping):
            return given
        return _lay_under(dict(given), info.context.folder if isinstance(info.context, Origin) else Path())

    @field_validator("technology", mode="before")
    @classmethod
    def _known(cls, value: Any) -> Any:
        if isinstance(value, _Unknown):
            names = suggest(value, shipped_technologies())
            raise ValueError(f"there is no such technology; {names}; one of your own is a YAML file")
        return value

    def read_cycles(self, clock_mhz: float) -> int:
        """Return the latency of a read in cycles of a clock; raises :class:`ValueError` where it is not known."""
        return _cycles("read", self.read_latency_cycles, self.read_ns, clock_mhz)

    def write_cycles(self, words: int, clock_mhz: float) -> int:
        """Return how long *words* take to be written, in cycles of a clock; raises :class:`ValueError` likewise."""
        each = max(1, _cycles("write", self.write_latency_cycles, self.write_ns, clock_mhz))
        return -(-words // (self.write_words or self.words_per_cycle)) * each

    def word_pj(self, direction: Literal["read", "write"], word_bits: int) -> Fraction | None:
        """Return the energy of a word read or written, in pJ; None where it is not known."""
        access = self.read_pj if direction == "read" else self.write_pj
        return None if access is None else Fraction(str(access)) * word_bits / self.access_bits

    def leakage_mw(self) -> Fraction:
        """Return the leakage of the whole array; 0 where it is not known."""
        mib = Fraction(str(self.capacity_kib)) / 1024 / self.bits_per_cell
        return Fraction(str(self.leakage_mw_per_mib or 0)) * mib

    def mm2(self, words: int, word_bits: int) -> float | None:
        """Return the area of an array for *words*; None where it is not known."""
        cells = words * word_bits / self.bits_per_cell
        return None if self.mm2_per_mib is None else cells / _BITS_PER_MIB * self.mm2_per_mib


@cache
def _cycles(what: str, given: int | None, nanoseconds: float | None, clock_mhz: float) -> int:
    if given is not None:
        return given
    if nanoseconds is None:
        raise ValueError(f"{what}_ns of this technology is not known: give {what}_latency_cycles")
    return ceil(Fraction(str(nanoseconds)) * Fraction(str(clock_mhz)) / 1000)


def _lay_under(given: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Return *given* with what its technology says in the places that it leaves open."""
    name = given.get("technology", _DEFAULT)
    if not isinstance(name, str):
        return given
    path = technology_path(name, folder)
    if path is not None:
        known = read_technology(path)
        return merge(_array(known), {**given, "technology": known["name"]})
    if given.keys() >= Array.model_fields.keys():
        return given
    default = technology_path(_DEFAULT)
    return merge({} if default is None else _array(read_technology(default)), {**given, "technology": _Unknown(name)})


def _array(technology: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in technology.items() if key != "name"}


def drop_technology(here: object, changes: object) -> list[str]:
    """Take the numbers of a technology out of the mapping *here* where *changes* name another; return the keys."""
    if not (isinstance(here, dict) and isinstance(changes, Mapping) and "technology" in changes):
        return []
    dropped = [key for key in Array.model_fields if key in here]
    for key in dropped:
        del here[key]
    return dropped
