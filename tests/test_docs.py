"""The README and the pages of docs/ mean what they say: their commands and examples run, page by page, in order.

In a page, a fenced block tagged ``console`` holds commands behind ``$``, one tagged ``python`` a script, one tagged
``yaml file=NAME`` a file. A page's blocks run in one folder, which sees the shipped workloads and traces.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.shown import OFTEN_SHOWN, Shown, checkout, execute

ROOT = Path(__file__).resolve().parents[1]
PAGES = ["README.md", *sorted(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md"))]

#: Commands that are not run here, and why.
NOT_RUN = {
    "make run": "installs; what it then runs is run here",
    "make test": "these tests",
    "mimesim paper --out out/paper": "minutes; tests/paper checks claims and files",
    "mimesim serve vgg16 --load 0.5:2:0.25 --shares 0.333333333,0.7,1 --requests 20000 --images 1 --sort --case case-2 "
    "--case case-3 --case pruned-bitmap --out out/vgg16-crossover": "minutes; tests/serving sweeps the tiny workload",
    "mimesim train workloads/training/vgg16-reduced.yaml --quick": "needs image sets; tests/training trains on digits",
}
NEED_TORCH = {"docs/dvn.md", "docs/faults.md", "docs/memti.md", "docs/pam.md", "docs/training.md"}
RUN_INSTEAD = {"make run": "mimesim run --mode pipelined workloads/vgg16.yaml"}

#: What a command needs that is no part of a plain installation.
REPORT = re.compile(r"^mimesim report\b|^from mimesim\.report\b", re.MULTILINE)
NO_REPORT = any(find_spec(package) is None for package in ("matplotlib", "jinja2"))

BLOCK = re.compile(r"^```(\w+)(?: file=(\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
TORCH = re.compile(r"^(import|from) torch\b", re.MULTILINE)
LINK = re.compile(r"\[[^]]*\]\(([^)#]+)(?:#[^)]*)?\)")
OUTPUT = re.compile(r"(<!-- output -->\n```text\n)(.*?)(^```$)", re.MULTILINE | re.DOTALL)


class Block(NamedTuple):
    """A fenced block: its tag, the file it stands for, its text, and the line where it begins."""

    tag: str
    file: str
    text: str
    line: int


def blocks(page: Path) -> list[Block]:
    text = page.read_text(encoding="utf-8")
    return [
        Block(match[1], match[2] or "", match[3], text.count("\n", 0, match.start()) + 1)
        for match in BLOCK.finditer(text)
    ]


def commands(block: Block) -> list[str]:
    """Return the commands of a console block, without their comments."""
    lines = [line.removeprefix("$ ") for line in block.text.splitlines() if line.startswith("$ ")]
    return [line.partition("  #")[0].strip() for line in lines]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return checkout(tmp_path)


def output_of(done: subprocess.CompletedProcess[str], where: str) -> str:
    assert done.returncode == 0, f"{where}: {done.args}\n{done.stdout}{done.stderr}"
    return done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("name", PAGES)
def test_examples_run(name: str, folder: Path, shown: Shown, pytestconfig: pytest.Config) -> None:
    page = ROOT / name
    if name in NEED_TORCH and find_spec("torch") is None:
        pytest.skip("needs PyTorch")
    for block in blocks(page):
        where = f"{name}:{block.line}"
        if TORCH.search(block.text) and find_spec("torch") is None:
            return  # and so does what follows, on what it would have made
        if block.file:
            (folder / block.file).write_text(block.text, encoding="utf-8")
        elif block.tag == "python" and not (NO_REPORT and REPORT.search(block.text)):
            output_of(execute([sys.executable, "-c", block.text], folder), where)
        for command in commands(block) if block.tag == "console" else []:
            chosen = RUN_INSTEAD.get(command, command)
            if chosen in NOT_RUN or (NO_REPORT and REPORT.search(chosen)):
                continue
            printed = output_of(shown.run(chosen, folder), where)
            if command == "make run":
                compare_output(page, printed, regenerate=pytestconfig.getoption("--regen-golden"))


def compare_output(page: Path, printed: str, *, regenerate: bool) -> None:
    """Hold the page's output against what was *printed*, or replace it."""
    text, printed = page.read_text(encoding="utf-8"), "".join(f"{line.rstrip()}\n" for line in printed.splitlines())
    shown = OUTPUT.search(text)
    assert shown, f"{page.name} shows no output"
    if regenerate:
        page.write_text(text[: shown.start(2)] + printed + text[shown.end(2) :], encoding="utf-8")
        return
    assert shown[2] == printed, f"{page.name} shows another output; make golden writes it anew"


def make(*arguments: str) -> list[str]:
    """Return the lines that make prints, as if it had not been make that started these tests."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    command = ["make", "--no-print-directory", *arguments]
    done = subprocess.run(command, cwd=ROOT, env=environment, text=True, capture_output=True, check=True)
    return done.stdout.splitlines()


def test_what_make_run_runs_is_what_runs_here() -> None:
    assert make("--dry-run", "run")[-1] == f".venv/bin/{RUN_INSTEAD['make run']}"


def test_the_readme_opens_with_the_two_commands() -> None:
    first = blocks(ROOT / "README.md")[0]
    assert commands(first) == ["make run", "make test"]


def test_no_command_is_left_out_for_nothing() -> None:
    consoles = [block for name in PAGES for block in blocks(ROOT / name) if block.tag == "console"]
    shown = {command for block in consoles for command in commands(block)}
    assert shown >= NOT_RUN.keys() | OFTEN_SHOWN


@pytest.mark.parametrize("name", [*PAGES, "CONTRIBUTING.md", "CHANGELOG.md"])
def test_links_lead_somewhere(name: str) -> None:
    page = ROOT / name
    targets = LINK.findall(BLOCK.sub("", page.read_text(encoding="utf-8")))
    local = [target for target in targets if not target.startswith("http")]
    assert [target for target in local if not (page.parent / target).exists()] == []


def test_every_page_is_in_the_index() -> None:
    index = (ROOT / "docs" / "README.md").read_text(encoding="utf-8")
    pages = {path.name for path in (ROOT / "docs").glob("*.md")} - {"README.md"}
    assert [name for name in sorted(pages) if f"({name})" not in index] == []


def test_make_help_lists_every_target() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    phony = re.search(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)
    assert phony
    assert [line.split()[0] for line in make("help")[1:]] == phony[1].split()
