"""Where compiled kernels are kept, and that they work where nothing can be."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("numba", reason="THE COMPILED ENGINE IS NOT TESTED: numba is not installed")

from mimesim.engine import jit


@pytest.fixture(autouse=True)
def forgetful(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
    jit._folder.cache_clear()
    yield
    jit._folder.cache_clear()


def double(number: int) -> int:
    return 2 * number


def test_the_folder_belongs_to_the_sources(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    other = tmp_path / "other.py"
    other.write_text("# before")
    monkeypatch.setattr(jit, "_OTHERS", (other,))
    before = jit._folder()
    jit._folder.cache_clear()
    other.write_text("# after")

    assert before.parent == tmp_path
    assert jit._folder() != before


def test_an_install_folder_of_somebody_else(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))

    assert tmp_path in jit._folder().parents or jit.sys.platform == "darwin"


def test_kernels_are_kept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))

    assert jit.kernel(double)(21) == 42
    assert list(jit._folder().rglob("*.nbi"))


def test_nowhere_to_keep_them(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    taken = tmp_path / "file"
    taken.write_text("no folder")
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(taken))

    assert jit.kernel(double)(21) == 42
