"""What every configuration model shares: unknown keys are refused and nothing changes after it was checked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["Count", "Described", "NonNegative", "Pair", "Positive", "Strict", "merge"]

#: A whole number of things, at least one.
Count = Annotated[int, Field(ge=1, strict=True)]
#: A whole number of things, possibly none.
NonNegative = Annotated[int, Field(ge=0, strict=True)]
#: A physical quantity larger than zero.
Positive = Annotated[float, Field(gt=0, strict=True, allow_inf_nan=False)]
#: Rows and columns.
Pair = tuple[Count, Count]


class Strict(BaseModel):
    """A frozen model that refuses keys it does not know."""

    #: Keys of earlier versions, dotted, and what stands for each today: an error may tell.
    MOVED: ClassVar[Mapping[str, str]] = {}

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Described(Strict):
    """A strict model whose fields may be described by the text below them."""

    model_config = ConfigDict(use_attribute_docstrings=True)


def merge(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return *base* with *changes* laid over it, mapping by mapping; a list replaces a list."""
    merged = dict(base)
    for key, value in changes.items():
        below = merged.get(key)
        merged[key] = merge(below, value) if isinstance(below, Mapping) and isinstance(value, Mapping) else value
    return merged
