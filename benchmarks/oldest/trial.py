"""Run the tests, and what else uses a package, in an environment, and tell what came of it."""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree

from benchmarks.oldest.bounds import ROOT
from benchmarks.oldest.environment import constrained, python_in

__all__ = ["OTHERS", "Outcome", "Tried", "all_tests", "run_tests", "try_others"]

#: What uses packages that no test does, by their names. mypy is not among them: what an old package says of its own
#: types is not what the newest says, and the code can be held against one of them only.
OTHERS = {
    "ruff": ("-m", "ruff", "check"),
    "ruff, its format": ("-m", "ruff", "format", "--check"),
    "pytest-xdist": ("-m", "pytest", "-q", "--numprocesses", "2", "tests/trace"),
    "build, setuptools": ("-m", "build", "--outdir", ".oldest/dist"),
}

_LONG = ("tests/training", "tests/test_docs.py", "tests/cli")
#: What pytest ends with where all that was found is left out.
_NOTHING_CHOSEN = 5


@dataclass(frozen=True)
class Outcome:
    """What the tests came to: how many passed, and by name why others were skipped and with what they failed."""

    passed: int
    skipped: dict[str, str] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.passed} passed, {len(self.failed)} failed, {len(self.skipped)} skipped"


@dataclass(frozen=True)
class Tried:
    """Whether a command did what it should."""

    what: str
    command: str
    works: bool


def run_tests(folder: Path, tests: Sequence[str], options: Sequence[str], jobs: int) -> Outcome:
    """Run pytest with *options* in environment *folder* on each of *tests*, *jobs* at a time, and tell of each.

    Raises :class:`SystemExit` if one of them could not even start.
    """

    def attempt(number: int) -> Outcome:
        record = folder.absolute() / f"tests-{number}.xml"
        record.unlink(missing_ok=True)
        command = ["-m", "pytest", "-p", "no:cacheprovider", "-q", f"--junit-xml={record}", *options, tests[number]]
        done = subprocess.run(
            [str(python_in(folder)), *command],
            cwd=ROOT,
            env=_environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        part = read(record.read_text(encoding="utf-8")) if record.is_file() else Outcome(0)
        if done.returncode not in (0, _NOTHING_CHOSEN):
            print(done.stdout, done.stderr, sep="\n")
            if not part.failed:
                raise SystemExit(f"pytest ended with {done.returncode} on {tests[number]}")
        print(f"{tests[number]}: {part}", flush=True)
        return part

    with ThreadPoolExecutor(jobs) as pool:
        parts = list(pool.map(attempt, range(len(tests))))
    return Outcome(
        sum(part.passed for part in parts),
        {name: why for part in parts for name, why in part.skipped.items()},
        {name: why for part in parts for name, why in part.failed.items()},
    )


def all_tests() -> list[str]:
    """Return the parts of ``tests/`` that can run by themselves, those that take longest first."""
    below = sorted(path for path in (ROOT / "tests").iterdir() if path.is_dir() or path.match("test_*.py"))
    parts = [f"tests/{path.name}" for path in below if path.is_file() or any(path.rglob("test_*.py"))]
    return [*_LONG, *(part for part in parts if part not in _LONG)]


def read(record: str) -> Outcome:
    """Return what pytest's *record* in JUnit's form says."""
    passed = 0
    skipped, failed = {}, {}
    for case in ElementTree.fromstring(record).iter("testcase"):  # noqa: S314 - our own
        name = ".".join(filter(None, (case.get("classname"), case.get("name"))))
        if (skip := case.find("skipped")) is not None:
            skipped[name] = skip.get("message", "")
        elif (failure := _first(case, "failure", "error")) is not None:
            failed[name] = failure.get("message", "").partition("\n")[0]
        else:
            passed += 1
    return Outcome(passed, skipped, failed)


def try_others(folder: Path) -> list[Tried]:
    """Run :data:`OTHERS` in environment *folder*; what they print is seen of those that fail."""
    tried = []
    for what, arguments in OTHERS.items():
        command = [str(python_in(folder)), *arguments]
        environment = constrained(folder)
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            print(done.stdout, done.stderr, sep="\n")
        tried.append(Tried(what, f"python {shlex.join(arguments)}", done.returncode == 0))
    return tried


def _environment() -> dict[str, str]:
    # The image sets are no part of what is tried.
    return {name: value for name, value in os.environ.items() if name != "MIMESIM_DATA"}


def _first(case: ElementTree.Element, *tags: str) -> ElementTree.Element | None:
    return next((found for tag in tags if (found := case.find(tag)) is not None), None)
