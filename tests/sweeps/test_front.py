"""The front of a sweep: picked, printed and drawn."""

from __future__ import annotations

from pathlib import Path

import pytest
from rich.console import Console

from mimesim.errors import InputError
from mimesim.results.csv_file import Row
from mimesim.sweeps.columns import VALUES
from mimesim.sweeps.front import Aims, pick
from mimesim.sweeps.picture import draw_front
from mimesim.sweeps.read import read_results
from mimesim.sweeps.report import render_front, short_keys

AIMS = Aims(("cycles_per_image", "energy_per_image"), ())


def row(point: int, cycles: float | None, energy: float, mode: str = "pipelined", feasible: int = 1) -> Row:
    head = {"point": point, "mode": mode, "case": f"case-{point % 2}", "scheme": "mime", "tasks": "a+b"}
    values: dict[str, object] = dict.fromkeys(VALUES, 1.0) | {"cycles_per_image": cycles, "energy_per_image": energy}
    return {**head, **values, "energy_unit": "mac", "a.b": "[bold]x", "feasible": feasible}  # type: ignore[dict-item]


ROWS = [row(0, 1, 5), row(1, 5, 1), row(2, 5, 5), row(3, 9, 9, "singular"), row(4, 0, 0, feasible=0), row(5, None, 0)]


def test_rows_are_compared_with_those_that_did_the_same_work() -> None:
    found = pick(ROWS, AIMS)
    assert [each["point"] for each in found.rows] == [0, 1, 2, 3]
    assert [each["point"] for each in found.front] == [0, 1, 3]
    assert [each["point"] for each in pick(ROWS, AIMS, infeasible=True).front] == [4, 3]
    assert [each["point"] for each in pick(ROWS, AIMS, cases=["case-0"]).front] == [0]
    assert [each["point"] for each in pick(ROWS, AIMS, modes=["singular"]).front] == [3]
    assert [each["point"] for each in pick(ROWS, Aims((), ("energy_per_image",)), modes=["pipelined"]).front] == [0, 2]
    with pytest.raises(InputError, match=r"^--mode: 'both': no row has it; known: pipelined, singular$"):
        pick(ROWS, AIMS, modes=["both"])


def test_the_table_shows_names_as_they_are() -> None:
    console = Console(width=120)
    with console.capture() as capture:
        console.print(render_front(pick(ROWS, AIMS), ["a.b"], 1))
    text = capture.get()
    assert "pipelined, a, b: 2 of 3 rows are on the front" in text
    assert "[bold]x" in text
    assert "and 1 more: mimesim pareto shows them all" in text


def test_keys_are_short_where_that_is_enough() -> None:
    keys = ["hardware.grid.channels", "hardware.dram.channels", "schedule.set_order"]
    assert list(short_keys(keys).values()) == ["grid.channels", "dram.channels", "set_order"]


def test_it_is_drawn_the_same_each_time() -> None:
    pytest.importorskip("matplotlib")
    three = Aims(AIMS.minimise, ("macs",))
    for aims in (AIMS, three):
        found = pick(ROWS, aims)
        assert draw_front(found, "svg") == draw_front(found, "svg")
    assert draw_front(pick(ROWS, AIMS), "png").startswith(b"\x89PNG")
    with pytest.raises(InputError, match="takes two to 4 columns, not 1"):
        draw_front(pick(ROWS, Aims(("macs",), ())), "png")
    with pytest.raises(InputError, match="no row can be compared"):
        draw_front(pick([], AIMS), "png")


@pytest.mark.parametrize(
    ("document", "table", "rule"),
    [
        ("{}", "", "holds no results of mimesim sweep"),
        ("[", "", "holds no results of mimesim sweep"),
        ('{"sweep": {"objectives": {"minimise": [], "maximise": []}}}', "a,b\n", "has other columns"),
    ],
)
def test_what_is_no_sweep_is_refused(document: str, table: str, rule: str, tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text(document)
    (tmp_path / "results.csv").write_text(table)
    with pytest.raises(InputError, match=rule):
        read_results(tmp_path)
