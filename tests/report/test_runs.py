"""Which folders are results, and what an incomplete or damaged one gives."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from mimesim.errors import InputError
from mimesim.report.names import ending, readable, shortened, slug, unique
from mimesim.report.runs import Gap, find_runs, totals


def change(folder: Path, **entries: Any) -> None:
    path = folder / "run.json"
    document = {key: value for key, value in (json.loads(path.read_text()) | entries).items() if value is not None}
    path.write_text(json.dumps(document))


def replace(folder: Path, table: str, old: str, new: str) -> None:
    path = folder / table
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_a_folder_and_a_folder_of_folders(results: Path) -> None:
    one, _ = find_runs([results / "tiny-singular"])
    assert [(run.label, run.slug) for run in one] == [("tiny, singular", "tiny-singular")]
    assert one[0].cases == ["case-1", "case-2", "case-3"]
    every, passed_over = find_runs([results])
    assert [run.folder.name for run in every] == ["tiny-pipelined", "tiny-singular", "tiny-small"]
    assert passed_over == []


def test_the_same_folder_twice_is_one_run_and_names_differ(results: Path) -> None:
    runs, _ = find_runs([results / "tiny-small", results, results / "tiny-singular"])
    assert [run.folder.name for run in runs] == ["tiny-small", "tiny-pipelined", "tiny-singular"]
    assert [run.label for run in runs] == [
        "tiny, pipelined (tiny-small)",
        "tiny, pipelined (tiny-pipelined)",
        "tiny, singular",
    ]
    assert len({run.slug for run in runs}) == 3


def test_no_such_folder_a_file_and_nothing_in_it(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="none: there is no such folder"):
        find_runs([tmp_path / "none"])
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="file: is not a folder"):
        find_runs([tmp_path / "file"])
    (tmp_path / "empty" / "below").mkdir(parents=True)
    with pytest.raises(InputError, match=r"empty: holds no results of mimesim run: no run\.json"):
        find_runs([tmp_path / "empty"])


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("{", "is not valid JSON"),
        ("[" * 100_000, "is not valid JSON"),
        ("[]", "was not written by mimesim"),
        ('{"format": "other"}', "was not written by mimesim"),
        ('{"format": "mimesim-run", "kind": "paper"}', "is of mimesim paper; a report shows results of mimesim run"),
        ('{"format": "mimesim-run", "command": "serve", "workload": {}, "cases": []}', "is of mimesim serve"),
        ('{"format": "mimesim-run"}', "is of another command"),
        ('{"format": "mimesim-run", "workload": {}, "cases": []}', "balanced: is required"),
    ],
)
def test_a_record_that_is_none(tmp_path: Path, text: str, rule: str) -> None:
    (tmp_path / "run.json").write_text(text)
    with pytest.raises(InputError) as error:
        find_runs([tmp_path])
    assert rule in str(error.value)
    assert "run.json" in str(error.value)


def test_results_of_other_commands_beside_are_passed_over_and_said(results: Path, tmp_path: Path) -> None:
    shutil.copytree(results / "tiny-singular", tmp_path / "run")
    shutil.copytree(results / "tiny-singular", tmp_path / "serve")
    change(tmp_path / "serve", command="serve")
    runs, passed_over = find_runs([tmp_path])
    assert [run.folder.name for run in runs] == ["run"]
    assert [line.endswith("is of mimesim serve; a report shows results of mimesim run") for line in passed_over] == [
        True
    ]


def test_two_cases_of_one_name(pipelined: Path) -> None:
    cases = json.loads((pipelined / "run.json").read_text())["cases"]
    change(pipelined, cases=[*cases, cases[0]])
    with pytest.raises(InputError, match="cases: two cases have one name"):
        find_runs([pipelined])


def test_a_table_or_column_of_a_newer_version_is_a_gap(pipelined: Path) -> None:
    (pipelined / "bounds.csv").unlink()
    run = find_runs([pipelined])[0][0]
    with pytest.raises(Gap, match=r"there is no bounds\.csv; was it written by an older mimesim\?"):
        run.table("bounds.csv", "case")
    with pytest.raises(Gap, match=r"layers\.csv has no column energy_future"):
        run.table("layers.csv", "case", "energy_future")


@pytest.mark.parametrize(
    ("old", "new", "rule"),
    [
        (",conv1,", ",conv1,x,", "is the file truncated?"),
        (",conv1,conv,1,", ",conv1,conv,one,", "cycles: must hold numbers only"),
        (",case-1,", ",case-9,", "case = 'case-9': is of no case that run.json names"),
    ],
)
def test_a_damaged_table_is_an_error(pipelined: Path, old: str, new: str, rule: str) -> None:
    if "numbers" in rule:
        path = pipelined / "bounds.csv"
        header, first, *rest = path.read_text().splitlines()
        cells = first.split(",")
        cells[header.split(",").index("cycles")] = "many"
        path.write_text("\n".join([header, ",".join(cells), *rest]) + "\n")
    else:
        replace(pipelined, "bounds.csv", old, new)
    run = find_runs([pipelined])[0][0]
    with pytest.raises(InputError) as error:
        run.table("bounds.csv", "case", "layer", "cycles")
    assert rule in str(error.value)


@pytest.mark.parametrize("number", ["", "inf"])
def test_a_number_that_is_none_is_an_error(pipelined: Path, number: str) -> None:
    path = pipelined / "storage.csv"
    lines = path.read_text().splitlines()
    path.write_text("\n".join([*lines[:-1], lines[-1].rpartition(",")[0] + "," + number]) + "\n")
    with pytest.raises(InputError, match=r"storage\.csv: bytes: must hold a finite number in every row"):
        find_runs([pipelined])[0][0].table("storage.csv", "bytes")


def test_a_table_cut_off_is_an_error(pipelined: Path) -> None:
    path = pipelined / "storage.csv"
    path.write_bytes(path.read_bytes()[:-3])
    with pytest.raises(InputError, match="ends within a line; is the file truncated"):
        find_runs([pipelined])[0][0].table("storage.csv", "bytes")


def test_hardware_that_is_none_is_an_error(pipelined: Path) -> None:
    document = json.loads((pipelined / "run.json").read_text())
    document["cases"][0]["hardware"]["word_bits"] = "many"
    change(pipelined, cases=document["cases"])
    with pytest.raises(InputError, match=r"run\.json: cases\.0\.hardware: .*word_bits must be a number"):
        find_runs([pipelined])


def test_an_empty_table_is_an_error(pipelined: Path) -> None:
    (pipelined / "layers.csv").write_text("")
    with pytest.raises(InputError, match="is the file truncated"):
        find_runs([pipelined])[0][0].table("layers.csv", "case")


def test_names_that_look_like_numbers_stay_names(pipelined: Path) -> None:
    for table in ("layers.csv", "storage.csv"):
        replace(pipelined, table, "cifar100", "007")
    run = find_runs([pipelined])[0][0]
    assert "007" in set(run.table("storage.csv", "owner")["owner"])
    assert {type(value) for value in run.table("layers.csv", "task")["task"]} == {str}


def test_totals_keep_the_order_of_the_rows(results: Path) -> None:
    run = find_runs([results / "tiny-singular"])[0][0]
    found = totals(run.table("storage.csv", "case", "owner", "bytes"), ("case", "owner"), ("bytes",))
    assert list(found)[:2] == [("case-1", "cifar10"), ("case-1", "cifar100")]
    assert all(isinstance(row["bytes"], int) for row in found.values())


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("conv1", "conv1"),
        ("a\x00b\nc", "a\ufffdb\ufffdc"),
        ("\N{RIGHT-TO-LEFT OVERRIDE}gpj.exe", "\ufffdgpj.exe"),
        ("\ud800", "\ufffd"),
        ("層", "層"),
        ("x" * 201, "x" * 199 + "…"),
    ],
)
def test_invisible_characters_are_seen(text: str, shown: str) -> None:
    assert readable(text) == shown


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("vgg16, pipelined", "vgg16-pipelined"),
        ("../../etc/passwd", "etc-passwd"),
        ("<>", "x"),
        ("..", "x"),
        ("CON", "CON"),
    ],
)
def test_a_slug_stays_in_its_folder(text: str, name: str) -> None:
    assert slug(text) == name


def test_names_are_told_apart_on_every_disk() -> None:
    assert unique(["a", "A", "a", "b"]) == ["a", "A-2", "a-3", "b"]
    assert shortened("features.0.convolution", 9) == "feat…tion"
    assert shortened("conv1", 9) == "conv1"
    assert ending("features.0.conv.1", 9) == "…0.conv.1"
    assert ending("conv1", 5) == "conv1"
