"""The schemas that editors read say what the models say: they take every shipped file, and no misspelt key."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pydantic
import pytest

from mimesim.config.yaml_file import read_yaml
from mimesim.schema import SCHEMAS, make_schema, shipped_schema

jsonschema = pytest.importorskip("jsonschema")

ROOT = Path(__file__).resolve().parents[1]
WORKLOADS = ROOT / "workloads"
FILES = [
    (path, path.parent.name if path.parent != WORKLOADS else "workload") for path in sorted(WORKLOADS.rglob("*.yaml"))
]
TINY = read_yaml(WORKLOADS / "tiny.yaml")[0]


def errors(kind: str, data: object) -> list[str]:
    validator = jsonschema.Draft202012Validator(json.loads(shipped_schema(kind).read_text(encoding="utf-8")))
    return [error.message for error in validator.iter_errors(data)]


def mappings(data: Any) -> Iterator[dict[str, Any]]:
    """Yield every mapping in *data* that a model stands for, not those with names of the user's own."""
    if isinstance(data, dict):
        yield data
    for name, value in data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ():
        if name not in ("traces", "images"):
            yield from mappings(value)


@pytest.mark.parametrize("kind", SCHEMAS)
def test_what_is_shipped_is_what_the_models_say(kind: str, pytestconfig: pytest.Config) -> None:
    if kind == "training" and find_spec("torch") is None:
        pytest.skip("needs PyTorch")
    if tuple(map(int, pydantic.VERSION.split(".")[:2])) < (2, 12):
        pytest.skip("older versions of pydantic word it differently")
    text = json.dumps(make_schema(kind), indent=2) + "\n"
    if pytestconfig.getoption("--regen-golden"):
        shipped_schema(kind).write_text(text, encoding="utf-8", newline="")
    assert shipped_schema(kind).read_text(encoding="utf-8") == text, "make golden writes it anew"


@pytest.mark.parametrize("kind", SCHEMAS)
def test_it_is_a_schema_and_describes_every_key(kind: str) -> None:
    schema = json.loads(shipped_schema(kind).read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    models = {**schema["$defs"], kind: schema} if "$defs" in schema else {kind: schema}
    silent = [
        f"{name}.{key}"
        for name, model in models.items()
        for key, entry in model.get("properties", {}).items()
        # What refers to a model has its description.
        if "description" not in json.dumps(entry) and "$ref" not in json.dumps(entry)
    ]
    assert silent == []


@pytest.mark.parametrize(("path", "kind"), FILES, ids=lambda value: getattr(value, "stem", value))
def test_every_shipped_file_is_valid_and_says_so_to_editors(path: Path, kind: str) -> None:
    first = path.read_text(encoding="utf-8").partition("\n")[0]
    assert (path.parent / first.removeprefix("# yaml-language-server: $schema=")).resolve() == shipped_schema(kind)
    assert errors(kind, read_yaml(path)[0]) == []


@pytest.mark.parametrize(("path", "kind"), FILES, ids=lambda value: getattr(value, "stem", value))
def test_a_misspelt_key_is_found_wherever_it_stands(path: Path, kind: str) -> None:
    data = read_yaml(path)[0]
    for place in range(sum(1 for _ in mappings(data))):
        changed = copy.deepcopy(data)
        mapping = list(mappings(changed))[place]
        mapping["no_such_key"] = 1
        assert errors(kind, changed), f"{path.name}: {mapping}"


@pytest.mark.parametrize(
    "changes",
    [
        {"hardware": {"dram": "DDR4"}},
        {"hardware": {"dram": {"standard": "HBM2", "timing": {"t_rcd": 18}, "channels": 2}}},
        {"hardware": {"dram": {"standard": read_yaml(WORKLOADS / "dram" / "HBM2.yaml")[0]}}},
        {"energy": {"prices": "lpddr4-65nm-pj", "dram": "per_command"}},
        {"energy": {"prices": {"preset": "mime", "cache": 4}}},
        {
            "cases": [
                TINY["cases"][2] | {"hardware": {"caches": {"weights_kib": 64}}, "options": {"granularity": "neuron"}}
            ]
        },
        {"images_per_task": None, "schedule": {"set_order": "outer"}},
    ],
    ids=str,
)
def test_what_a_workload_may_say_besides(changes: dict[str, Any]) -> None:
    assert errors("workload", TINY | changes) == []


@pytest.mark.parametrize(
    "changes",
    [
        {"hardware": {"dram": {"timing": {"t_rcdd": 18}}}},
        {"hardware": {"clock_mhz": "200 MHz"}},
        {"hardware": {"grid": {"positions": [4]}}},
        {"energy": {"prices": "mims"}},
        {"cases": [TINY["cases"][0] | {"scheme": "mimee"}]},
        {"cases": [TINY["cases"][0] | {"options": {"granularty": "neuron"}}]},
        {"cases": [TINY["cases"][0] | {"schedule": {"set_ordr": "outer"}}]},
        {"cases": []},
        {"traces": {"a b": "x"}},
        {"tasks": [1]},
    ],
    ids=str,
)
def test_what_it_may_not(changes: dict[str, Any]) -> None:
    assert errors("workload", TINY | changes)


def test_a_training_file_of_another_system_is_checked_as_such() -> None:
    data = read_yaml(WORKLOADS / "training" / "dvn-reduced.yaml")[0]
    assert errors("training", data | {"system": "pam"})
    assert errors("training", data | {"system": "dvm"})
