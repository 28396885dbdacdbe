"""What the packaging files say agrees with the code, with each other and with the page on dependencies."""

from __future__ import annotations

import configparser
import re
import subprocess
import sys
from fnmatch import fnmatch
from pathlib import Path

import pytest
import yaml

import mimesim
from tests.test_architecture import DOORS

ROOT = Path(__file__).resolve().parents[1]

#: The name to import, where it is not the name to install.
IMPORTED_AS = {"Jinja2": "jinja2", "PyYAML": "yaml", "pillow": "PIL", "scikit-learn": "sklearn"}
REQUIREMENT = re.compile(r"([A-Za-z0-9-]+)>=([0-9.]+)(?:,<[0-9.]+)?")


@pytest.fixture(scope="module")
def config() -> configparser.ConfigParser:
    parser = configparser.ConfigParser()
    parser.read(ROOT / "setup.cfg")
    return parser


def requirements(config: configparser.ConfigParser, *sections: str) -> dict[str, str]:
    """Return the oldest version by package, for ``core`` or an extra."""
    texts = [
        config["options"]["install_requires"] if name == "core" else config["options.extras_require"][name]
        for name in sections
    ]
    found = {}
    for line in "\n".join(texts).split():
        match = REQUIREMENT.fullmatch(line)
        assert match, f"{line}: a lower bound, and an upper one where the next major may break us"
        found[match[1]] = match[2]
    return found


def release(version: str) -> tuple[int, ...]:
    """Return a version's numbers without trailing zeros: 4.1 and 4.1.0 are one version."""
    return tuple(int(part) for part in re.sub(r"(\.0)+$", "", version).split("."))


def test_one_version(config: configparser.ConfigParser) -> None:
    assert config["metadata"]["version"] == mimesim.__version__
    heading = re.search(r"^## \[([^]]+)\]", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert heading
    assert heading[1] in ("Unreleased", mimesim.__version__)


def test_every_import_is_declared_and_the_other_way_round(config: configparser.ConfigParser) -> None:
    required = requirements(config, "core", "train", "fast", "report", "timeline", "cluster", "search")
    declared = {IMPORTED_AS.get(name, name) for name in required}
    # pandas is what people read the results with: the README's analysis works right after installing. Wherever a figure
    # may be drawn, matplotlib may be imported.
    assert declared == {*DOORS, "pandas", "matplotlib"}


def test_the_page_on_dependencies_has_them_all(config: configparser.ConfigParser) -> None:
    page = (ROOT / "docs" / "dependencies.md").read_text(encoding="utf-8")
    rows = {match[1]: match[2] for match in re.finditer(r"^\| ([A-Za-z0-9-]+) \| ([0-9.]+) \|", page, re.MULTILINE)}
    declared = requirements(
        config, "core", "train", "plot", "report", "timeline", "cluster", "search", "docs", "dev", "mutation"
    )
    assert {name: release(version) for name, version in rows.items()} == {
        **{name: release(version) for name, version in declared.items()},
        "Python": release(config["options"]["python_requires"].removeprefix(">=")),
    }


def test_the_source_distribution_carries_every_file() -> None:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("not a git checkout")
    manifest = [line.split() for line in (ROOT / "MANIFEST.in").read_text(encoding="utf-8").splitlines()]
    files = {name for command, *names in manifest if command == "include" for name in names}
    below = {top: globs for command, top, *globs in (line for line in manifest if line[0] == "recursive-include")}
    # What setuptools takes by itself, or what is of use only in a checkout.
    known = {"setup.cfg", "pyproject.toml", "MANIFEST.in", ".gitignore"} | files
    missing = [
        name
        for name in listed.stdout.split()
        if name not in known
        and not name.startswith("mimesim/")
        and not any(fnmatch(Path(name).name, glob) for glob in below.get(name.partition("/")[0], ()))
    ]
    assert missing == []


def test_python_versions_agree(config: configparser.ConfigParser) -> None:
    oldest = config["options"]["python_requires"].removeprefix(">=")
    assert sys.version_info >= release(oldest)
    assert f"Programming Language :: Python :: {oldest}" in config["metadata"]["classifiers"]
    assert config["mypy"]["python_version"] == oldest
    assert f'target-version = "py{oldest.replace(".", "")}"' in (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert f"v < ({oldest.replace('.', ', ')})" in (ROOT / "Makefile").read_text(encoding="utf-8")


def test_the_citation_is_complete_and_of_this_version() -> None:
    """The keys that the Citation File Format 1.2.0 requires, the tool and the paper."""
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation.keys() >= {"cff-version", "message", "title", "authors"}
    assert citation["cff-version"] == "1.2.0"
    assert (citation["type"], citation["version"]) == ("software", mimesim.__version__)
    setup = (ROOT / "setup.cfg").read_text(encoding="utf-8")
    assert f"license = {citation['license']}\n" in setup
    (paper,) = citation["references"]
    assert paper.keys() >= {"type", "title", "authors", "year"}
    for author in (*citation["authors"], *paper["authors"]):
        assert author.keys() in ({"name"}, {"family-names", "given-names"})
    readme = (ROOT / "README.md").read_text(encoding="utf-8").replace("\n> ", " ")
    assert paper["title"] in readme
    assert paper["identifiers"][0]["value"] in readme
    assert [author["family-names"] for author in paper["authors"]] == re.findall(r"[A-Z]\. ([A-Z]\w+)", readme)
