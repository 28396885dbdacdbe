"""The report in a real browser: from disk, silent, asking for nothing, running nothing; dark, on paper, by key."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

import pytest

from mimesim.report import write_report
from tests.report.browser import Browser, browse
from tests.report.hostile import SIGN

GROUND = "getComputedStyle(document.body).backgroundColor"
INK = "getComputedStyle(document.querySelector('svg.wide text')).fill"
DARK, LIGHT = "rgb(15, 19, 23)", "rgb(243, 245, 247)"
TAB, RIGHT, ENTER = ("Tab", 9), ("ArrowRight", 39), ("Enter", 13)
FOCUS = "(document.activeElement.textContent || document.activeElement.id).trim()"


#: Pairs of labels of one image that lie on each other; those at an angle have larger boxes than letters.
MEETING = r"""(() => {
  const found = [];
  for (const svg of document.querySelectorAll('svg.chart')) {
    if (!svg.checkVisibility()) continue;
    const level = text => !/rotate\((?!-?0 )/.test(text.getAttribute('transform') || '');
    const boxes = [...svg.querySelectorAll('text')].filter(level).map(t => [t.textContent, t.getBoundingClientRect()]);
    boxes.forEach(([one, a], place) => boxes.slice(place + 1).forEach(([other, b]) => {
      const across = Math.min(a.right, b.right) - Math.max(a.left, b.left);
      const down = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
      if (across > 1.5 && down > 0.45 * Math.min(a.height, b.height))
        found.push([svg.querySelector('title').textContent, one, other]);
    }));
  }
  return found;
})()"""


MOVED = """(() => {
  const svg = [...document.querySelectorAll('svg.chart')].find(e => e.checkVisibility());
  const [one, other] = svg.querySelectorAll('text');
  for (const key of ['x', 'y', 'transform', 'style']) one.setAttribute(key, other.getAttribute(key) || '');
})()"""


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with browse(tmp_path_factory.mktemp("profile")) as browser:
        yield browser


@pytest.fixture(scope="module")
def page(results: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("page") / "report.html"
    write_report([results / "tiny-small"], path)
    return path


def seen(browser: Browser, selector: str) -> int:
    return int(browser.value(f"[...document.querySelectorAll('{selector}')].filter(e => e.checkVisibility()).length"))


def test_it_opens_without_a_word_and_asks_for_nothing(browser: Browser, page: Path) -> None:
    browser.open(page)
    assert browser.said() == []
    assert browser.requests() == [page.as_uri()]
    assert browser.value("document.title") == "tiny · mimesim report"
    assert browser.value("document.compatMode") == "CSS1Compat"
    # What a browser makes of the SVG is the images that were written, with their text.
    assert browser.value("document.querySelectorAll('svg[role=img] path').length") > 100
    assert browser.value("document.querySelector('svg').namespaceURI") == "http://www.w3.org/2000/svg"
    assert seen(browser, "svg.wide") == 8
    assert seen(browser, "svg.narrow") == 0


def test_dark_where_it_is_preferred_and_where_it_is_chosen(browser: Browser, page: Path) -> None:
    browser.open(page)
    looks = {}
    for scheme in ("light", "dark"):
        browser.media(scheme=scheme)
        looks[scheme] = browser.value(GROUND), browser.value(INK)
    assert looks == {"light": (LIGHT, "rgb(27, 31, 36)"), "dark": (DARK, "rgb(233, 236, 239)")}
    for scheme, choice, ground in (("dark", "light", LIGHT), ("light", "dark", DARK), ("dark", "auto", DARK)):
        browser.media(scheme=scheme)
        browser.value(f"document.getElementById('theme-{choice}').click()")
        assert browser.value(GROUND) == ground, f"{choice} where {scheme} is preferred"


def test_paper_is_light_and_carries_no_controls(browser: Browser, page: Path) -> None:
    browser.open(page)
    browser.value("document.getElementById('theme-dark').click()")
    browser.media("print", "dark")
    assert browser.value(INK) == "rgb(27, 31, 36)"
    assert seen(browser, "nav, .theme, .links, details") == 0
    assert seen(browser, "svg.wide") == 8
    # A4 with its margins.
    browser.size(720, 1000)
    assert browser.value("document.documentElement.scrollWidth") <= 720
    assert browser.send("Page.printToPDF")["data"].startswith("JVBERi0")
    browser.media()


def test_everything_is_reached_by_keys_in_the_order_of_the_page(browser: Browser, page: Path) -> None:
    browser.open(page)
    reached = []
    for _ in range(30):
        browser.key(*TAB)
        reached.append(browser.value(FOCUS))
    assert reached[:3] == ["Skip to the results", "theme-auto", "Summary"]
    assert reached[3:5] == ["Energy by level and layer", "Throughput by layer"]
    order = browser.value(
        "(() => { const f = [...document.querySelectorAll('a[href], input, summary, [tabindex=\"0\"]')];"
        "return f.every((e, i) => !i || f[i-1].compareDocumentPosition(e) & 4) })()"
    )
    assert order is True
    browser.value("document.getElementById('theme-auto').focus()")
    browser.key(*RIGHT)
    browser.key(*RIGHT)
    assert browser.value(GROUND) == DARK
    browser.value("document.querySelector('summary').focus()")
    browser.send(
        "Input.dispatchKeyEvent", type="keyDown", key="Enter", code="Enter", text="\r", windowsVirtualKeyCode=13
    )
    assert browser.value("document.querySelector('details').open") is True


def test_a_screen_reader_hears_names(browser: Browser, page: Path) -> None:
    browser.open(page)
    nodes = browser.send("Accessibility.getFullAXTree")["nodes"]
    named = [(node["role"]["value"], node.get("name", {}).get("value", "")) for node in nodes if not node["ignored"]]
    roles = [role for role, _ in named]
    assert {"banner", "navigation", "main", "contentinfo", "radio", "figure", "table"} <= set(roles)
    images = [name for role, name in named if role == "image"]
    assert len(images) == 8
    assert all("tiny" in name and len(name) > 40 for name in images)
    assert all(
        name for role, name in named if role in ("link", "region", "radio", "image", "heading", "DisclosureTriangle")
    )


@pytest.mark.parametrize(("width", "phone"), [(360, True), (768, False), (1366, False)])
def test_nothing_sticks_out_and_no_labels_meet(browser: Browser, page: Path, width: int, phone: bool) -> None:
    browser.open(page, width=width, height=800, phone=phone)
    assert browser.value("document.documentElement.scrollWidth") <= width
    assert seen(browser, "svg.narrow") == (8 if width <= 832 else 0)
    assert seen(browser, "svg.wide") == (0 if width <= 832 else 8)
    meeting = browser.value(MEETING)
    assert meeting == []
    browser.value(MOVED)
    assert browser.value(MEETING) != [], "labels that do meet are found"


def test_hostile_names_do_nothing(browser: Browser, hostile: Path, tmp_path: Path) -> None:
    write_report([hostile], tmp_path / "report.html")
    browser.open(tmp_path / "report.html")
    assert browser.said() == []
    assert browser.requests() == [(tmp_path / "report.html").as_uri()]
    assert browser.value("document.title").startswith("../../<img src=x")
    assert browser.value("document.title") != SIGN
    assert browser.value("document.querySelectorAll('script, img, main [onmouseover], b b').length") == 0
    assert "<script>document.title" in browser.value("document.body.textContent")
    assert browser.value("document.documentElement.scrollWidth") <= 1280


def test_a_picture_of_it_shows_more_than_one_colour(browser: Browser, page: Path, tmp_path: Path) -> None:
    browser.open(page)
    sizes = {}
    for scheme in ("light", "dark"):
        browser.media(scheme=scheme)
        browser.screenshot(tmp_path / f"{scheme}.png")
        picture = (tmp_path / f"{scheme}.png").read_bytes()
        sizes[scheme] = struct.unpack(">II", picture[16:24])
        assert len(picture) > 20_000, "an empty page is smaller"
    assert sizes == {"light": (1280, 900), "dark": (1280, 900)}
    assert (tmp_path / "light.png").read_bytes() != (tmp_path / "dark.png").read_bytes()


def test_a_link_saves_the_numbers(browser: Browser, page: Path, tmp_path: Path) -> None:
    browser.open(page)
    browser.send("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(tmp_path), eventsEnabled=True)
    browser.value("document.querySelector('a[download$=\"storage.csv\"]').click()")
    browser.wait("Browser.downloadProgress", lambda params: params["state"] == "completed")
    (saved,) = tmp_path.iterdir()
    assert saved.name == "tiny-pipelined-storage.csv"
    assert saved.read_text().startswith("tasks,last_task,case,bytes\n1,cifar10,case-1,")
