"""Processes that share work: results in order, errors as they were raised, nothing left running."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from mimesim.errors import InputError, MimesimError
from mimesim.workers import crew, run_parallel

Work = Callable[[str, Callable[[int], None]], str]


def work(item: str, report: Callable[[int], None]) -> str:
    report(1)
    if item == "wrong":
        raise InputError("file:3", "must be right", key="item", value=item)
    if item == "broken":
        raise ZeroDivisionError("no idea")
    if item == "dies":
        os._exit(9)
    if item == "slow":
        time.sleep(60)
    report(2)
    return f"{item} done"


def setup() -> Work:
    return work


def bad_setup() -> Work:
    raise InputError("setup", "cannot be")


def run(items: list[str], processes: int = 2, start: Callable[[], Work] = setup) -> list[str]:
    return run_parallel(start, items, processes, dict.fromkeys(items, 0), lambda *_: None)


@pytest.fixture(autouse=True)
def _nothing_left() -> object:
    yield
    assert multiprocessing.active_children() == []


def test_results_come_in_the_order_of_the_items_with_their_progress() -> None:
    seen: list[tuple[str, int]] = []
    items = ["a", "b", "c"]
    assert run_parallel(setup, items, 2, {"a": 0, "b": 1, "c": 0}, lambda *step: seen.append(step)) == [
        "a done",
        "b done",
        "c done",
    ]
    assert sorted(seen) == [(item, step) for item in items for step in (1, 2)]


def test_an_input_error_arrives_as_it_was_raised_and_ends_the_others() -> None:
    began = time.monotonic()
    with pytest.raises(InputError) as caught:
        run(["slow", "wrong"])
    assert str(caught.value) == "file:3: item = 'wrong': must be right"
    assert caught.value.key == "item"
    assert time.monotonic() - began < 30


def test_a_fault_tells_where_in_the_worker_it_happened() -> None:
    with pytest.raises(RuntimeError, match=r"ZeroDivisionError.*no idea") as caught:
        run(["broken", "a"])
    assert "in a worker process:" in caught.value.__notes__[0]
    assert "in work" in caught.value.__notes__[0]


def test_a_process_that_dies_is_an_error() -> None:
    with pytest.raises(MimesimError, match=r"^a worker process ended early \(exit code 9\): out of memory\?"):
        run(["dies", "a"])


def test_an_error_while_starting_arrives_too() -> None:
    with pytest.raises(InputError, match=r"^setup: cannot be$"):
        run(["a", "b"], start=partial(bad_setup))


def test_ctrl_c_ends_everything() -> None:
    def interrupt(*_: object) -> None:
        signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        run_parallel(setup, ["slow", "a"], 2, {"slow": 0, "a": 0}, interrupt)


def steps(item: str) -> str:
    kind, _, path = item.partition(" ")
    if kind == "dies" or (kind == "once" and not Path(path).exists()):
        if path:
            Path(path).touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return kind.upper()


def steps_setup() -> Callable[[str], str]:
    return steps


def test_a_crew_replaces_who_dies_and_tries_again(tmp_path: Path) -> None:
    items = ["a", "dies", f"once {tmp_path / 'tried'}", "b", "c"]
    with crew(steps_setup, 2) as work:
        found = dict(work(items))
        assert {item for item in items if isinstance(found[item], str)} == {*items} - {"dies"}
        assert "exit code -9" in str(found["dies"])
        # The same processes do more.
        assert dict(work(["d"])) == {"d": "D"}
    assert dict(found)[items[2]] == "ONCE"


def test_a_crew_that_cannot_start_is_an_error() -> None:
    with pytest.raises(InputError, match=r"^setup: cannot be$"), crew(partial(bad_setup), 1) as work:
        list(work(["a"]))
