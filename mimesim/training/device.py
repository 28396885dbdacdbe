"""Where a training computes, in which precision, and what it says when memory ends."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import torch

from mimesim.errors import InputError

__all__ = ["autocast", "enough_memory", "pick_device", "precision"]


def pick_device() -> torch.device:
    """CUDA, else Apple's MPS, else the CPU."""
    if torch.cuda.is_available():
        return torch.device("cuda")
    if torch.backends.mps.is_available():
        return torch.device("mps")
    return torch.device("cpu")


def precision(device: torch.device) -> str:
    """In what matrices are multiplied: bfloat16, but not on MPS, nor on GPUs that only emulate it."""
    helps = device.type == "cpu" or (device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False))
    return "bfloat16 autocast" if helps else "float32"


def autocast(device: torch.device) -> AbstractContextManager[Any]:
    """Multiply in the :func:`precision` of *device*; the parameters stay float32, so no loss scaling is needed."""
    if precision(device) == "float32":
        return nullcontext()  # PyTorch 2.4 refuses an autocast on MPS, even one that is switched off
    return torch.autocast(device.type, dtype=torch.bfloat16)


@contextmanager
def enough_memory(where: str, remedy: str, *, key: str | None = None, value: object = None) -> Iterator[None]:
    """Make one ``InputError`` of memory that runs out in the block, whichever device's it is."""
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        # CUDA and MPS have a class for it, the CPU's allocator only says so
        said = ("out of memory", "can't allocate memory", "not enough memory")
        if not isinstance(error, MemoryError) and not any(words in str(error) for words in said):
            raise
        raise InputError(where, f"the device ran out of memory; {remedy}", key=key, value=value) from error
