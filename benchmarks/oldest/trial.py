"""Run the tests, and what else uses a package, in an environment, and tell what came of it."""

from __future__ import annotations

import os
import shlex
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree

from benchmarks.oldest.bounds import ROOT
from benchmarks.oldest.environment import constrained, python_in

__all__ = ["OTHERS", "Outcome", "Tried", "run_tests", "try_others"]

#: What uses packages that no test does, by their names. mypy is not among them: what an old package says of its own
#: types is not what the newest says, and the code can be held against one of them only.
OTHERS = {
    "ruff": ("-m", "ruff", "check"),
    "ruff, its format": ("-m", "ruff", "format", "--check"),
    "build, setuptools": ("-m", "build", "--outdir", ".oldest/dist"),
    "cosmic-ray": ("-c", "from benchmarks.mutation.sampled import sample; assert len(sample(3)) == 3"),
}


@dataclass(frozen=True)
class Outcome:
    """What the tests came to: numbers, and for those that did not run why, for those that failed the first line."""

    passed: int
    skipped: dict[str, str] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0


@dataclass(frozen=True)
class Tried:
    """Whether a command did what it should."""

    what: str
    command: str
    works: bool


def run_tests(folder: Path, arguments: Sequence[str]) -> Outcome:
    """Run pytest with *arguments* in environment *folder*; what it prints is seen.

    Raises :class:`SystemExit` if it could not even start.
    """
    record = folder.absolute() / "tests.xml"
    record.unlink(missing_ok=True)
    began = time.monotonic()
    command = [str(python_in(folder)), "-m", "pytest", "-p", "no:cacheprovider", f"--junit-xml={record}", *arguments]
    # The image sets are no part of what is tried.
    environment = {name: value for name, value in os.environ.items() if name != "MIMESIM_DATA"}
    done = subprocess.run(command, cwd=ROOT, env=environment, check=False)
    if not record.is_file():
        raise SystemExit(done.returncode or 1)
    tested = read(record.read_text(encoding="utf-8"), time.monotonic() - began)
    if done.returncode and not tested.failed:
        raise SystemExit(done.returncode)
    return tested


def read(record: str, seconds: float) -> Outcome:
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
    return Outcome(passed, skipped, failed, seconds)


def try_others(folder: Path) -> list[Tried]:
    """Run :data:`OTHERS` in environment *folder*; what they print is seen."""
    tried = []
    for what, arguments in OTHERS.items():
        command = [str(python_in(folder)), *arguments]
        done = subprocess.run(command, cwd=ROOT, env=constrained(folder), check=False)
        tried.append(Tried(what, f"python {shlex.join(arguments)}", done.returncode == 0))
    return tried


def _first(case: ElementTree.Element, *tags: str) -> ElementTree.Element | None:
    return next((found for tag in tags if (found := case.find(tag)) is not None), None)
