"""What every configuration model shares: unknown keys are refused and nothing changes after it was checked."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["Count", "NonNegative", "Pair", "Positive", "Strict"]

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

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)
