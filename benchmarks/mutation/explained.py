"""Why some faults cannot be found: by the name under which the results list them."""

from __future__ import annotations

__all__ = ["EXPLAINED"]

EXPLAINED: dict[str, str] = {}
