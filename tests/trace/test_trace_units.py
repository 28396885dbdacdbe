"""Tasks that run some units of the network have masks of these units alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mimesim.errors import InputError
from mimesim.network import Network
from mimesim.trace import Trace, TraceWriter, show_trace

NETWORK = Network.model_validate({"name": "units", "nodes": [
    {"name": "image", "kind": "input", "shape": (3, 4, 4)},
    {"name": "stem", "kind": "conv", "inputs": ("image",), "shape": (2, 4, 4), "activation": True},
    *({"name": f"conv.{unit}", "kind": "conv", "inputs": ("stem",), "shape": (2, 4, 4), "activation": True,
       "unit": unit} for unit in ("shared", "a", "b")),
    *({"name": f"head.{unit}", "kind": "linear", "inputs": ("conv.shared", f"conv.{unit}"), "shape": (3, 1, 1),
       "unit": unit} for unit in ("a", "b")),
]})  # fmt: skip


def masks(*names: str) -> dict[str, Any]:
    return {name: np.full((1, 2, 4, 4), name == "stem") for name in names}


def write(folder: Path, given: dict[str, Any], units: tuple[str, ...] | None) -> Trace:
    with TraceWriter(folder, network=NETWORK, scheme="pam") as writer:
        writer.add_task("a", dataset="d", classes=3, masks=given, image_ids=[4], labels=[1], units=units)
    return Trace.load(folder)


def test_a_task_has_masks_of_its_units_and_of_what_all_run(tmp_path: Path) -> None:
    trace = write(tmp_path / "trace", masks("stem", "conv.shared", "conv.a"), ("shared", "a"))
    assert trace.entry("a").units == ("shared", "a")
    assert trace.masks("a", "stem").all()
    assert not trace.masks("a", "conv.a").any()
    with pytest.raises(InputError, match=r"conv.b: the trace has no such sparse tensor"):
        trace.masks("a", "conv.b")


def test_shown_are_the_masks_that_a_task_has(tmp_path: Path) -> None:
    with TraceWriter(tmp_path / "trace", network=NETWORK, scheme="pam") as writer:
        for task in ("a", "b"):
            given = masks("stem", "conv.shared", f"conv.{task}")
            writer.add_task(task, dataset="d", classes=3, masks=given, image_ids=[4], labels=[1],
                            units=["shared", task])  # fmt: skip
    lines = show_trace(Trace.load(tmp_path / "trace")).splitlines()
    assert [line.split() for line in lines[-4:]] == [
        ["stem", "0.0000", "0.0000"], ["conv.shared", "1.0000", "1.0000"], ["conv.a", "1.0000", "-"],
        ["conv.b", "-", "1.0000"],
    ]  # fmt: skip


def test_without_units_a_task_has_all_masks(tmp_path: Path) -> None:
    trace = write(tmp_path / "trace", masks("stem", "conv.shared", "conv.a", "conv.b"), None)
    assert trace.entry("a").units is None
    assert trace.masks("a", "conv.b").shape == (1, 2, 4, 4)


@pytest.mark.parametrize(
    ("given", "units", "message"),
    [
        (("stem", "conv.shared"), ("shared", "a"), r"conv.a: the mask of this tensor is missing"),
        (("stem", "conv.shared", "conv.b"), ("shared",), r"conv.b: the network has no such tensor"),
        (("stem", "conv.shared"), ("shared", "c"), r"task 'a' uses unit 'c', which no node"),
    ],
)
def test_masks_and_units_must_agree(tmp_path: Path, given: tuple[str, ...], units: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        write(tmp_path / "trace", masks(*given), units)
