"""``mimesim completion``: what makes a shell complete commands, options and the names of shipped workloads."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

__all__ = ["completion"]


@click.command(short_help="Print what makes your shell complete mimesim.")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print a script with which SHELL completes commands, options, choices and the names of shipped workloads.

    \b
    Examples:
      mimesim completion bash > mimesim.bash       then: source mimesim.bash, in ~/.bashrc to keep it
      mimesim completion zsh > mimesim.zsh         then: source mimesim.zsh, in ~/.zshrc, after compinit
      mimesim completion fish > mimesim.fish       then: move it to ~/.config/fish/completions/
    """
    kind = get_completion_class(shell)
    if kind is None:
        raise click.UsageError(f"click completes nothing in {shell}")
    root = click.get_current_context().find_root().command
    click.echo(kind(root, {}, "mimesim", "_MIMESIM_COMPLETE").source())
