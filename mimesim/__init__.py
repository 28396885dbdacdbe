"""mimesim: cycle-level simulation of multi-task inference on recorded activation masks."""

from __future__ import annotations

from mimesim.trace import Trace, TraceWriter

__all__ = ["Trace", "TraceWriter", "__version__"]

__version__ = "0.1.0"
