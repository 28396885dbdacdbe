"""Running what a user wrote: its errors are the user's."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

from mimesim.errors import InputError, MimesimError

__all__ = ["user_code"]


@contextmanager
def user_code(where: str, name: str) -> Iterator[None]:
    """Whatever the user's module raises is told in one line, with the last place in it.

    *where* is the option or key that *name*, ``MODULE:FUNCTION``, stands at.
    """
    try:
        yield
    except MimesimError:
        raise
    except Exception as error:
        inside = (str(Path(torch.__file__).parent), str(Path(__file__).parent), "<frozen")
        frames = [f for f in traceback.extract_tb(error.__traceback__) if not f.filename.startswith(inside)]
        # the first frames are Python's importlib, which stands in no one's way
        place = [f"{Path(f.filename).name}:{f.lineno}" for f in frames if "importlib" not in f.filename][-1:]
        reason = str(error).splitlines()[0] if str(error) else ""
        said = f"raised {type(error).__name__}: {reason}".rstrip(": ")
        raise InputError(where, " at ".join([said, *place]), value=name) from error
