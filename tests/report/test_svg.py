"""A figure in a page: its own ids, the page's colours, a name, and text that stays text."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest
from matplotlib.figure import Figure

from mimesim.report import style
from mimesim.report.bars import Bars
from mimesim.report.svg import inline

HOSTILE = '</svg><script>alert(1)</script> & "quoted" #0072b2 $\\frac{'


def draw(figure: Figure, wide: bool) -> None:
    parts = [(f"part {number}", style.look(number)) for number in range(9)]
    values = {("a", "x"): [1.0] * 9, (HOSTILE, "x"): [2.0] * 9}
    Bars(["a", HOSTILE], ["x", "y"], parts, values, "axis", [HOSTILE, "y"], line=3.0).draw(figure, wide)


def parse(text: str) -> ElementTree.Element:
    return ElementTree.fromstring(text)  # noqa: S314 - our own


@pytest.fixture(scope="module", params=[True, False], ids=["wide", "narrow"])
def text(request: pytest.FixtureRequest) -> str:
    return inline(style.svg(draw, wide=request.param), "name", "a <title>", HOSTILE, "wide")


def test_it_is_an_image_with_a_name(text: str) -> None:
    root = parse(text)
    assert root.tag == "svg"
    assert root.get("role") == "img"
    assert root.get("class") == "chart wide"
    named = {child.get("id"): child.text for child in root if child.tag in ("title", "desc")}
    assert named == {"name-title": "a <title>", "name-desc": HOSTILE}
    assert root.get("aria-labelledby") == "name-title name-desc"
    assert [child.tag for child in root][:2] == ["title", "desc"]


def test_every_id_is_its_own_and_every_reference_is_met(text: str) -> None:
    root = parse(text)
    ids = [element.get("id") for element in root.iter() if element.get("id")]
    assert len(ids) == len(set(ids))
    assert all(str(name).startswith("name-") for name in ids)
    assert "h" in {str(name)[5] for name in ids}, "hatches are patterns"
    used = set(re.findall(r"url\(#([^)]+)\)", text)) | set(re.findall(r'href="#([^"]+)"', text))
    assert used
    assert used <= set(ids)


def test_colours_are_the_pages(text: str) -> None:
    tags = "".join(re.findall(r"<[^>]+>", text.replace(HOSTILE, "")))
    assert not re.search(r"#[0-9a-f]{3,8}\b(?!-)", re.sub(r"url\(#[^)]*\)|href=\"#[^\"]*\"", "", tags))
    assert set(re.findall(r"var\(--([a-z0-9-]+)\)", tags)) <= set(style.COLOURS.values())
    assert {"ink", "grid", "paper", "series-1", "series-8"} <= set(re.findall(r"var\(--([a-z0-9-]+)\)", tags))


def test_a_colour_that_no_page_knows_is_a_mistake() -> None:
    with pytest.raises(KeyError):
        inline(b'<svg viewBox="0 0 1 1"><path style="fill: #123456"/></svg>', "n", "t", "d", "wide")


def test_text_stays_text(text: str) -> None:
    assert "<script" not in text
    assert "<style" not in text
    assert "<metadata" not in text
    found = [element.text for element in parse(text).iter("text")]
    # A label has no room for all of it, and says so.
    assert any(str(label).endswith("#0072b2 $\\frac{") for label in found)
    assert not any("font-family" in str(element.get("style")) for element in parse(text).iter("text"))


def test_looks_differ_without_colour() -> None:
    assert len({(look.hatch, look.colour == style.PAPER) for look in style.LOOKS}) == len(style.LOOKS)
    assert len({look.marker for look in style.LOOKS}) == len(style.LOOKS)
    assert len({str(look.line) for look in style.LOOKS}) == len(style.LOOKS)


def test_the_same_drawing_gives_the_same_bytes_whatever_the_user_has_set() -> None:
    import matplotlib as mpl

    first = style.svg(draw, wide=True), style.png(draw)
    with mpl.rc_context({"font.size": 30, "svg.fonttype": "path", "axes.facecolor": "red"}):
        assert (style.svg(draw, wide=True), style.png(draw)) == first
    assert b"Matplotlib" not in first[1]
    assert not re.search(rb"<dc:date>|<dc:creator>", first[0])
