"""JSON schemas of the YAML files, made from the models that check them: editors complete and check with them.

They are shipped, in ``workloads/schemas/``: making that of training files takes PyTorch. A test holds both equal.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, get_args, get_type_hints

from mimesim.config import Hardware, Schedule, Workload, shipped_folder
from mimesim.config.base import Strict
from mimesim.config.energy import PRESETS
from mimesim.config.shipped import shipped_standards, shipped_technologies
from mimesim.config.standard import Standard
from mimesim.config.technology import Technology
from mimesim.schemes import SCHEMES

__all__ = ["SCHEMAS", "make_schema", "shipped_schema"]

Schema = dict[str, Any]

_DIALECT = "https://json-schema.org/draft/2020-12/schema"


def make_schema(kind: str) -> Schema:
    """Return the schema of a *kind* of file, of :data:`SCHEMAS`; that of ``training`` takes PyTorch."""
    schema = {"$schema": _DIALECT, **_SCHEMAS[kind](), "title": f"mimesim: {_TITLES[kind]}"}
    _for_readers(schema)
    return schema


def shipped_schema(kind: str) -> Path:
    """Return the file of the schema that comes with mimesim."""
    return shipped_folder() / "schemas" / f"{kind}.json"


def _workload() -> Schema:
    schema = _of_hardware(Workload.model_json_schema())
    here, defs = schema["properties"], schema["$defs"]
    presets = sorted(path.stem for path in (shipped_folder() / "hardware").glob("*.yaml"))
    name = {"type": "string", "description": "a preset, or a YAML file beside this one", "examples": presets}
    here["hardware"] = {"anyOf": [name, {"$ref": "#/$defs/Hardware"}], "description": "a preset, or the machine itself"}
    here["traces"]["additionalProperties"] = False
    defs["Prices"] = _or_name(defs["Prices"], {"enum": list(PRESETS)})
    case = defs["Case"]["properties"]
    case["scheme"] = {"enum": list(SCHEMES), "description": case["scheme"]["description"]}
    case["options"] |= {"properties": dict(_options()), "additionalProperties": False}
    # Everything in them may be left out, which is what laying them over the workload's own takes.
    for key, model in (("hardware", "Hardware"), ("schedule", "Schedule")):
        case[key] = {"$ref": f"#/$defs/{model}", "description": case[key]["description"]}
    return schema


def _options() -> Iterator[tuple[str, Schema]]:
    """Yield the options of all schemes; which scheme has which is for the scheme to check."""
    for name, scheme in SCHEMES.items():
        # A scheme without options has no constructor of its own.
        for option, hint in get_type_hints(vars(scheme).get("__init__", _nothing)).items():
            if option != "return":
                choices = get_args(hint)
                kind = {"enum": list(choices)} if choices else {"type": "integer"}
                default = inspect.signature(scheme).parameters[option].default
                yield option, {**kind, "default": default, "description": f"of scheme {name}"}


def _nothing() -> None: ...


def _of_hardware(schema: Schema) -> Schema:
    """Let a standard's name stand for DRAM, and let everything be left out that the standard has."""
    defs = schema["$defs"]
    standard = Standard.model_json_schema()
    defs |= standard.pop("$defs")
    defs["Standard"] = standard
    for model in ("Dram", "Organisation", "Timing", "Standard", "Envm"):
        defs[model].pop("required")
    name = {"type": "string", "examples": shipped_standards()}
    here = defs["Dram"]["properties"]["standard"]
    here |= {"anyOf": [name, {"$ref": "#/$defs/Standard"}]}
    del here["type"]
    defs["Dram"] = _or_name(defs["Dram"], name)
    defs["Envm"] = _or_name(defs["Envm"], {"type": "string", "examples": shipped_technologies()})
    return schema


def _hardware() -> Schema:
    return _of_hardware(Hardware.model_json_schema())


def _training() -> Schema:
    from mimesim.training.config import TrainingConfig
    from mimesim.training.dvn.config import DvnConfig
    from mimesim.training.pam.config import PamConfig

    systems: Mapping[str, type[Strict]] = {"pam": PamConfig, "dvn": DvnConfig}
    defs: Schema = {}
    rest: Schema = _within(TrainingConfig.model_json_schema(), defs)
    for system, model in systems.items():
        chosen = {"properties": {"system": {"const": system}}, "required": ["system"]}
        rest = {"if": chosen, "then": _within(model.model_json_schema(), defs), "else": rest}
    defs["ImageTask"] = _or_name(defs["ImageTask"], {"type": "string"})
    return {"description": "What mimesim train learns and records.", "type": "object", **rest, "$defs": defs}


def _within(schema: Schema, defs: Schema) -> Schema:
    """Return *schema* with its definitions put into *defs*."""
    for name, model in schema.pop("$defs", {}).items():
        if defs.setdefault(name, model) != model:
            raise ValueError(f"two models are called {name}")
    return schema


def _for_readers(entry: object) -> None:
    """Take out of descriptions what is for programmers: the errors, and the marks of a docstring."""
    if isinstance(entry, dict):
        text = entry.get("description")
        if isinstance(text, str):
            plain = re.sub(r":\w+:`([^`]*)`", r"`\1`", text.partition("Raises :class:")[0]).replace("``", "`")
            entry["description"] = plain.strip()
    for below in entry.values() if isinstance(entry, dict) else entry if isinstance(entry, list) else ():
        _for_readers(below)


def _or_name(model: Schema, name: Schema) -> Schema:
    return {"anyOf": [name, model], "description": model.get("description", "")}


_SCHEMAS: Mapping[str, Callable[[], Schema]] = {
    "workload": _workload,
    "hardware": _hardware,
    "schedule": Schedule.model_json_schema,
    "dram": Standard.model_json_schema,
    "envm": Technology.model_json_schema,
    "training": _training,
}
_TITLES = {
    "workload": "a workload",
    "hardware": "an accelerator",
    "schedule": "the schedule of a workload",
    "dram": "a DRAM standard",
    "envm": "a technology of on-chip memory",
    "training": "a training",
}
SCHEMAS = tuple(_SCHEMAS)
"""The kinds of files that have a schema."""
