"""mimesim: cycle-level simulation of multi-task inference on recorded activation masks."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mimesim.trace import Trace, TraceWriter

__all__ = ["Trace", "TraceWriter", "__version__"]

__version__ = "0.1.0"


def __getattr__(name: str) -> object:
    """Import what is asked for then: ``mimesim --help`` needs neither NumPy nor pydantic."""
    if name in ("Trace", "TraceWriter"):
        from mimesim import trace

        return getattr(trace, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
