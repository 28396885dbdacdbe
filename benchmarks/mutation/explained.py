"""Why some faults are not found: by file and what the change leaves of its line."""

from __future__ import annotations

__all__ = ["EXPLAINED"]

EXPLAINED: dict[str, str] = {
    "machine/pe_grid.py: and ((request := requests[place]) == 0 or activations[request - 1] is environment.cycle)": (
        "Nothing changes but speed: a pass that is taken for one that has to wait goes through the general test of all "
        "conditions, which finds that they hold."
    ),
}
