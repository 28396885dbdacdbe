"""What people read of a comparison: tables, Markdown, files; the same bytes for the same inputs."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from rich.console import Console

from mimesim.accuracy import interval
from mimesim.compare import Comparison, compare_workload, render_files, render_report
from mimesim.compare.point import COSTS
from mimesim.compare.report import render_markdown
from mimesim.compare.sheets import sheets
from mimesim.config import load_workload
from mimesim.results.csv_file import render_csv
from tests.compare.made import comparison, point
from tests.compare.traces import same_pictures

BEST = point("best", 0.70, [40e6, 8192, 4e6, 4000])
NEAR = point("near", 0.69, [20e6, 8192, 3e6, 2000])
WORSE = point("worse", 0.60, [50e6, 9000, 5e6, 5000])


def printed(found: Comparison) -> str:
    console = Console(width=140, file=io.StringIO())
    console.print(render_report(found, Path("out")))
    return console.file.getvalue()  # type: ignore[attr-defined, no-any-return]


def test_the_table_has_every_number_and_the_marks() -> None:
    (whole, accuracy, stored) = sheets(comparison([BEST, NEAR, WORSE]))
    assert whole.title == "pipelined: 2 tasks, tasks mixed, 3 images; by image"
    assert whole.headings == ("case", "accuracy %", "KiB", "Mmac", "DRAM Mwords", "kcycles", "images/s", "front")
    assert whole.rows == (
        ("best", "70.0 ± 1.4", "8.0", "40.0", "4", "4", "250", "maybe"),
        ("near", "69.0 ± 1.4", "8.0", "20.0", "3", "2", "500", "front"),
        ("worse", "60.0 ± 1.5", "8.8", "50.0", "5", "5", "200", ""),
    )
    assert accuracy.rows[0] == ("best", "70.0 ± 2.0", "70.0 ± 2.0")
    assert accuracy.note == "± is half of the 95 % interval; 2000 test images a task."
    assert stored.headings == ("case", "1", "2", "10 (extrapolated)")
    assert stored.rows[0] == ("best", "4.0", "8.0", "40.0")


def test_words_of_envm_stand_where_there_are_any() -> None:
    found = replace(NEAR, values=replace(NEAR.values, words_envm=12_000.0))
    assert "eNVM kwords" in sheets(comparison([BEST, found]))[0].headings


def test_combinations_stand_beside_each_task_alone(tmp_path: Path) -> None:
    found = compare_workload(same_pictures(tmp_path), jobs=1)
    macs = next(sheet for sheet in sheets(found) if sheet.title.startswith("MACs by combination"))
    assert macs.headings == ("case", "a", "b", "a+b", "alone/all")
    ratios = dict(zip((row[0] for row in macs.rows), (row[-1] for row in macs.rows), strict=True))
    assert (ratios["trunk"], ratios["apart"]) == ("2.00x", "1.00x")
    assert 1 < float(ratios["merged"].rstrip("x")) < 2
    text = printed(found)
    assert "multitask: 2 tasks, all tasks on each image, 2 images; by image" in text
    assert "Least energy, all tasks on one image, at most 2 points below the best accuracy" in text
    single = next(points for points in found.single if points[0].replay.mode == "multitask")
    latency = next(line for line in found.advice if line.aim.startswith("Least latency of a single image, at most"))
    merged, _, apart = single  # the trunk is less accurate by far
    fastest = min(merged, apart, key=lambda point: point.values.cycles)
    assert latency.cases == (fastest.case,)
    assert latency.told.startswith(f"{fastest.values.cycles / 200_000:.3g} ms")


def test_what_the_terminal_shows_stands_in_markdown() -> None:
    found = comparison([BEST, NEAR, WORSE])
    text, markdown = printed(found), render_markdown(found, "compare.png")
    for sheet in sheets(found):
        assert f"## {sheet.title}" in markdown
        for row in sheet.rows:
            assert f"| {' | '.join(row)} |" in markdown
    flat = " ".join(text.split())
    for advice in found.advice:
        assert f"- {advice.text}" in markdown
        assert " ".join(advice.text.split()) in flat
    assert "balanced: every conservation law holds" in text
    assert "(compare.png)" in markdown
    assert "compare.png" not in render_markdown(found)


def test_titles_cannot_break_out() -> None:
    hostile = ("a | b [red]", "<script>alert(1)</script> *x*\n# heading")
    found = comparison([BEST, NEAR], titles=hostile)
    markdown = render_markdown(found)
    assert "- `best`: a \\| b \\[red]" in markdown
    assert "&lt;script&gt;alert(1)&lt;/script&gt; \\*x\\* # heading" in markdown
    assert "\n# heading" not in markdown
    assert "a | b [red]" in printed(found)


def test_broken_books_are_told() -> None:
    assert "NOT BALANCED: pipelined: case best: lost" in printed(
        replace(comparison([BEST]), violations=("pipelined: case best: lost",))
    )


def test_the_files_hold_everything_and_are_the_same_again() -> None:
    tiny = load_workload("tiny")
    found = compare_workload(tiny, images=1, jobs=1)
    files = render_files(found, {"wall_seconds": 1}, b"picture")
    assert sorted(files) == ["compare.csv", "compare.md", "compare.png", "run.json", "storage_by_tasks.csv"]
    assert render_files(compare_workload(tiny, images=1, jobs=1), {"wall_seconds": 1}, b"picture") == files
    table = pd.read_csv(io.StringIO(str(files["compare.csv"])))
    assert len(table) == len(found.suite.replays) * len(tiny.cases)
    assert set(table.front) <= {"front", "dominated", "not told apart"}
    assert table.accuracy_cifar10.isna().all()
    storage = pd.read_csv(io.StringIO(str(files["storage_by_tasks.csv"])))
    assert storage.groupby("case").tasks.apply(list).tolist() == [list(range(1, 11))] * 3
    assert (storage.kind == "extrapolated").sum() == 3 * 7
    document = json.loads(files["run.json"])
    assert document["command"] == "compare"
    assert document["balanced"]
    assert [line["text"] for line in document["advice"]] == [line.text for line in found.advice]
    assert document["traces"].keys() == tiny.traces.keys()


def test_accuracies_in_the_table_are_those_of_the_replays_tasks(tmp_path: Path) -> None:
    found = compare_workload(same_pictures(tmp_path), jobs=1)
    table = pd.read_csv(io.StringIO(str(render_files(found, {})["compare.csv"]))).set_index(["replay", "case"])
    alone = table.loc["multitask-b", "merged"]
    assert (alone.accuracy, alone.accuracy_b, alone.test_images_b) == (0.7, 0.7, 1000)
    assert pd.isna(alone.accuracy_a)
    assert alone.interval == pytest.approx(interval([(0.7, 1000)]), abs=1e-6)
    whole = table.loc["multitask", "merged"]
    assert (whole.accuracy, whole.accuracy_a) == (0.75, 0.8)
    assert whole.tasks == "a+b"


def test_every_front_has_a_column() -> None:
    from mimesim.compare.tables import compare_columns, compare_rows

    found = comparison([BEST, NEAR, WORSE])
    table = pd.read_csv(io.StringIO(render_csv(compare_columns(found.workload.tasks), compare_rows(found))))
    assert {f"front_{cost}" for cost in COSTS} <= set(table.columns)
    assert table.front_bytes_stored.tolist() == ["not told apart", "not told apart", "dominated"]
    assert table.front_energy.tolist() == ["not told apart", "front", "dominated"]
