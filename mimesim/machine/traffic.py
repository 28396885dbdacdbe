"""What blocks book on their way between caches and DRAM (``docs/machine.md``, sections 6.1 and 8)."""

from __future__ import annotations

from collections.abc import Sequence

from mimesim.ledger import PhaseRecord
from mimesim.schedule.memory_map import ActivationRegion

__all__ = ["book_allocated", "book_evicted", "book_read", "book_written"]


def book_allocated(record: PhaseRecord, region: ActivationRegion, address: int) -> None:
    """Book the block at *address* as written into a cache by its drain job."""
    row = record.row(region.image)
    values, bitmap = region.words(address)
    row.book("cache", "outputs", "write", values)
    row.book("cache", "outputs_mask", "write", bitmap)


def book_written(record: PhaseRecord, region: ActivationRegion, address: int) -> tuple[int, int]:
    """Book the block at *address* as written to DRAM and return its run (address, bursts)."""
    row = record.row(region.image)
    values, bitmap = region.words(address)
    bursts = region.bursts[(address - region.address) // region.slot]
    row.book("dram", "outputs", "write", values)
    row.book("dram", "mask", "write", bitmap)
    row.bursts["dram", "outputs", "write"] += bursts
    return address, bursts


def book_evicted(record: PhaseRecord, region: ActivationRegion, address: int) -> tuple[int, int]:
    """Book the dirty block at *address* as read from its cache and written to DRAM; return its run."""
    row = record.row(region.image)
    values, bitmap = region.words(address)
    row.book("cache", "outputs", "read", values)
    row.book("cache", "outputs_mask", "read", bitmap)
    return book_written(record, region, address)


def book_read(record: PhaseRecord, image: int, tensor: str, extra: str, words: Sequence[int]) -> None:
    """Book *words* of values of a tensor, of what says where they are (*extra*), of norm; and bursts, the last."""
    row = record.row(image)
    for name, count in zip((tensor, extra, "norm"), words, strict=False):
        row.book("dram", name, "read", count)
        row.book("cache", name, "write", count)
    row.bursts["dram", tensor, "read"] += words[-1]
