"""Where a training computes, and in which precision."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any

import torch

__all__ = ["autocast", "pick_device"]


def pick_device() -> torch.device:
    """CUDA, else Apple's MPS, else the CPU."""
    if torch.cuda.is_available():
        return torch.device("cuda")
    if torch.backends.mps.is_available():
        return torch.device("mps")
    return torch.device("cpu")


def autocast(device: torch.device) -> AbstractContextManager[Any]:
    """bfloat16 where matrices are multiplied; the parameters stay float32, so no loss scaling is needed."""
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=device.type in ("cpu", "cuda"))
