"""The packaging file lists everything that an installed mimesim needs."""

from __future__ import annotations

import configparser
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def config() -> configparser.ConfigParser:
    parser = configparser.ConfigParser()
    parser.read(ROOT / "setup.cfg")
    return parser


def lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]


def test_every_package_is_listed(config: configparser.ConfigParser) -> None:
    listed = {name for name in lines(config["options"]["packages"]) if (ROOT / name.replace(".", "/")).is_dir()}
    found = {".".join(path.parent.relative_to(ROOT).parts) for path in (ROOT / "mimesim").rglob("__init__.py")}
    assert listed == found


def test_workloads_and_traces_travel_with_the_package(config: configparser.ConfigParser) -> None:
    data = config["options.package_data"]
    carried = {
        path
        for package, globs in data.items()
        for glob in globs.split(",")
        for path in (ROOT / package.removeprefix("mimesim.").replace(".", "/")).glob(glob.strip())
    }
    kept = subprocess.run(
        ["git", "ls-files", "workloads", "traces"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if kept.returncode:
        pytest.skip("not a git checkout")
    needed = {ROOT / name for name in lines(kept.stdout) if not name.startswith("workloads/training/")}
    assert needed <= carried
