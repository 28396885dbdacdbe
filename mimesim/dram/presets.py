"""Find, read and check a standard: a shipped one by its name, or a YAML file."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from mimesim.config import Override, shipped_folder
from mimesim.config.explain import check, suggest
from mimesim.config.origin import Origin
from mimesim.config.overrides import lay_over
from mimesim.config.yaml_file import read_yaml
from mimesim.dram.standard import Standard
from mimesim.errors import InputError

__all__ = ["load_standard", "shipped_standards"]


def shipped_standards() -> list[str]:
    """Return the names of the standards that come with mimesim."""
    return sorted(path.stem for path in (shipped_folder() / "dram").glob("*.yaml"))


def load_standard(source: str, overrides: Iterable[Override | str] = ()) -> Standard:
    """Return the standard named *source*, or in the YAML file *source*, with *overrides* such as ``timing.t_cl=11``.

    Raises :class:`InputError` naming file and line (or option), key, value and rule for the first thing that is wrong.
    """
    path = Path(source)
    if path.suffix not in (".yaml", ".yml"):
        names = shipped_standards()
        by_key = {name.lower(): name for name in names}
        # DDR4 is enough where there is one DDR4.
        short = [name for name in names if name.lower().startswith(f"{source.lower()}-")]
        if len(short) == 1:
            by_key.setdefault(source.lower(), short[0])
        if source.lower() not in by_key:
            rule = f"there is no such standard; {suggest(source, names)}; a standard of your own is a YAML file"
            raise InputError("--standard", rule, value=source)
        path = shipped_folder() / "dram" / f"{by_key[source.lower()]}.yaml"
    data, places = read_yaml(path)
    for override in overrides:
        lay_over(data, places, Override.parse(override) if isinstance(override, str) else override)
    return check(Standard, data, Origin(str(path), path.parent, places))
