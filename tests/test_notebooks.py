"""The notebooks run from the first cell to the last, and are kept without what they print."""

from __future__ import annotations

import base64
import json
import os
from pathlib import Path
from typing import Any

import pytest

nbclient = pytest.importorskip("nbclient")
nbformat = pytest.importorskip("nbformat")
pytest.importorskip("ipykernel")
pytest.importorskip("matplotlib")

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))

#: How many pictures each draws, and what it must say.
SHOWN = {
    "first-steps": (3, "<Results of tiny, pipelined: case-1, case-2, case-3; balanced>"),
    "is-mime-worth-it": (3, "vgg16: MIME loses 3.8 to 14.3 points of accuracy."),
}


def outputs(notebook: Any) -> list[Any]:
    return [output for cell in notebook.cells for output in cell.get("outputs", [])]


def test_there_are_the_two() -> None:
    assert {path.stem for path in NOTEBOOKS} == SHOWN.keys()


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_it_is_kept_without_outputs(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    assert outputs(notebook) == []
    assert {cell.get("execution_count") for cell in notebook.cells} == {None}
    # Nothing of whoever wrote it.
    assert json.loads(path.read_text(encoding="utf-8"))["metadata"].keys() == {"kernelspec", "language_info"}


@pytest.mark.slow
# What the kernel's own packages warn of is not for this project to mend.
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_it_runs(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Found as it is here, whatever is installed; and its warnings are errors.
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]))
    notebook = nbformat.read(path, as_version=4)
    strict = nbformat.v4.new_code_cell("import warnings\nwarnings.simplefilter('error')")
    notebook.cells.insert(0, strict)
    nbclient.NotebookClient(notebook, timeout=900, resources={"metadata": {"path": str(tmp_path)}}).execute()
    pictures, words = SHOWN[path.stem]
    shown = [output["data"] for output in outputs(notebook) if "data" in output]
    drawn = [base64.b64decode(data["image/png"]) for data in shown if "image/png" in data]
    assert len(drawn) == pictures
    assert all(len(picture) > 5000 for picture in drawn)
    said = [data.get("text/plain", "") for data in shown] + [output.get("text", "") for output in outputs(notebook)]
    assert any(words in text for text in said)
    assert list(tmp_path.iterdir()) == []
