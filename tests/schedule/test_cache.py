"""Counts kept on disk: the same replays with and without, whatever happens to the files."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from mimesim.config import Workload, load_workload
from mimesim.inputs import load_traces, select
from mimesim.ledger import CaseLedger
from mimesim.schedule import costs as costs_module
from mimesim.schedule.cache import CountCache, cache_folder
from mimesim.schedule.costs import CostBook
from mimesim.simulation import Runner


def replay(workload: Workload, book: CostBook | None, mode: str = "pipelined") -> list[CaseLedger]:
    selection = select(workload, mode, images=1)  # type: ignore[arg-type]
    runner = Runner(workload, selection, load_traces(workload, selection), book=book)
    return [runner.run(case.name, lambda _: None).ledger for case in workload.cases]


def counted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the layers that are counted from now on."""
    layers: list[str] = []
    real = costs_module._count

    def note(geometry: object, image: object, present: object) -> object:
        layers.append(geometry.operation.name)  # type: ignore[attr-defined]
        return real(geometry, image, present)  # type: ignore[arg-type]

    monkeypatch.setattr(costs_module, "_count", note)
    return layers


@pytest.mark.parametrize("mode", ["pipelined", "multitask"])
def test_nothing_is_counted_twice_and_the_counts_are_the_same(
    mode: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workload = load_workload("tiny")
    plain = replay(workload, None, mode)
    assert replay(workload, CostBook(CountCache(tmp_path)), mode) == plain
    layers = counted(monkeypatch)
    assert replay(workload, CostBook(CountCache(tmp_path)), mode) == plain
    assert layers == []
    # What counts do not depend on.
    other = load_workload("tiny", ["hardware.dram.channels=2", "hardware.caches.weights_kib=30"])
    replay(other, CostBook(CountCache(tmp_path)), mode)
    assert layers == []


@pytest.mark.parametrize(
    "change",
    ["grid.positions=[2, 2]", "grid.channels=16", "scratchpad.weight_bank_words=40", "activation_block.channels=4",
     "activation_block.patch=[2, 2]", "word_bits=8", "dram.organisation.burst_length=4"],
)  # fmt: skip
def test_whatever_counts_depend_on_is_counted_anew(
    change: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    replay(load_workload("tiny"), CostBook(CountCache(tmp_path)))
    changed = load_workload("tiny", [f"hardware.{change}"])
    plain = replay(changed, None)
    layers = counted(monkeypatch)
    assert replay(changed, CostBook(CountCache(tmp_path))) == plain
    assert layers != []


def files(folder: Path) -> list[Path]:
    return sorted((folder / "counts").glob("*/*.npz"))


@pytest.mark.parametrize("damage", ["flipped", "short", "empty", "text", "swapped", "sizes"])
def test_a_damaged_file_counts_as_missing(damage: str, tmp_path: Path) -> None:
    workload = load_workload("tiny")
    plain = replay(workload, CostBook(CountCache(tmp_path)))
    paths = files(tmp_path)
    contents = [path.read_bytes() for path in paths]
    for path, content, other in zip(paths, contents, contents[1:] + contents[:1], strict=True):
        middle = len(content) // 2
        if damage == "sizes":
            with np.load(path) as file:
                arrays = {name: file[name] for name in file.files}
            np.savez(path, **(arrays | {"small": arrays["small"][:-1]}))
            continue
        path.write_bytes(
            {
                "flipped": content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :],
                "short": content[:middle],
                "empty": b"",
                "text": b"not a zip file",
                "swapped": other,
            }[damage]
        )
    assert replay(workload, CostBook(CountCache(tmp_path))) == plain
    # And mended.
    assert [path.stat().st_size for path in paths] == [len(content) for content in contents]


def test_pickles_are_not_opened(tmp_path: Path) -> None:
    cache = CountCache(tmp_path)
    cache.store("this", {"a": np.arange(3)})
    (path,) = files(tmp_path)
    np.savez(path, text=np.frombuffer(b"this", np.uint8), a=np.array([{}], dtype=object))
    assert cache.load("this") is None


def test_a_folder_that_cannot_be_written_keeps_nothing(tmp_path: Path) -> None:
    (tmp_path / "counts").write_text("a file")
    cache = CountCache(tmp_path)
    cache.store("this", {"a": np.arange(3)})
    assert cache.load("this") is None
    workload = load_workload("tiny")
    assert replay(workload, CostBook(cache)) == replay(workload, None)


def test_the_least_recently_used_goes_first(tmp_path: Path) -> None:
    cache = CountCache(tmp_path, limit=10_000)
    for number in range(12):
        cache.store(str(number), {"a": np.zeros(100)})
        (newest,) = set(files(tmp_path)) - {path for path in files(tmp_path) if path.stat().st_mtime < 1000}
        os.utime(newest, (number, number))
    assert cache.load("0") is not None
    # Another process looks first of all.
    CountCache(tmp_path, limit=10_000).store("last", {"a": np.zeros(100)})
    assert sum(path.stat().st_size for path in files(tmp_path)) <= 7_500
    assert [cache.load(name) is not None for name in ("0", "1", "2", "11", "last")] == [True, False, False, True, True]


def test_where_it_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("MIMESIM_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr("sys.platform", "linux")
    assert cache_folder() == tmp_path / "mimesim"
    monkeypatch.setenv("XDG_CACHE_HOME", "not/absolute")
    assert cache_folder() == Path.home() / ".cache" / "mimesim"
    monkeypatch.setenv("MIMESIM_CACHE", "here")
    assert cache_folder() == Path("here")
    assert cache_folder("there") == Path("there")
    assert cache_folder("off") is None
    monkeypatch.setenv("MIMESIM_CACHE", "off")
    assert cache_folder() is None
