"""What came of the oldest versions, as a page."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence

from benchmarks.oldest.bounds import HELD
from benchmarks.oldest.environment import normal
from benchmarks.oldest.trial import Outcome, Tried

__all__ = ["report"]


def report(
    revision: str,
    python: str,
    pinned: Mapping[str, str],
    found: Mapping[str, str],
    tested: Outcome,
    tried: Sequence[Tried],
) -> str:
    """Return the text of ``RESULTS.md``: *python* and the packages *found*, of which *pinned* are declared."""
    names = {normal(name): name for name in pinned}
    brought = {name: version for name, version in found.items() if name not in names and name != "mimesim"}
    lines = [
        "# The oldest versions",
        "",
        f"Written by `make oldest` (`python -m benchmarks.oldest --write`) of revision {revision}, on Python {python}",
        f"({platform.machine()}, {platform.system()}), in an environment made for it: every package that `setup.cfg`",
        "names, for the core and all extras, at its lower bound; what these bring along is the newest that they bear.",
        "",
        f"- Tests: {tested}.",
        *(f"- {each.what}: `{each.command}` {'works' if each.works else '**does not work**'}." for each in tried),
        "",
        "## Failed",
        "",
        *([f"- `{name}`: {why}" for name, why in sorted(tested.failed.items())] or ["None."]),
        "",
        "## Skipped",
        "",
        *([f"- `{name}`: {why}" for name, why in sorted(tested.skipped.items())] or ["None."]),
        "",
        "## Declared",
        "",
        "| package | version |",
        "|---|---|",
        *(f"| {spelled} | {found.get(name, 'not installed')} |" for name, spelled in sorted(names.items())),
        "",
        "## Brought along",
        "",
        "Held back, with the reasons in the file itself: " + ", ".join(f"`{line}`" for line in _held()) + ".",
        "",
        ", ".join(f"{name} {version}" for name, version in sorted(brought.items())),
        "",
    ]
    return "\n".join(lines)


def _held() -> list[str]:
    lines = HELD.read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]
