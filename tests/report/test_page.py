"""The page: all there, named, closed, inert, and the same bytes each time."""

from __future__ import annotations

import csv
import io
import json
import re
import shutil
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pandas as pd
import pytest

from mimesim.errors import InputError, MimesimError
from mimesim.report import page as pages
from mimesim.report import style, write_report
from mimesim.report.charts import CHARTS
from mimesim.report.plot import Chart, Column, Plot
from mimesim.report.runs import Run
from tests.report.pages import Page
from tests.report.test_runs import change

HEADINGS = ("h1", "h2", "h3", "h4")


@pytest.fixture(scope="module")
def path(results: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("report")
    write_report([results / "tiny-singular", results / "tiny-small"], folder / "report.html", folder / "png")
    return folder / "report.html"


@pytest.fixture(scope="module")
def page(path: Path) -> Page:
    return Page(path.read_text(encoding="utf-8"))


@pytest.fixture
def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    """Draw nothing, where a test is of texts."""
    monkeypatch.setattr(style, "svg", lambda *_, **__: b'<svg viewBox="0 0 1 1"></svg>')


def report(tmp_path: Path, *folders: Path) -> Page:
    write_report(folders, tmp_path / "report.html")
    return Page((tmp_path / "report.html").read_text(encoding="utf-8"))


def test_it_needs_nothing_from_elsewhere(page: Page, path: Path) -> None:
    assert not page.all("script", "img", "iframe", "object", "embed", "base", "form", "audio", "video", "source")
    links = [element.attributes["href"] for element in page.elements if "href" in element.attributes]
    assert all(link.startswith(("#", "data:")) for link in links)
    assert not any("src" in element.attributes or "srcset" in element.attributes for element in page.elements)
    css = "".join(page.said("style"))
    assert "url(" not in css
    assert "@import" not in css
    text = path.read_text(encoding="utf-8")
    assert not re.search(r"https?://(?!www\.w3\.org/)", re.sub(r"base64,[A-Za-z0-9+/=]+", "", text))
    assert not [name for element in page.elements for name in element.attributes if name.startswith("on")]
    policies = [
        e.attributes["content"] for e in page.all("meta") if e.attributes.get("http-equiv") == "Content-Security-Policy"
    ]
    assert "default-src 'none'" in policies[0]


def test_who_hears_the_page_finds_the_way(page: Page) -> None:
    assert page.all("html")[0].attributes["lang"] == "en"
    assert [len(page.all(tag)) for tag in ("header", "nav", "main", "footer", "h1")] == [1] * 5
    assert [title.around[-1] for title in page.all("title") if title.around[-1] != "svg"] == ["head"]
    levels = [int(element.tag[1]) for element in page.all(*HEADINGS)]
    assert levels[0] == 1
    assert all(later <= earlier + 1 for earlier, later in pairwise(levels))
    ids = page.ids()
    assert len(ids) == len(set(ids))
    for element in page.elements:
        for name in element.attributes.get("aria-labelledby", "").split():
            assert name in ids
        if element.attributes.get("href", "").startswith("#"):
            assert element.attributes["href"][1:] in ids
        if element.tag == "table":
            assert element.around[-1] == "div"
        if element.attributes.get("role") == "region":
            assert element.attributes["tabindex"] == "0"
            assert element.attributes["aria-label"]
    assert not [element for element in page.elements if int(element.attributes.get("tabindex", "0")) > 0]
    assert all("scope" in element.attributes for element in page.all("th"))
    skip = page.all("a")[0].attributes["href"]
    assert skip == "#main"


def test_every_figure_has_images_a_table_and_its_numbers(page: Page, path: Path) -> None:
    figures = [element.attributes["id"] for element in page.all("figure")]
    assert len(figures) == 2 * 6 + 1 + 1, "storage is the same for both; in one of them nothing is fetched again"
    images = page.all("svg")
    assert len(images) == 2 * len(figures)
    assert all(image.attributes["role"] == "img" for image in images)
    in_figures = [table for table in page.all("table") if "figure" in table.around]
    assert len(in_figures) == len(figures)
    downloads = page.downloads()
    assert {f"{name}.csv" for name in figures} <= downloads.keys()
    assert {f"{name}.png" for name in figures} == {picture.name for picture in (path.parent / "png").iterdir()}
    for name in figures:
        table = pd.read_csv(io.BytesIO(downloads[f"{name}.csv"]))
        assert len(table) > 0
        assert not table.isna().any().any()


@pytest.mark.usefixtures("plain")
def test_the_table_says_what_the_csv_says(results: Path, tmp_path: Path) -> None:
    page = report(tmp_path, results / "tiny-small")
    (name,) = [name for name in page.downloads() if name.endswith("storage.csv")]
    rows = list(csv.reader(io.StringIO(page.downloads()[name].decode())))[1:]
    cells = [text for around, text in page.texts if "figure" in around and around[-1] in ("th", "td")]
    flat = [f"{int(cell):,}" if cell.isdigit() else cell for row in rows for cell in row]
    assert any(cells[place : place + len(flat)] == flat for place in range(len(cells)))


@pytest.mark.usefixtures("plain")
def test_the_summary_is_that_of_the_run(results: Path, tmp_path: Path) -> None:
    page = report(tmp_path, results / "tiny-small")
    table = pd.read_csv(results / "tiny-small" / "summary.csv")
    cells = [text for around, text in page.texts if around[-1] == "td" and "figure" not in around]
    for speedup in table["speedup"]:
        assert f"{speedup:.2f}×" in cells  # noqa: RUF001
    for stored in table["bytes_stored"]:
        assert any(cell.endswith(" kB") and abs(float(cell[:-3]) - stored / 1e3) < 1 for cell in cells)
    fastest = table.loc[table["images_per_second"].idxmax()]
    assert fastest["case"] in page.said("span")


@pytest.mark.usefixtures("plain")
def test_the_configuration_is_all_there(results: Path, tmp_path: Path) -> None:
    page = report(tmp_path, results / "tiny-small")
    kept = json.loads(page.downloads()["tiny-pipelined-run.json"])
    whole = json.loads((results / "tiny-small" / "run.json").read_text())
    assert kept == {key: value for key, value in whole.items() if key not in ("measured", "files")}
    assert "hardware.caches.weights_kib" in page.said("code")


@pytest.mark.usefixtures("plain")
def test_runs_on_other_machines_are_said(page: Page, results: Path, tmp_path: Path) -> None:
    notes = [element for element in page.elements if element.attributes.get("role") == "note"]
    assert "Machines, prices or tasks differ" in [note.attributes["aria-label"] for note in notes]
    assert any("hardware.caches.weights_kib: 52.0 in most; 5.0 in tiny, pipelined" in text for text in page.said("li"))
    alone = report(tmp_path, results / "tiny-singular")
    notes = [element for element in alone.elements if element.attributes.get("role") == "note"]
    assert [note.attributes["aria-label"] for note in notes] == ["tiny, singular: drawn masks"]


@pytest.mark.usefixtures("plain")
def test_what_does_not_balance_is_said_first(pipelined: Path, tmp_path: Path) -> None:
    change(pipelined, balanced=False, violations=["case case-1: MACs"] * 9)
    page = report(tmp_path, pipelined)
    assert "tiny, pipelined: not balanced, conservation laws are broken" in page.said("strong")
    assert "case case-1: MACs" in page.said("li")
    assert "... and 3 more" in page.said("li")


@pytest.mark.usefixtures("plain")
def test_gaps_of_an_older_folder_are_said(pipelined: Path, tmp_path: Path) -> None:
    for table in ("bounds.csv", "summary.csv", "evictions.csv"):
        (pipelined / table).unlink()
    page = report(tmp_path, pipelined)
    said = " ".join(page.said("p"))
    assert "No summary of tiny, pipelined: there is no summary.csv" in said
    assert said.count("No figure of tiny, pipelined: there is no bounds.csv; was it written by an older mimesim?") == 2
    assert "there is no evictions.csv" in said
    assert len(page.all("figure")) == 5


@pytest.mark.usefixtures("plain")
def test_one_chart_is_one_file(results: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Passes(Chart):
        name, title, about = "passes", "Passes of each phase", "Nothing else."

        def plots(self, run: Run) -> Iterator[Plot]:
            """Draw nothing much."""
            yield Plot("passes", "A", "B", [Column("n", "number")], [{"n": 1}], lambda *_: None)

    monkeypatch.setitem(CHARTS, "passes", Passes())
    page = report(tmp_path, results / "tiny-singular")
    assert "Passes of each phase" in page.said("h2")
    assert page.downloads()["tiny-singular-passes.csv"] == b"n\n1\n"


def test_hostile_names_stay_names(hostile: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(style, "png", lambda _: b"")
    written = write_report([hostile], tmp_path / "report.html", tmp_path / "png")
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    page = Page(text)
    assert not page.all("script", "img", "iframe")
    assert not [name for element in page.elements for name in element.attributes if name.startswith("on")]
    assert "{{ 7 * 7 }}" in text, "names are no templates"
    assert "\N{RIGHT-TO-LEFT OVERRIDE}" not in text
    for name, data in page.downloads().items():
        assert re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", name)
        if name.endswith(".csv"):
            cells = [cell for row in csv.reader(io.StringIO(data.decode())) for cell in row]
            assert not [cell for cell in cells if cell.lstrip().startswith(("=", "+", "-", "@", "\t"))]
    assert any(b"'=cmd|" in data for data in page.downloads().values())
    assert {path.parent for path in written[1:]} == {tmp_path / "png"}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["png", "report.html"]


def test_the_same_results_give_the_same_bytes(results: Path, path: Path, tmp_path: Path) -> None:
    write_report([results / "tiny-singular", results / "tiny-small"], tmp_path / "again.html", tmp_path / "png")
    assert (tmp_path / "again.html").read_bytes() == path.read_bytes()
    for picture in (path.parent / "png").iterdir():
        assert (tmp_path / "png" / picture.name).read_bytes() == picture.read_bytes()
        assert picture.read_bytes().startswith(b"\x89PNG")


@pytest.mark.usefixtures("plain")
def test_only_reports_are_replaced(results: Path, path: Path, tmp_path: Path) -> None:
    shutil.copy(path, tmp_path / "old.html")
    write_report([results / "tiny-singular"], tmp_path / "old.html")
    assert (tmp_path / "old.html").read_bytes() != path.read_bytes()
    (tmp_path / "thesis.html").write_text("<p>ten years of work")
    with pytest.raises(InputError, match=r"thesis\.html: exists and is no report of mimesim's"):
        write_report([results / "tiny-singular"], tmp_path / "thesis.html")
    with pytest.raises(InputError, match="is a folder; a report is a file"):
        write_report([results / "tiny-singular"], tmp_path)
    (tmp_path / "png").mkdir()
    (tmp_path / "png" / "tiny-singular-energy.png").write_bytes(b"holiday")
    with pytest.raises(InputError, match="is no report of mimesim's"):
        write_report([results / "tiny-singular"], tmp_path / "new.html", tmp_path / "png")
    assert not (tmp_path / "new.html").exists()
    assert (tmp_path / "thesis.html").read_text() == "<p>ten years of work"


@pytest.mark.usefixtures("plain")
def test_a_disk_that_refuses(results: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="cannot be written"):
        write_report([results / "tiny-singular"], tmp_path / "file" / "report.html")


def test_a_package_that_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "find_spec", lambda name: None if name == "jinja2" else name)
    with pytest.raises(MimesimError, match=r"mimesim report needs jinja2: pip install 'mimesim\[report\]'"):
        pages.check_packages()
