"""The command ``mimesim`` and what every command has in common: one line for an error, and the exit status."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

import click

from mimesim import __version__
from mimesim.cli.compare import compare
from mimesim.cli.completion import completion
from mimesim.cli.config import config
from mimesim.cli.doctor import doctor
from mimesim.cli.dram import dram
from mimesim.cli.faults import faults
from mimesim.cli.paper import paper
from mimesim.cli.report import report
from mimesim.cli.run import run
from mimesim.cli.serve import serve
from mimesim.cli.sweep import pareto, sweep
from mimesim.cli.trace import trace
from mimesim.cli.train import train
from mimesim.errors import MimesimError

__all__ = ["cli", "main"]

_USER_ERROR = 2
_INTERRUPTED = 130
_PIPE_CLOSED = 141


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120})
@click.version_option(__version__, prog_name="mimesim", message="%(prog)s %(version)s")
def cli() -> None:
    """Replay recorded activation masks on a simulated multi-task accelerator, cycle by cycle.

    \b
    Start here:
      mimesim run tiny                            a small shipped workload, in a second
      mimesim run --mode pipelined vgg16          the paper's network and cases
      mimesim report out/vgg16-pipelined          its results as one HTML file with figures
      mimesim config show tiny                    everything that decides a run
      mimesim run tiny --set hardware.dram.channels=2
      mimesim doctor                              what is installed, and what is missing

    Results are CSV files under out/; every command explains itself with --help.
    """


for command in (
    run,
    report,
    compare,
    serve,
    sweep,
    pareto,
    config,
    trace,
    train,
    paper,
    dram,
    faults,
    doctor,
    completion,
):
    cli.add_command(command)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and leave the process.

    Exit status: 0, or 2 with one line on stderr for whatever the user can mend, or 130 after Ctrl-C.
    """
    sys.exit(_status(arguments))


def _status(arguments: Sequence[str] | None) -> int:
    try:
        status = cli.main(args=arguments, prog_name="mimesim", standalone_mode=False)
        # Here, while what goes wrong can still be told: at exit Python would only complain.
        sys.stdout.flush()
    except MimesimError as error:
        return _fail(str(error))
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message())
        return _USER_ERROR
    except click.UsageError as error:
        context = error.ctx.command_path if error.ctx else "mimesim"
        return _fail(f"{error.format_message().rstrip('.')} (see '{context} --help')")
    except click.ClickException as error:
        return _fail(error.format_message())
    except (KeyboardInterrupt, click.Abort):
        click.echo("interrupted", err=True)
        return _INTERRUPTED
    except BrokenPipeError:
        # Whoever read the output has seen enough; Python must not complain about it at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _PIPE_CLOSED
    except OSError as error:
        if error.strerror is None:
            raise
        return _fail(f"{error.filename}: {error.strerror}" if error.filename else error.strerror)
    return status if isinstance(status, int) else 0


def _fail(message: str) -> int:
    click.echo(f"error: {' '.join(message.split())}", err=True)
    return _USER_ERROR
