"""The files of a comparison: its tables, ``compare.md`` and ``run.json``."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict

from mimesim.compare.comparison import Comparison
from mimesim.compare.report import render_markdown
from mimesim.compare.tables import STORAGE, compare_columns, compare_rows, storage_rows
from mimesim.results.csv_file import render_csv
from mimesim.results.document import FORMAT, FORMAT_VERSION, RUN_JSON, versions

__all__ = ["PICTURE", "render_files"]

PICTURE = "compare.png"


def render_files(
    comparison: Comparison, measured: Mapping[str, object], picture: bytes | None = None
) -> dict[str, str | bytes]:
    """Return every file by its name; all but *measured* is the same for the same inputs."""
    files: dict[str, str | bytes] = {
        "compare.csv": render_csv(compare_columns(comparison.workload.tasks), compare_rows(comparison)),
        "storage_by_tasks.csv": render_csv(STORAGE, storage_rows(comparison)),
        "compare.md": render_markdown(comparison, None if picture is None else PICTURE),
    }
    if picture is not None:
        files[PICTURE] = picture
    document = {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "command": "compare",
        "balanced": not comparison.violations,
        "violations": list(comparison.violations),
        "files": sorted([*files, RUN_JSON]),
        "workload": comparison.workload.model_dump(mode="json"),
        "same_images": comparison.suite.same_images,
        "replays": [asdict(replay) for replay in comparison.suite.replays],
        "asked": asdict(comparison.asked),
        "advice": [{**asdict(line), "text": line.text} for line in comparison.advice],
        "traces": comparison.digests,
        "versions": versions(),
        "measured": {"cases": {case: {"engine": name} for case, name in comparison.engines.items()}, **measured},
    }
    files[RUN_JSON] = json.dumps(document, indent=2, allow_nan=False) + "\n"
    return files
