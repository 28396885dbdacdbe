"""The rooms of the house: who may import whom, and which packages stay behind which door."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "mimesim"

#: Each room imports only from rooms that stand before it (``docs/design.md`` tells what they are for).
ROOMS = (
    *(
        "errors",
        "pareto",
        "node",
        "network",
        "networks",
        "trace",
        "config",
        "schemes",
        "ledger",
        "dram",
        "energy",
        "accuracy",
    ),
    *(
        "schedule",
        "machine",
        "engine",
        "bounds",
        "recount",
        "conservation",
        "workers",
        "inputs",
        "timeline",
        "recordings",
    ),
    *(
        "simulation",
        "results",
        "report",
        "api",
        "serving",
        "paper",
        "faults",
        "compare",
        "sweeps",
        "training",
        "schema",
        "doctor",
    ),
    "cli",
)

#: Where a package may be imported at all; what is not listed may not be imported. A dot: this module only.
DOORS = {
    "PIL": ("training",),
    "click": ("cli",),
    "distributed": ("sweeps",),
    "jinja2": ("report",),
    "numba": ("engine",),
    "numpy": (
        *(
            "conservation",
            "dram",
            "engine",
            "faults",
            "machine.evictions",
            "recount",
            "schedule",
            "serving",
            "trace",
            "training",
        ),
    ),
    "optuna": ("sweeps",),
    "perfetto": ("timeline",),
    "pydantic": ("config", "inputs", "network", "node", "report", "sweeps", "trace", "training"),
    "rich": ("cli", "compare", "faults", "paper", "results", "report", "serving", "sweeps", "training"),
    "simpy": ("machine", "serving"),
    "sklearn": ("training",),
    "torch": ("training",),
    "torchvision": ("training",),
    "yaml": ("config",),
}

#: What takes long to load, or may not be installed: inside functions only.
LAZY = {"distributed", "jinja2", "matplotlib", "optuna", "pandas", "perfetto", "rich"}
#: Runs only where torch is installed, and loads it anyway.
EAGER = {"training"}

LONGEST = 300


class Import(NamedTuple):
    """An import: its line, the full name of what is imported, and where it stands."""

    path: Path
    line: int
    name: str
    types_only: bool
    in_function: bool

    @property
    def place(self) -> str:
        return f"{self.path.relative_to(ROOT)}:{self.line}"


def modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def module_name(path: Path) -> str:
    """Return the name below mimesim: ``schedule.blocks``, ``errors``; a package's ``__init__`` is the package."""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def imports(path: Path) -> tuple[Import, ...]:
    return tuple(_imports(path, ast.parse(path.read_text(encoding="utf-8")), False, False))


def _imports(path: Path, node: ast.AST, types_only: bool, in_function: bool) -> Iterator[Import]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import):
            for alias in child.names:
                yield Import(path, child.lineno, alias.name, types_only, in_function)
        elif isinstance(child, ast.ImportFrom):
            origin = "." * child.level + (child.module or "")
            for alias in child.names:
                yield Import(path, child.lineno, f"{origin}.{alias.name}", types_only, in_function)
        else:
            only = types_only or (isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING")
            inside = in_function or isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
            yield from _imports(path, child, only, inside)


@pytest.mark.parametrize("path", modules(), ids=module_name)
def test_imports_go_one_way(path: Path) -> None:
    room = module_name(path).partition(".")[0]
    if room in ("", "__main__"):
        # The façade and the command: they open every door, when asked to.
        return
    before = ROOMS[: ROOMS.index(room)]
    for found in imports(path):
        package, _, rest = found.name.partition(".")
        assert package, f"{found.place}: imports are absolute here"
        target = rest.partition(".")[0]
        if package != "mimesim" or found.types_only or target in ("", room, "__version__"):
            continue
        assert target in before, f"{found.place}: {room} imports {target}, which does not stand before it in ROOMS"


@pytest.mark.parametrize("path", modules(), ids=module_name)
def test_packages_stay_behind_their_doors(path: Path) -> None:
    module = module_name(path)
    room = module.partition(".")[0]
    for found in imports(path):
        package = found.name.partition(".")[0]
        if package == "mimesim" or package in sys.stdlib_module_names or found.types_only:
            continue
        if package in LAZY and room not in EAGER:
            assert found.in_function, f"{found.place}: import {package} inside the function that needs it"
        if package not in ("matplotlib", "pandas"):
            assert package in DOORS, f"{found.place}: {package} is no dependency of mimesim (docs/dependencies.md)"
            assert {room, module} & set(DOORS[package]), f"{found.place}: {package} belongs in {DOORS[package]}"


def test_every_room_is_known() -> None:
    found = {module_name(path).partition(".")[0] for path in modules()} - {"", "__main__"}
    assert found == set(ROOMS)


def test_modules_stay_short() -> None:
    places = [path for folder in ("mimesim", "tests", "benchmarks") for path in sorted((ROOT / folder).rglob("*.py"))]
    lengths = {str(path.relative_to(ROOT)): len(path.read_text(encoding="utf-8").splitlines()) for path in places}
    assert {name: length for name, length in lengths.items() if length > LONGEST} == {}


def test_the_oracle_shares_nothing_but_the_configuration() -> None:
    allowed = {"config", "network", "networks", "errors"}
    for path in sorted((ROOT / "tests" / "oracle").glob("*.py")):
        if path.name.startswith("test_"):
            continue
        for found in imports(path):
            package, _, rest = found.name.partition(".")
            assert package != "simpy", found.place
            assert package != "mimesim" or rest.partition(".")[0] in allowed, f"{found.place}: imports {found.name}"
