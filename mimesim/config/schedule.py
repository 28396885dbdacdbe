"""The choices of the loop nest; each decides conclusions, so each is named and reported (``docs/machine.md``)."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from mimesim.config.base import Count, Strict

__all__ = ["Mode", "Schedule", "Skipping"]

Mode = Literal["singular", "pipelined", "multitask"]
Skipping = Literal["per_position", "lockstep", "gate", "none"]


class Schedule(Strict):
    """In which order the passes of a batch run."""

    batch_order: Literal["layer_major", "image_major"] = Field(
        "layer_major", description="layer_major: a layer runs for the whole batch before the next layer begins"
    )
    tile_order: Literal["channel_outer", "position_outer"] = Field(
        "channel_outer", description="which of the two tile loops is the outer one"
    )
    set_order: Literal["inner", "outer"] = Field(
        "inner", description="outer: one parameter set at a time, outside the loop over positions"
    )
    position_tiles_per_pe: Count = Field(1, description="position tiles that share one fetch of the weights")
    barrier: Literal["pass", "tile"] = Field("pass", description="where the rows of the grid wait for each other")
