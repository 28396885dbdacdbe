"""The oldest versions: the bounds of ``setup.cfg`` are those that ``make oldest`` tested, and nothing failed there."""

from __future__ import annotations

import re

import pytest

from benchmarks.oldest.__main__ import OF_THE_PAGE, RESULTS
from benchmarks.oldest.bounds import HELD, ROOT, extras, oldest_python, pins
from benchmarks.oldest.environment import normal
from benchmarks.oldest.report import report
from benchmarks.oldest.trial import Outcome, Tried, all_tests, read


def declared(page: str) -> dict[str, str]:
    """Return the version of each package that *page* says was declared and installed."""
    _, _, section = page.partition("\n## Declared\n")
    section, _, _ = section.partition("\n## ")
    return dict(re.findall(r"^\| ([\w-]+) \| (\d[\w.]*) \|$", section, re.MULTILINE))


def same(version: str) -> str:
    """Return *version* without trailing zeros: 4.1 and 4.1.0 are one."""
    return re.sub(r"(\.0)+$", "", version)


def test_every_lower_bound_was_tested() -> None:
    page = RESULTS.read_text(encoding="utf-8")
    told = "make oldest tests the bounds anew, and writes the page"
    assert {n: same(v) for n, v in declared(page).items()} == {n: same(v) for n, v in pins().items()}, told
    assert re.search(r"^- Tests: \d{4,} passed, 0 failed", page, re.MULTILINE), told
    assert f"on Python {oldest_python()}." in page, told
    assert "does not work" not in page


def test_the_page_may_be_out_of_date_while_it_is_made() -> None:
    path, name = OF_THE_PAGE.split("::")
    assert (ROOT / path).samefile(__file__)
    assert name == test_every_lower_bound_was_tested.__name__


def test_the_bounds_are_those_of_every_extra() -> None:
    found = pins()
    assert found["simpy"] == "4.1"
    assert found["numba"] == "0.61"
    assert "setuptools" in found
    assert {"train", "fast", "cluster", "search", "docs", "dev", "mutation"} <= set(extras())
    assert "core" not in extras()


def test_two_bounds_of_one_package_are_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    groups = {"core": {}, "fast": {"numba": ">=0.61,<1"}, "dev": {"numba": ">=0.62,<1"}}
    monkeypatch.setattr("benchmarks.oldest.bounds.requirements", lambda: (">=3.11", groups))
    with pytest.raises(ValueError, match=r"numba: 0\.61 in one extra, 0\.62 in another"):
        pins()


def test_what_is_held_back_says_why_and_is_declared_nowhere() -> None:
    entries = HELD.read_text(encoding="utf-8").split("\n\n")[1:]
    assert entries
    names = {normal(name) for name in pins()}
    for entry in entries:
        *reason, line = entry.strip().splitlines()
        assert reason
        assert all(why.startswith("# ") for why in reason)
        held = re.fullmatch(r"([\w-]+)<[\d.]+", line)
        assert held
        assert normal(held[1]) not in names


JUNIT = """<testsuites><testsuite>
<testcase classname="tests.test_a" name="test_one" time="0.1" />
<testcase classname="tests.test_a" name="test_two"><skipped message="needs a GPU">x</skipped></testcase>
<testcase classname="tests.test_a" name="test_six[1]"><skipped message="needs a GPU">x</skipped></testcase>
<testcase classname="tests.test_b" name="test_three"><failure message="assert 1 == 2&#10;more">x</failure></testcase>
<testcase classname="" name="tests.test_c"><error message="collection failure">x</error></testcase>
</testsuite></testsuites>"""


def test_every_test_is_in_a_part() -> None:
    parts = [ROOT / part for part in all_tests()]
    for path in (ROOT / "tests").rglob("test_*.py"):
        assert sum(path.is_relative_to(part) for part in parts) == 1, path


def test_a_record_is_read() -> None:
    assert read(JUNIT) == Outcome(
        passed=1,
        skipped={"tests.test_a.test_two": "needs a GPU", "tests.test_a.test_six[1]": "needs a GPU"},
        failed={"tests.test_b.test_three": "assert 1 == 2", "tests.test_c": "collection failure"},
    )


def test_the_page_tells_all_of_it() -> None:
    found = {"numpy": "1.26.0", "pyyaml": "6.0", "mimesim": "0.1.0", "tzdata": "2026.1"}
    tried = [Tried("ruff", "python -m ruff check", True), Tried("build", "python -m build", False)]
    page = report("abc1234", "3.11.7", {"numpy": "1.26", "PyYAML": "6.0"}, found, read(JUNIT), tried)
    assert declared(page) == {"numpy": "1.26.0", "PyYAML": "6.0"}
    for line in (
        "- Tests: 1 passed, 2 failed, 2 skipped.",
        "- ruff: `python -m ruff check` works.",
        "- build: `python -m build` **does not work**.",
        "- `tests.test_b.test_three`: assert 1 == 2",
        "- `tests.test_a.test_two`: needs a GPU",
        "tzdata 2026.1",
    ):
        assert line in page.splitlines()
    assert "revision abc1234, on Python 3.11.7\n" in page
