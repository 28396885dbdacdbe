"""Find, read and check a workload; write one out again with everything in it resolved."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from mimesim.config.dram import drop_standard
from mimesim.config.envm import drop_technology
from mimesim.config.explain import check, suggest
from mimesim.config.origin import KeyPath, Origin
from mimesim.config.overrides import Override, forget, lay_over
from mimesim.config.shipped import YAML_SUFFIXES, shipped_folder
from mimesim.config.workload import Workload
from mimesim.config.yaml_file import read_yaml
from mimesim.errors import InputError

__all__ = ["dump_workload", "load_workload"]

_Drop = Callable[[object, object], list[str]]
#: Names that stand for numbers beside them, and what takes these away.
_NAMED: dict[tuple[str, str], _Drop] = {("dram", "standard"): drop_standard, ("envm", "technology"): drop_technology}


def load_workload(source: str | Path, overrides: Iterable[Override | str] | Mapping[str, object] = ()) -> Workload:
    """Return the workload in a YAML file, or a shipped one by its bare name (``vgg16``), with *overrides* laid over it.

    Overrides are values by dotted key, or texts as ``--set`` takes them; an entry of a list goes by its number from 0
    or by its name.

    >>> workload = load_workload("tiny", {"hardware.dram.channels": 2, "cases.case-2.skipping": "gate"})
    >>> workload.hardware.dram.channels, workload.cases[1].skipping
    (2, 'gate')
    >>> workload == load_workload("tiny", ["hardware.dram.channels=2", "cases.1.skipping=gate"])
    True

    Raises :class:`InputError` naming file and line (or option), key, value and rule for the first thing that is wrong.
    """
    path = _find(str(source))
    data, places = read_yaml(path)
    for override in _each(overrides):
        if override.path[0] == "hardware" and len(override.path) > 1:
            _load_preset(data, places, path.parent)
        for named, drop in _NAMED.items():
            if override.path[-2:] == named:
                _drop(data, places, override, drop)
        lay_over(data, places, override)
    _load_preset(data, places, path.parent)
    return check(Workload, data, Origin(str(path), path.parent, places))


def dump_workload(workload: Workload) -> str:
    """Return *workload* as YAML with every default written out and absolute paths; it loads to the same again."""
    data = workload.model_dump(mode="json")
    data["traces"] = {name: str(workload.trace_folder(name).resolve()) for name in workload.traces}
    return yaml.dump(data, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)


def _each(overrides: Iterable[Override | str] | Mapping[str, object]) -> list[Override]:
    if isinstance(overrides, Mapping):
        return [Override.given(key, value) for key, value in overrides.items()]
    if isinstance(overrides, str):
        raise InputError("overrides", "must be a mapping of keys to values, or a list of texts", value=overrides)
    return [Override.parse(override) if isinstance(override, str) else override for override in overrides]


def _find(source: str) -> Path:
    path = Path(source)
    if path.suffix in YAML_SUFFIXES or len(path.parts) > 1 or path.is_file():
        if path.is_dir():
            raise InputError(source, "is a folder; a workload is a YAML file")
        if not path.exists():
            near = sorted(p.name for p in path.parent.glob("*") if p.suffix in YAML_SUFFIXES)
            hint = f"; {suggest(path.name, near)}" if near else ""
            raise InputError(source, f"there is no such file{hint}")
        return path
    shipped = shipped_folder() / f"{source}.yaml"
    if not shipped.is_file():
        names = sorted(p.stem for p in shipped_folder().glob("*.yaml"))
        raise InputError(
            source, f"there is no shipped workload of this name, nor such a file; {suggest(source, names)}"
        )
    return shipped


def _load_preset(data: dict[str, Any], places: dict[KeyPath, str], folder: Path) -> None:
    """Put the hardware that a name or a path stands for in its place."""
    name = data.get("hardware")
    if not isinstance(name, str):
        return
    where = places.get(("hardware",), "hardware")
    if Path(name).suffix in YAML_SUFFIXES or "/" in name:
        path = folder / name
        known = [str(p.relative_to(folder)) for p in folder.glob("hardware/*.yaml")]
    else:
        path = shipped_folder() / "hardware" / f"{name}.yaml"
        known = [p.stem for p in path.parent.glob("*.yaml")]
    if not path.is_file():
        rule = f"there is no such hardware preset; {suggest(name, sorted(known))}"
        raise InputError(where, rule, key="hardware", value=name)
    preset, lines = read_yaml(path)
    data["hardware"] = preset
    forget(places, ("hardware",))
    places[("hardware",)] = str(path)
    places.update({("hardware", *key): line for key, line in lines.items()})


def _drop(data: dict[str, Any], places: dict[KeyPath, str], override: Override, drop: _Drop) -> None:
    """Take away what stands beside a standard or a technology that *override* replaces."""
    here: Any = data
    for part in override.path[:-1]:
        here = here.get(part) if isinstance(here, dict) else None
    for key in drop(here, {override.path[-1]: override.value}):
        forget(places, (*override.path[:-1], key))


class _Dumper(yaml.SafeDumper):
    """Short lists on one line, as people write them."""

    def represent_sequence(self, tag: str, sequence: Any, flow_style: bool | None = None) -> yaml.SequenceNode:
        """Write a list of plain values in brackets."""
        plain = all(not isinstance(item, dict | list) for item in sequence)
        return super().represent_sequence(tag, sequence, flow_style=True if plain else flow_style)

    def ignore_aliases(self, data: Any) -> bool:
        """Write everything out."""
        return True
