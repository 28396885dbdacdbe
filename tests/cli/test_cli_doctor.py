"""``mimesim doctor``, ``completion`` and ``config schema``: what people set up with, before and after."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from tests.cli.conftest import Mimesim
from tests.cli.test_cli_start import imported

ROOT = Path(__file__).resolve().parents[2]


def test_doctor_tells_people_and_programs_the_same(mimesim: Mimesim) -> None:
    read, parsed = mimesim("doctor"), mimesim("doctor", "--json")
    assert (read.returncode, read.stderr, parsed.returncode) == (0, "", 0)
    document = json.loads(parsed.stdout)
    assert document["fit"] is True
    for check in document["checks"]:
        assert f"{check['state']:<8} {check['name']:<16} {check['found']}" in read.stdout


def test_doctor_imports_no_torch_to_ask_its_version(folder: Path) -> None:
    assert not imported(folder, "doctor") & {"torch", "pandas", "matplotlib", "sklearn", "rich"}


@pytest.mark.parametrize("kind", ["workload", "hardware", "schedule", "dram", "envm", "training"])
def test_schemas_are_printed_or_written(mimesim_here: Mimesim, folder: Path, kind: str) -> None:
    printed = mimesim_here("config", "schema", kind)
    written = mimesim_here("config", "schema", kind, "--out", "schema.json")
    assert (printed.returncode, written.returncode, written.stdout) == (0, 0, "")
    assert json.loads(printed.stdout)["title"].startswith("mimesim: ")
    assert (folder / "schema.json").read_text() == printed.stdout


def test_a_schema_that_cannot_be_written_is_one_line(mimesim: Mimesim) -> None:
    done = mimesim("config", "schema", "--out", "nowhere/schema.json")
    assert (done.returncode, done.stderr) == (2, "error: nowhere/schema.json: No such file or directory\n")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_of_each_shell_is_one_that_it_can_read(mimesim: Mimesim, shell: str, folder: Path) -> None:
    done = mimesim("completion", shell)
    assert (done.returncode, done.stderr) == (0, "")
    assert f"_MIMESIM_COMPLETE={shell}_complete" in done.stdout
    if shutil.which(shell):
        (folder / "script").write_text(done.stdout)
        subprocess.run([shell, "-n", "script"], cwd=folder, check=True)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("mimesim", {"run", "doctor", "completion", "config"}),
        ("mimesim run --mod", {"--mode"}),
        ("mimesim run --mode s", {"singular"}),
        ("mimesim run vg", {"vgg16"}),
        pytest.param(
            *("mimesim config schema h", {"hardware"}),
            marks=pytest.mark.skipif(version("click") == "8.2.0", reason="click 8.2.0 offers no values of arguments"),
        ),
    ],
)
def test_what_a_shell_is_offered(folder: Path, words: str, expected: set[str]) -> None:
    # An empty last word is what stands behind the cursor after a space.
    number = len(words.split()) - (words != "mimesim")
    environment = os.environ | {
        "_MIMESIM_COMPLETE": "zsh_complete",
        "COMP_WORDS": words,
        "COMP_CWORD": str(number),
        "PYTHONPATH": str(ROOT),
    }
    done = subprocess.run(
        [sys.executable, "-m", "mimesim"], cwd=folder, env=environment, text=True, capture_output=True, check=True
    )
    assert expected <= set(done.stdout.splitlines())
