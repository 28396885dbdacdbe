"""Compiling the kernels: numba, with a cache on disk that a change of any kernel empties."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from functools import cache
from hashlib import sha256
from pathlib import Path
from tempfile import gettempdir
from typing import Any, TypeVar, cast

import numba

__all__ = ["inlined", "kernel"]

Kernel = TypeVar("Kernel", bound=Callable[..., Any])

_HERE = Path(__file__).parent
#: What kernels are made from, beside themselves and their tables.
_OTHERS = (_HERE / "columns.py", _HERE / "jit.py")


def kernel(function: Kernel) -> Kernel:
    """Compile *function* when it is first called, for the types that it is called with; keep the result on disk.

    Where no folder can be written, every process compiles for itself.
    """
    return _compiled(function)


def inlined(function: Kernel) -> Kernel:
    """Compile *function* into whoever calls it: it is small, and tables are many words to hand over."""
    return _compiled(function, forceinline=True)


def _compiled(function: Kernel, **more: bool) -> Kernel:
    # Numbers never overflow here (see `covers`), and nothing is divided by zero: Python's checks would only cost time.
    # Nothing is allocated either, so that nobody has to count who uses an array: that took nine tenths of the time.
    options: dict[str, Any] = {"error_model": "numpy", "nogil": True, "_nrt": False, **more}
    # Its settings are attributes that it makes as it is loaded, which no checker sees.
    before = numba.config.CACHE_DIR  # type: ignore[attr-defined]
    numba.config.CACHE_DIR = str(_folder())  # type: ignore[attr-defined]
    try:
        return cast("Kernel", numba.njit(cache=True, **options)(function))
    except RuntimeError:
        return cast("Kernel", numba.njit(**options)(function))
    finally:
        numba.config.CACHE_DIR = before  # type: ignore[attr-defined]


@cache
def _folder() -> Path:
    """Return where compiled kernels are kept: a folder that belongs to these very sources.

    Numba looks at the file of each function alone, and would go on using one that has compiled in what another file
    said before it was changed.
    """
    digest = sha256()
    kinds = _HERE.parent / "machine" / "kinds.py"
    for path in (*sorted(_HERE.glob("*_kernel.py")), *sorted(_HERE.glob("*tables.py")), *_OTHERS, kinds):
        digest.update(path.read_bytes())
    return _base() / f"mimesim-kernels-{digest.hexdigest()[:16]}"


def _base() -> Path:
    if chosen := os.environ.get("NUMBA_CACHE_DIR"):
        return Path(chosen)
    beside = _HERE / "__pycache__"
    if os.access(beside if beside.exists() else _HERE, os.W_OK):
        return beside
    # The install folder belongs to somebody else.
    try:
        home = Path.home()
    except RuntimeError:
        return Path(gettempdir())
    if sys.platform == "darwin":
        return home / "Library" / "Caches" / "mimesim"
    return Path(os.environ.get("XDG_CACHE_HOME") or os.environ.get("LOCALAPPDATA") or home / ".cache") / "mimesim"
