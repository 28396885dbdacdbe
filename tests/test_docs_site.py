"""The documentation site: built without a warning, whole, and readable without a network."""

from __future__ import annotations

import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

pytest.importorskip("sphinx")
pytest.importorskip("myst_nb")
pytest.importorskip("furo")

ROOT = Path(__file__).resolve().parents[1]


class Page(HTMLParser):
    """What a page links to, what it loads, what in it can be linked to, and its text."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.links: list[str] = []
        self.loads: list[str] = []
        self.anchors: set[str] = set()
        self.text = ""
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name == "id" and value:
                self.anchors.add(value)
            elif value and ((name == "src") or (tag == "link" and name == "href")):
                self.loads.append(value)
            elif value and tag == "a" and name == "href":
                self.links.append(value)

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("docs") / "site"
    # The notebooks run in test_notebooks.py.
    options = ["--quiet", "--keep-going", "--fail-on-warning", "-D", "nb_execution_mode=off", "-c", "docs/site"]
    command = [sys.executable, "-m", "sphinx", *options, ".", str(out)]
    done = subprocess.run(command, cwd=ROOT, text=True, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    return out


@pytest.fixture(scope="module")
def pages(site: Path) -> dict[Path, Page]:
    return {path: Page(path) for path in site.rglob("*.html")}


def test_every_link_leads_somewhere(site: Path, pages: dict[Path, Page]) -> None:
    broken = []
    for path, page in pages.items():
        for link in (*page.links, *page.loads):
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            if not target.is_file():
                broken.append(f"{path.relative_to(site)}: {link}")
            elif parts.fragment and target in pages and unquote(parts.fragment) not in pages[target].anchors:
                broken.append(f"{path.relative_to(site)}: {link} (no such place on the page)")
    assert broken == []


def test_nothing_is_loaded_from_elsewhere(pages: dict[Path, Page]) -> None:
    assert {load for page in pages.values() for load in page.loads if urlsplit(load).netloc} == set()


def test_every_page_is_in_the_navigation(site: Path, pages: dict[Path, Page]) -> None:
    index = site / "docs" / "site" / "index.html"
    reached = {(index.parent / urlsplit(link).path).resolve() for link in pages[index].links}
    names = [*(ROOT / "docs").glob("*.md"), *(ROOT / "docs" / "site").glob("*.md"), *(ROOT / "notebooks").glob("*.*")]
    wanted = {site / name.relative_to(ROOT).with_suffix(".html") for name in names} - {index}
    assert wanted - reached == set()
    assert "docs/site/index.html" in pages[site / "index.html"].links


def test_the_reference_is_made_from_the_code(site: Path, pages: dict[Path, Page]) -> None:
    folder = site / "docs" / "site"
    api = pages[folder / "api-reference.html"]
    assert {"mimesim.run", "mimesim.load_workload", "mimesim.Results.evictions", "mimesim.Trace"} <= api.anchors
    assert "Replay every case of workload on the simulated accelerator" in api.text
    commands = pages[folder / "commands.html"].text
    assert "Usage: mimesim doctor [OPTIONS]" in commands
    assert "Usage: mimesim trace draw" in commands
    keys = pages[folder / "keys.html"].text
    for key in ("weight_words_per_cycle", "t_rcd", "leakage_per_cycle", "threshold_granularity", "gate_rate"):
        assert key in keys
    assert "multicast: one word reaches all rows of a column" in keys
