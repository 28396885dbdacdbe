"""mimesim: cycle-level simulation of multi-task inference on recorded activation masks."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mimesim.api import Results, run
    from mimesim.config import Workload, load_workload
    from mimesim.errors import InputError, MimesimError
    from mimesim.sweeps import sweep
    from mimesim.trace import Trace, TraceWriter

__all__ = [
    "InputError",
    "MimesimError",
    "Results",
    "Trace",
    "TraceWriter",
    "Workload",
    "__version__",
    "load_workload",
    "run",
    "sweep",
]

__version__ = "0.1.0"

#: Where each name comes from.
_PLACES = {
    "InputError": "errors",
    "MimesimError": "errors",
    "Results": "api",
    "Trace": "trace",
    "TraceWriter": "trace",
    "Workload": "config",
    "load_workload": "config",
    "run": "api",
    "sweep": "sweeps",
}


def __getattr__(name: str) -> object:
    """Import what is asked for then: ``mimesim --help`` needs neither NumPy nor pydantic."""
    if name in _PLACES:
        return getattr(import_module(f"mimesim.{_PLACES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    """Name what can be asked for, for those who complete with Tab."""
    return sorted({*globals(), *__all__})
