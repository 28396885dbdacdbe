"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from mimesim.config import Override, Workload

__all__ = ["FOLDER", "MODE", "RUN_MODE", "load", "needs_pytorch", "set_option", "workload_argument"]

Function = TypeVar("Function", bound=Callable[..., Any])

FOLDER = click.Path(path_type=Path)
MODE = click.Choice(["singular", "pipelined"])
RUN_MODE = click.Choice(["singular", "pipelined", "multitask"])


def workload_argument(function: Function) -> Function:
    """Add the argument WORKLOAD."""
    return click.argument("workload", metavar="WORKLOAD")(function)


def set_option(function: Function) -> Function:
    """Add ``--set``."""
    text = "Change one entry of the workload, such as hardware.dram.channels=2; may be repeated."
    return click.option("--set", "settings", metavar="KEY=VALUE", multiple=True, help=text)(function)


@contextmanager
def needs_pytorch(what: str) -> Iterator[None]:
    """Say how to install what an import in the block lacks, for *what* the command does."""
    from mimesim.errors import MimesimError

    try:
        yield
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("mimesim"):
            raise
        raise MimesimError(f"{what} needs {error.name}: pip install 'mimesim[train]'") from None


def load(workload: str, settings: tuple[str, ...], extra: tuple[Override, ...] = ()) -> Workload:
    """Return the workload that a command line describes."""
    from mimesim.config import load_workload

    return load_workload(workload, [*settings, *extra])
