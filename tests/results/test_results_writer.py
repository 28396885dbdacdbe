"""Results are written whole or not at all, and only where they may be."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from mimesim.errors import InputError
from mimesim.results import check_destination, write_results, writer
from mimesim.simulation import CaseResult
from tests.replays import Settings

OLD = {"wall_seconds": 1}


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def write(results: list[CaseResult], out: Path) -> Path:
    return write_results(results, Settings(), out, OLD)


def test_a_new_folder_with_its_parents(results: list[CaseResult], tmp_path: Path) -> None:
    out = tmp_path / "some" / "where"
    check_destination(out)
    assert list(tmp_path.iterdir()) == [], "checking makes nothing"
    assert write(results[:1], out) == out
    assert [path.name for path in out.parent.iterdir()] == ["where"]


def test_an_empty_folder_and_a_relative_one(
    results: list[CaseResult], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("out").mkdir()
    assert write(results[:1], Path("out")) == Path("out")
    assert (tmp_path / "out" / "run.json").exists()


def test_earlier_results_are_replaced_and_other_files_kept(results: list[CaseResult], tmp_path: Path) -> None:
    out = write(results, tmp_path / "out")
    (out / "notes.txt").write_text("mine")
    (out / "plots").mkdir()
    (out / "plots" / "a.png").write_text("picture")
    before = (out / "summary.csv").read_bytes()
    write(results[:2], out)
    assert (out / "summary.csv").read_bytes() != before
    assert (out / "notes.txt").read_text() == "mine"
    assert (out / "plots" / "a.png").read_text() == "picture"
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_file_of_an_earlier_version_goes(results: list[CaseResult], tmp_path: Path) -> None:
    out = write(results[:1], tmp_path / "out")
    run = out / "run.json"
    run.write_text(run.read_text().replace('"files": [', '"files": ["gone.csv", '))
    (out / "gone.csv").write_text("old")
    assert "gone.csv" not in contents(write(results[:1], out))


@pytest.mark.parametrize(
    "content", [None, "not json", "[]", '{"format": "something else"}', "\ud800".encode("utf-8", "surrogatepass")]
)
def test_a_folder_that_is_not_ours_is_refused(
    results: list[CaseResult], tmp_path: Path, content: str | bytes | None
) -> None:
    out = tmp_path / "thesis"
    out.mkdir()
    (out / "chapter1.tex").write_text("precious")
    if content is not None:
        (out / "run.json").write_bytes(content.encode() if isinstance(content, str) else content)
    before = contents(out)
    for attempt in (lambda: check_destination(out), lambda: write(results[:1], out)):
        with pytest.raises(InputError, match=r"thesis: holds 'chapter1.tex' and no run.json of mimesim's"):
            attempt()
    assert contents(out) == before


def test_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(InputError, match="exists and is not a folder"):
        check_destination(tmp_path / "file")
    with pytest.raises(InputError, match="is not a folder"):
        check_destination(tmp_path / "file" / "below")
    with pytest.raises(InputError, match="cannot be written: File name too long"):
        check_destination(tmp_path / ("x" * 300))


def test_an_unwritable_folder_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(InputError, match="is not writable"):
        check_destination(tmp_path / "new" / "out")


def fail_at(monkeypatch: pytest.MonkeyPatch, step: int, error: BaseException) -> None:
    """Let file number *step* be half written when *error* strikes."""
    write_one: Callable[[Path, str], None] = writer._write
    calls = iter(range(100))

    def failing(path: Path, text: str) -> None:
        if next(calls) == step:
            path.write_text(text[: len(text) // 2])
            raise error
        write_one(path, text)

    monkeypatch.setattr(writer, "_write", failing)


FULL = OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize("step", range(7))
def test_a_full_disk_leaves_nothing(
    results: list[CaseResult], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    fail_at(monkeypatch, step, FULL)
    with pytest.raises(InputError, match=r"new/out: cannot be written: No space left on device"):
        write(results[:1], tmp_path / "new" / "out")
    assert list(tmp_path.iterdir()) == [], "nor the folders made for it"


@pytest.mark.parametrize(("error", "raised"), [(FULL, InputError), (KeyboardInterrupt(), KeyboardInterrupt)])
def test_a_failure_leaves_the_old_results(
    results: list[CaseResult],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    error: BaseException,
    raised: type[BaseException],
) -> None:
    out = write(results, tmp_path / "out")
    before = contents(out)
    fail_at(monkeypatch, 4, error)
    with pytest.raises(raised):
        write(results[:1], out)
    assert contents(out) == before
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


@pytest.mark.parametrize("error", [FULL, KeyboardInterrupt()])
@pytest.mark.parametrize("rename", [1, 2])
def test_a_failure_while_changing_places_puts_the_old_results_back(
    results: list[CaseResult], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException, rename: int
) -> None:
    out = write(results, tmp_path / "out")
    before = contents(out)
    move, calls = Path.replace, iter(range(1, 100))

    def failing(path: Path, target: Path) -> Path:
        if next(calls) == rename:
            raise error
        return move(path, target)

    monkeypatch.setattr(Path, "replace", failing)
    with pytest.raises((InputError, KeyboardInterrupt)):
        write(results[:1], out)
    assert contents(out) == before
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_fsync_failing_is_a_failure(results: list[CaseResult], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(_: int) -> None:
        raise FULL

    monkeypatch.setattr(os, "fsync", failing)
    with pytest.raises(InputError, match="No space left on device"):
        write(results[:1], tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_unbalanced_results_are_written_and_say_so(results: list[CaseResult], tmp_path: Path) -> None:
    broken = replace(results[0], violations=("batch 0, layer conv1: MACs",))
    run = (write([broken, results[1]], tmp_path / "out") / "run.json").read_text()
    assert '"balanced": false' in run
    assert '"case dense: batch 0, layer conv1: MACs"' in run
