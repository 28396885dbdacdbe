"""Run the tests on a copy of the project with one fault in it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue

from benchmarks.mutation.fault import ROOT, Fault

__all__ = ["SUITES", "Outcome", "try_all"]

#: Tried in this order, those that find most in the least time first. Training has no part in what is changed here.
SUITES = (
    ("tests/machine", "tests/schedule", "tests/schemes", "tests/test_bounds.py"),
    ("tests/properties", "tests/oracle", "tests/golden", "tests/test_conservation.py", "tests/test_simulation.py"),
    ("tests/results", "tests/test_energy.py", "tests/test_energy_dram.py", "tests/rtl"),
)
#: A suite that takes longer has been brought to a standstill by the fault.
_PATIENCE_S = 600
_HYPOTHESIS = ("--hypothesis-seed=0", "--hypothesis-profile=hasty")
_COPIED = ("mimesim", "tests", "workloads", "traces", "docs", "rtl", "pyproject.toml", "setup.cfg", "README.md")


@dataclass(frozen=True)
class Outcome:
    """Whether a test noticed *fault*: *test* is the first that did, empty where none did."""

    fault: Fault
    test: str

    @property
    def found(self) -> bool:
        """Whether any test failed."""
        return bool(self.test)


def try_all(faults: Sequence[Fault], jobs: int, tell: Callable[[Outcome], None]) -> list[Outcome]:
    """Try every fault in a copy of the project, *jobs* at a time; *tell* hears of each as it is done.

    Raises :class:`SystemExit` if a test fails without any fault.
    """
    with tempfile.TemporaryDirectory() as folder:
        trees: SimpleQueue[Path] = SimpleQueue()
        for number in range(jobs):
            trees.put(_copy(Path(folder) / str(number)))
        tree = trees.get()
        if failed := _first_failure(tree):
            raise SystemExit(f"{failed} fails as it is: nothing can be said of faults")
        trees.put(tree)

        def attempt(fault: Fault) -> Outcome:
            tree = trees.get()
            fault.apply(tree)
            try:
                outcome = Outcome(fault, _first_failure(tree))
            finally:
                fault.restore(tree)
                trees.put(tree)
            tell(outcome)
            return outcome

        with ThreadPoolExecutor(jobs) as pool:
            return list(pool.map(attempt, faults))


def _copy(tree: Path) -> Path:
    tree.mkdir()
    for name in _COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, tree / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, tree / name)
    return tree


def _first_failure(tree: Path) -> str:
    """Return the name of the first test that fails; empty where all pass."""
    # Bytecode of the file as it was a second ago would hide the fault.
    environment = {**os.environ, "PYTHONPATH": str(tree), "PYTHONDONTWRITEBYTECODE": "1"}
    for suite in SUITES:
        command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *_HYPOTHESIS, *suite]
        try:
            run = subprocess.run(
                command, cwd=tree, env=environment, capture_output=True, text=True, timeout=_PATIENCE_S, check=False
            )
        except subprocess.TimeoutExpired:
            return "(no end)"
        if run.returncode:
            found = re.search(r"^(?:FAILED|ERROR) (\S+)", run.stdout, re.MULTILINE)
            return found[1].partition("[")[0] if found else "(does not start)"
    return ""
