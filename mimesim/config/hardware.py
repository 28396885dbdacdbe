"""The accelerator a user may describe; the meaning of each number is in ``docs/machine.md``."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from mimesim.config.base import Count, NonNegative, Pair, Positive, Strict
from mimesim.config.dram import Dram
from mimesim.config.envm import Envm

__all__ = [
    "ActivationBlock",
    "Caches",
    "Dram",
    "Envm",
    "Grid",
    "Hardware",
    "Noc",
    "Scratchpad",
]


class Grid(Strict):
    """The PE grid: rows hold output positions, columns hold output channels."""

    positions: Pair = Field((4, 4), description="output positions held at once, as a patch of rows x columns")
    channels: Count = Field(64, description="output channels held at once")

    @property
    def rows(self) -> int:
        """Positions that the grid holds at once."""
        return self.positions[0] * self.positions[1]

    @property
    def pes(self) -> int:
        """Processing elements in the grid."""
        return self.rows * self.channels


class Scratchpad(Strict):
    """The scratchpad inside each PE."""

    bytes: Count = Field(512, description="capacity of one PE's scratchpad")
    weight_bank_words: Count = Field(72, description="weights of one chunk: the default is 8 channels x 9 taps")
    weight_banks: Literal[2] = Field(2, description="one bank computes while the other is filled")
    activation_fifo_words: NonNegative = Field(24, description="non-zero activations waiting for the MAC")
    psum_words: Count = Field(2, description="words of one partial sum (32 bits)")
    psum_banks: Literal[1, 2] = Field(2, description="2: a tile is drained while the next one accumulates")


class Caches(Strict):
    """The on-chip caches between DRAM and the scratchpads."""

    organisation: Literal["private", "unified"] = Field("private", description="three caches, or one for everything")
    weights_kib: Positive = Field(52, description="capacity of the cache of weights, if private")
    activations_kib: Positive = Field(52, description="capacity of the cache of activations, if private")
    thresholds_kib: Positive = Field(52, description="capacity of the cache of thresholds, if private")
    unified_kib: Positive = Field(156, description="capacity of the one cache, if unified")
    policy: Literal["lru", "pin"] = Field("lru", description="pin: what is resident stays until its last use")
    write_policy: Literal["write_around", "write_back"] = Field(
        "write_around", description="outputs go to DRAM, or into the cache and to DRAM when they are evicted"
    )
    banks: Count | None = Field(
        None, description="SRAM banks of each private cache, a third of a unified one's; null: never too few"
    )
    bank_words: Count = Field(16, description="words that a bank reads or writes in a cycle")
    ports: Literal[1, 2] = Field(2, description="of a bank; 2: one read and one write a cycle, 1: one of them")
    lookup_cycles: Count = Field(1, description="tag lookup of everything one pass needs")


class ActivationBlock(Strict):
    """The unit in which activations are stored, fetched and cached."""

    patch: Pair = Field((4, 4), description="positions of a block, as rows x columns")
    channels: Count = Field(8, description="channels of a block")


class Noc(Strict):
    """Words a cycle on each of the on-chip networks."""

    weight_words_per_cycle: Count = Field(64, description="multicast: one word reaches all rows of a column")
    activation_words_per_cycle: Count = Field(16, description="broadcast: one word reaches all columns of a row")
    threshold_words_per_cycle: Count = Field(64, description="unicast to one PE")
    fill_words_per_cycle: Count = Field(32, description="from DRAM into one cache")
    output_words_per_cycle: Count = Field(16, description="from the grid to the write-back buffer")
    latency_cycles: NonNegative = Field(1, description="from the first word sent to its arrival")


class Hardware(Strict):
    """One accelerator."""

    name: str = Field("mime65", description="what to call it")
    clock_mhz: Positive = Field(200, description="of everything but DRAM")
    word_bits: Literal[8, 16, 32] = Field(16, description="bits of a weight, an activation and a threshold")
    grid: Grid = Grid()
    scratchpad: Scratchpad = Scratchpad()
    caches: Caches = Caches()
    activation_block: ActivationBlock = ActivationBlock()
    noc: Noc = Noc()
    dram: Dram = Field(default_factory=lambda: Dram.model_validate({}))
    envm: Envm | None = Field(None, description="on-chip non-volatile memory, for schemes that keep parameters there")
    prefetch_passes: Count = Field(8, description="passes the controller may run ahead of the PE grid")
    compare_cycles: Count = Field(1, description="CMP units: from the last threshold to the first masked output")
    writeback_buffers: Count = Field(2, description="drained tiles waiting for or in DRAM")

    @model_validator(mode="after")
    def _times_are_known(self) -> Hardware:
        if self.envm is not None:
            self.envm.read_cycles(self.clock_mhz)
            if self.envm.switch == "rewrite":
                self.envm.write_cycles(1, self.clock_mhz)
        return self

    @property
    def burst_words(self) -> int:
        """Words in one DRAM burst."""
        return self.dram.organisation.burst_bytes * 8 // self.word_bits

    @property
    def spad_words(self) -> int:
        """Words in one PE's scratchpad."""
        return self.scratchpad.bytes * 8 // self.word_bits
