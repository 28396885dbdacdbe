"""The page about workloads shows what works."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from mimesim.config import Hardware, load_workload
from mimesim.inputs import build_schemes, load_traces

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "workloads.md").read_text()


def block(language: str) -> str:
    found = re.search(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    assert found is not None
    return found[1]


def test_the_example_is_a_workload(tmp_path: Path) -> None:
    (tmp_path / "workloads").mkdir()
    (tmp_path / "traces").symlink_to(ROOT / "traces")
    path = tmp_path / "workloads" / "example.yaml"
    path.write_text(block("yaml"))
    workload = load_workload(path)
    build_schemes(workload)
    assert set(load_traces(workload)) == {"baseline", "shared"}
    baseline, shared = workload.cases
    assert workload.hardware_for(baseline) == Hardware()
    assert workload.hardware_for(shared).caches.weights_kib == 64
    assert workload.schedule_for(shared).position_tiles_per_pe == 2


def test_the_script_runs(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(block("python"))
    done = subprocess.run([sys.executable, script], text=True, capture_output=True, check=True)
    assert [line.split()[0] for line in done.stdout.splitlines()] == ["case-1", "case-2", "case-3"]


@pytest.mark.parametrize("settings", re.findall(r"^    mimesim run tiny (.*)$", PAGE, re.MULTILINE))
def test_the_settings_are_accepted(settings: str) -> None:
    workload = load_workload("tiny", re.findall(r'--set "?([^" ]+=(?:\[.*?\]|\S+))', settings))
    assert workload.hardware.dram.channels == 2
    if "standard" in settings:
        assert (workload.hardware.dram.standard, workload.hardware.dram.timing.t_rcd) == ("DDR4-2400", 18)
    else:
        assert (workload.cases[1].skipping, len(workload.tasks)) == ("gate", 2)
