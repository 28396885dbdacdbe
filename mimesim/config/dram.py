"""The DRAM of the machine: a standard, and how it is used (``docs/machine.md``, section 6.5)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import Field, ValidationInfo, field_validator, model_validator

from mimesim.config.base import Count, Strict, merge
from mimesim.config.explain import suggest
from mimesim.config.origin import Origin
from mimesim.config.shipped import read_standard, shipped_folder, shipped_standards, standard_path
from mimesim.config.standard import DEFAULT_MAP, Part, Power, parse_map

__all__ = ["Dram", "drop_standard"]

_DEFAULT = "DDR3-1600"


class _Unknown(str):
    """A name that no standard has, for its field to refuse."""

    __slots__ = ()


class Use(Strict):
    """How many of the parts there are, and what the controller makes of them."""

    standard: str = Field(_DEFAULT, description="a shipped standard, a YAML file or a mapping; keys beside it go first")
    channels: Power | None = Field(None, exclude=True, description="short for organisation.channels")
    ranks: Power | None = Field(None, exclude=True, description="short for organisation.ranks")
    map: str = Field(DEFAULT_MAP, description="address map, the highest bits first")
    page: Literal["open", "closed"] = Field("open", description="closed: a bank closes after each row run")
    queue: Count = Field(4, description="requests granted and not yet complete")
    refresh: bool = Field(True, description="whether the parts are refreshed, as they must be to keep their data")


class Dram(Part, Use):
    """The off-chip memory.

    Keys that are left out come from *standard*; everything of it that is given beside it stands for a part with these
    numbers. Raises :class:`InputError` for what is wrong in a standard's own file.
    """

    #: Where the keys of earlier versions went.
    MOVED: ClassVar[dict[str, str]] = {
        "banks": "organisation.banks_per_group (a power of two)",
        "row_bursts": "organisation.columns, in transfers of the data bus",
        "burst_bytes": "organisation.bus_bits x organisation.burst_length / 8",
        "timing.clock_mhz": "clock_mhz, beside timing",
        "timing.burst_clocks": "half of organisation.burst_length",
        "timing.t_wtr": "t_wtr_s and t_wtr_l",
    }

    @model_validator(mode="before")
    @classmethod
    def _start_from_standard(cls, given: Any, info: ValidationInfo) -> Any:
        if isinstance(given, str):
            given = {"standard": given}
        if not isinstance(given, Mapping):
            return given
        folder = info.context.folder if isinstance(info.context, Origin) else Path()
        merged = _lay_under(dict(given), folder)
        parts = merged.get("organisation")
        short = {name: merged[name] for name in ("channels", "ranks") if merged.get(name) is not None}
        if isinstance(parts, Mapping) and short:
            merged["organisation"] = {**parts, **short}
        return merged

    @field_validator("standard", mode="before")
    @classmethod
    def _known(cls, value: Any) -> Any:
        if isinstance(value, _Unknown):
            names = suggest(value, shipped_standards())
            raise ValueError(f"there is no such standard; {names}; a standard of your own is a YAML file")
        return value

    @model_validator(mode="after")
    def _resolved(self) -> Dram:
        # Short names always say what the organisation does, however it was written.
        self.__dict__.update(channels=self.organisation.channels, ranks=self.organisation.ranks)
        return self

    @field_validator("map")
    @classmethod
    def _of_fields(cls, value: str) -> str:
        parse_map(value)
        return value


def _lay_under(given: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Return *given* with what its standard says in the places that it leaves open."""
    name = given.get("standard", _DEFAULT)
    if isinstance(name, Mapping):
        # A part that is described in place: its name is for the record.
        return merge({"source": "the workload"} | _part(name), {**given, "standard": name.get("name", "own")})
    if not isinstance(name, str):
        return given
    path = standard_path(name, folder)
    if path is not None:
        known = read_standard(path)
        return merge(_part(known), {**given, "standard": known["name"]})
    if given.keys() >= {"clock_mhz", "organisation", "timing"}:
        return {"source": "the workload"} | given
    return merge(_part(read_standard(_default())), {**given, "standard": _Unknown(name)})


def _default() -> Path:
    return shipped_folder() / "dram" / f"{_DEFAULT}.yaml"


def _part(standard: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in standard.items() if key != "name"}


def drop_standard(here: object, changes: object) -> list[str]:
    """Take the numbers of a standard out of the mapping *here* where *changes* name another; return the keys.

    Channels and ranks stay: they are of the system, not of the part.
    """
    if not (isinstance(here, dict) and isinstance(changes, Mapping) and "standard" in changes):
        return []
    dropped = [key for key in Part.model_fields if key in here]
    parts = here.get("organisation")
    for key in dropped:
        del here[key]
    if isinstance(parts, Mapping):
        here.update({key: parts[key] for key in ("channels", "ranks") if key in parts})
    return dropped
