"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click
from click.shell_completion import CompletionItem

if TYPE_CHECKING:
    from mimesim.config import Override, Workload

__all__ = [
    "FILE",
    "FOLDER",
    "MODE",
    "RUN_MODE",
    "engine_option",
    "load",
    "needs_pytorch",
    "set_option",
    "workload_argument",
]

Function = TypeVar("Function", bound=Callable[..., Any])

FOLDER = click.Path(path_type=Path)
FILE = click.Path(path_type=Path, dir_okay=False)
MODE = click.Choice(["singular", "pipelined"])
RUN_MODE = click.Choice(["singular", "pipelined", "multitask"])


def workload_argument(function: Function) -> Function:
    """Add the argument WORKLOAD."""
    return click.argument("workload", metavar="WORKLOAD", shell_complete=_workloads)(function)


def _workloads(_context: click.Context, _parameter: click.Parameter, typed: str) -> list[CompletionItem]:
    """Return the shipped workloads that begin with what was typed, and that a file may stand there, too."""
    from mimesim.config import shipped_folder

    names = sorted(path.stem for path in shipped_folder().glob("*.yaml") if path.stem.startswith(typed))
    return [*map(CompletionItem, names), CompletionItem(typed, type="file")]


def set_option(function: Function) -> Function:
    """Add ``--set``."""
    text = "Change one entry of the workload, such as hardware.dram.channels=2; may be repeated."
    return click.option("--set", "settings", metavar="KEY=VALUE", multiple=True, help=text)(function)


def engine_option(function: Function) -> Function:
    """Add ``--engine``."""
    return click.option(
        "--engine",
        # Those of mimesim.engine, which would be loaded for every --help.
        type=click.Choice(["simpy", "compiled", "auto"]),
        default="auto",
        show_default=True,
        help="Who replays, with the same results: auto is the compiled engine, where it can and that pays, or SimPy.",
    )(function)


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
