"""Pictures as files, and room between labels."""

from __future__ import annotations

from pathlib import Path

import pytest

from mimesim.errors import InputError, MimesimError
from mimesim.results import pictures
from mimesim.results.pictures import spread


def test_a_picture_that_cannot_be_drawn_is_told_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("matplotlib")
    (tmp_path / "file").touch()
    for path in (tmp_path / "who.bmp", tmp_path / "file" / "who.png", tmp_path):
        with pytest.raises(InputError, match="--plot"):
            pictures.check_picture(path)
    pictures.check_picture(tmp_path / "none" / "who.svg")
    monkeypatch.setattr(pictures, "find_spec", lambda _: None)
    with pytest.raises(MimesimError, match=r"--plot needs matplotlib: pip install 'mimesim\[plot\]'"):
        pictures.check_picture(tmp_path / "who.svg")


def test_a_picture_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    pictures.write_picture(b"one", tmp_path / "who.png")
    assert (tmp_path / "who.png").read_bytes() == b"one"
    pictures.write_picture(b"two", tmp_path / "new" / "who.png")
    assert (tmp_path / "new" / "who.png").read_bytes() == b"two"
    (tmp_path / "folder.png").mkdir()
    (tmp_path / "folder.png" / "file").touch()
    with pytest.raises(InputError, match=r"folder\.png: cannot be written: "):
        pictures.write_picture(b"three", tmp_path / "folder.png")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["folder.png", "new", "who.png"]


@pytest.mark.parametrize(
    ("values", "placed"),
    [
        ([], []),
        ([3.0], [3.0]),
        ([0.0, 5.0, 2.0], [0.0, 5.0, 2.0]),
        ([1.0, 1.0], [0.5, 1.5]),
        ([1.2, 1.0, 1.1], [2.1, 0.1, 1.1]),
        ([0.0, 0.5, 1.4], [-0.3666666, 0.6333333, 1.6333333]),
    ],
)
def test_neighbours_are_set_apart_and_nothing_else_moves(values: list[float], placed: list[float]) -> None:
    assert spread(values, 1.0) == pytest.approx(placed)
