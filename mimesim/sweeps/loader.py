"""Read a sweep's YAML file."""

from __future__ import annotations

from pathlib import Path

from mimesim.config.explain import check
from mimesim.config.origin import Origin
from mimesim.config.yaml_file import read_yaml
from mimesim.sweeps.settings import Sweep

__all__ = ["load_sweep"]


def load_sweep(path: str | Path) -> Sweep:
    """Return the sweep in a YAML file; raises :class:`InputError` with file, line, key, value and rule."""
    path = Path(path)
    data, places = read_yaml(path)
    return check(Sweep, data, Origin(str(path), path.parent, places))
