"""Recorded arrivals: what a CSV file may say, and the line for whatever it may not."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import pytest

from mimesim.errors import InputError
from mimesim.serving.recorded import Recorded
from mimesim.serving.request import Arrival

IMAGES = {"apples": 3, "pears": 2}


def read(folder: Path, text: str | bytes) -> Recorded:
    path = folder / "day.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return Recorded(path, IMAGES, 2)


def test_times_tasks_and_images_are_read(tmp_path: Path) -> None:
    recorded = read(tmp_path, "task,arrival_ms,image\napples,0.1,\npears,0.1,1\napples,0.3,2\napples,7e0,\n")
    assert list(recorded) == [
        Arrival(10**8, "apples", 0),
        Arrival(10**8, "pears", 1),
        Arrival(3 * 10**8, "apples", 2),
        Arrival(7 * 10**9, "apples", 1),
    ]
    assert list(recorded) == list(recorded)
    assert (recorded.expected, recorded.tasks) == (4, {"apples": 3, "pears": 1})
    assert recorded.rate_per_s == pytest.approx(3 / 0.0069)
    assert recorded.describe()["mix"] == {"apples": 0.75, "pears": 0.25}


def test_seconds_are_read_to_the_picosecond(tmp_path: Path) -> None:
    recorded = read(tmp_path, "\ufeffarrival_s,task\r\n0.000000000001,apples\r\n1234567.000000000001,apples\r\n")
    assert [arrival.picoseconds for arrival in recorded] == [1, 1234567 * 10**12 + 1]


def test_all_at_once_has_no_rate(tmp_path: Path) -> None:
    assert read(tmp_path, "arrival_s,task\n5,apples\n5,pears\n").rate_per_s is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("arrival_s,task\n1,apples\n-1,apples\n", ":3: arrival_s = '-1': must be a number, not negative"),
        ("arrival_s,task\nnan,apples\n", ":2: arrival_s = 'nan': must be a number, not negative"),
        ("arrival_s,task\ninf,apples\n", ":2: arrival_s = 'inf': must be a number, not negative"),
        ("arrival_s,task\n,apples\n", ":2: arrival_s = '': must be a number, not negative"),
        ("arrival_s,task\nsoon,apples\n", ":2: arrival_s = 'soon': must be a number, not negative"),
        ("arrival_s,task\n1e9,apples\n", ":2: arrival_s = '1e9': is more than a year: is the unit right?"),
        ("arrival_s,task\n2,apples\n1.9,pears\n", ":3: arrival_s = '1.9': is earlier than the row before"),
        ("arrival_s,task\n1,paers\n", ":2: task = 'paers': the workload has no such task; did you mean 'pears'?"),
        ("arrival_s,task\n1\n", ":2: must have 2 cells, as the header has"),
        ("arrival_s,task\n1,pears,2\n", ":2: must have 2 cells, as the header has"),
        (
            "arrival_s,task,image\n1,pears,2\n",
            ":2: image = '2': must be a whole number from 0 to 1: so many images of 'pears' are in the traces",
        ),
        ("arrival_s,task,image\n1,pears,-1\n", ":2: image = '-1': must be a whole number from 0 to 1"),
        ("arrival,task\n1,pears\n", ":1: 'arrival': there is no such column; did you mean 'arrival_s'?"),
        ("arrival_s,arrival_ms,task\n1,1,pears\n", ":1: must name the columns task and one of arrival_s and"),
        ("arrival_s\n1\n", ":1: must name the columns task and one of arrival_s and arrival_ms"),
        ("arrival_s,task,task\n1,pears,pears\n", ":1: 'task': names the same column twice"),
        ("arrival_s,task\n", ": holds no requests: a header and a row for each are needed"),
        ("", ":1: must name the columns task and one of arrival_s and arrival_ms"),
        (b"arrival_s,task\n1,\xff\n", ": is not UTF-8 text"),
        ('arrival_s,task\n1,"' + "x" * 200_000, ": is not CSV: field larger than field limit (131072)"),
    ],
)
def test_a_bad_file_is_refused(tmp_path: Path, text: str | bytes, message: str) -> None:
    with pytest.raises(InputError) as error:
        read(tmp_path, text)
    assert str(error.value).startswith(f"{tmp_path / 'day.csv'}{message}")


def test_no_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.csv: there is no such file; --arrivals is poisson, bursty or a CSV"):
        Recorded(tmp_path / "none.csv", IMAGES, 1)


def peak_bytes(folder: Path, rows: int) -> int:
    """Return the most memory that opening and reading a file takes."""
    path = folder / f"{rows}.csv"
    path.write_text("arrival_ms,task\n" + "".join(f"{number / 8},apples\n" for number in range(rows)))
    tracemalloc.start()
    assert sum(1 for _ in Recorded(path, IMAGES, 2)) == rows
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    peak_bytes(tmp_path, 100)
    assert peak_bytes(tmp_path, 20_000) < peak_bytes(tmp_path, 2000) + 20_000
