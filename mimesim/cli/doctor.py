"""``mimesim doctor``: what is installed, and what is missing for what."""

from __future__ import annotations

import json
from dataclasses import asdict

import click

__all__ = ["doctor"]

#: Something is missing that a run needs.
_UNFIT = 1


@click.command(short_help="Tell what is installed and what is missing.")
@click.option("--devices", is_flag=True, help="Ask PyTorch what it computes on; takes seconds.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def doctor(devices: bool, as_json: bool) -> None:
    """Tell what is installed: packages, each against the versions that mimesim needs, by extra; programs; image sets;
    folders; the shipped workloads with their traces.

    The exit status is 0 unless something is missing or damaged that a run needs (marked with "!"). What else is
    missing is for training, tests or pictures.

    \b
    Examples:
      mimesim doctor
      mimesim doctor --json
    """
    from mimesim.doctor import examine, healthy, title

    if not as_json:
        click.echo(title())
    checks, group = [], None
    for check in examine(devices):
        checks.append(check)
        if as_json:
            continue
        if check.group != group:
            group = check.group
            click.echo(f"\n{group}")
        mark = "!" if check.needed and check.state != "ok" else " "
        click.echo(f"{mark} {check.state:<8} {check.name:<16} {check.found}")
    fit = healthy(checks)
    if as_json:
        click.echo(json.dumps({"title": title(), "fit": fit, "checks": [asdict(check) for check in checks]}, indent=2))
    else:
        click.echo(f"\n{'everything that a run needs is here' if fit else 'mimesim cannot run: see the lines with !'}")
    click.get_current_context().exit(0 if fit else _UNFIT)
