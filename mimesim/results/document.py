"""``run.json``: everything that decided a run, and whether its books balance."""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any, Protocol

from mimesim.config.energy import Energy
from mimesim.conservation import energy_violations
from mimesim.results.envm import envm_sums

if TYPE_CHECKING:
    from mimesim.simulation import CaseResult

__all__ = [
    "FORMAT",
    "RUN_JSON",
    "RunSettings",
    "all_violations",
    "is_run_document",
    "measure",
    "render_run",
    "versions",
]

RUN_JSON = "run.json"
#: Tells our ``run.json`` from anyone else's.
FORMAT = "mimesim-run"
FORMAT_VERSION = 1

_PACKAGES = ("mimesim", "numpy", "pydantic", "simpy")


class RunSettings(Protocol):
    """What the results need of a workload; :class:`mimesim.config.workload.Workload` is one."""

    @property
    def name(self) -> str:
        """The workload's name."""

    @property
    def energy(self) -> Energy:
        """How counts become energy."""

    def model_dump(self, *, mode: str) -> dict[str, Any]:
        """Return every setting, defaults included, as JSON values."""


def all_violations(results: Sequence[CaseResult], workload: RunSettings) -> list[str]:
    """Return every conservation law that a case breaks, with the case's name; empty if the books balance."""
    return [
        f"case {result.case}: {violation}"
        for result in results
        for violation in (*result.violations, *energy_violations(result.ledger, workload.energy, result.hardware))
    ]


def measure(results: Sequence[CaseResult], seconds: float) -> dict[str, float]:
    """Return what differs from run to run, of all cases together, which took *seconds*; see :func:`render_run`."""
    return {
        "wall_seconds": round(seconds, 3),
        "cpu_seconds": round(sum(result.cpu_seconds for result in results), 3),
        "passes": sum(result.ledger.passes for result in results),
        "events": sum(result.ledger.events for result in results),
    }


def render_run(
    results: Sequence[CaseResult],
    workload: RunSettings,
    measured: Mapping[str, object],
    violations: Sequence[str],
    files: Sequence[str],
) -> str:
    """Return the text of ``run.json``; all but *measured* is the same for the same inputs."""
    document = {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "balanced": not violations,
        "violations": list(violations),
        "files": sorted(files),
        "workload": workload.model_dump(mode="json"),
        "cases": [_case(result) for result in results],
        "traces": {result.trace: result.trace_digest for result in results},
        "seeds": {result.trace: result.seed for result in results},
        "versions": versions(),
        "measured": {"cases": {result.case: _measured(result) for result in results}, **measured},
    }
    return json.dumps(document, indent=2, allow_nan=False) + "\n"


def versions() -> dict[str, str | None]:
    """Return the versions of Python and of what a run depends on."""
    return {"python": platform.python_version()} | {name: _version(name) for name in _PACKAGES}


def is_run_document(text: str | bytes) -> bool:
    """Tell whether *text* is a ``run.json`` that mimesim wrote."""
    try:
        document = json.loads(text)
    except ValueError:
        return False
    return isinstance(document, dict) and document.get("format") == FORMAT


def _case(result: CaseResult) -> dict[str, Any]:
    """Return what decided one case, after all defaults and overrides, and what the banks of its caches made of it."""
    return {
        "case": result.case,
        "title": result.title,
        "scheme": result.scheme,
        "options": dict(result.options),
        "skipping": result.skipping,
        "mode": result.mode,
        "trace": result.trace,
        "trace_digest": result.trace_digest,
        "origin": result.origin,
        "tasks": list(result.tasks),
        "images": [
            {
                "image": image.index,
                "batch": image.batch,
                "task": image.task,
                "number": image.number,
                "image_id": image.image_id,
            }
            for image in result.images
        ],
        "cache_conflict_cycles": {
            f"{cache}/{stream}": cycles for (cache, stream), cycles in sorted(result.ledger.conflicts.items())
        },
        "envm": envm_sums(result),
        "hardware": result.hardware.model_dump(mode="json"),
        "schedule": result.schedule.model_dump(mode="json"),
    }


def _measured(result: CaseResult) -> dict[str, float | str]:
    """Return what one case took: seconds, and the work behind them."""
    return {
        "engine": result.engine,
        "wall_seconds": result.wall_seconds,
        "cpu_seconds": result.cpu_seconds,
        "passes": result.ledger.passes,
        "events": result.ledger.events,
    }


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
