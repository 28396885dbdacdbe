"""mimesim: cycle-level simulation of multi-task inference on recorded activation masks."""

from __future__ import annotations

__all__ = ["__version__"]

__version__ = "0.1.0"
