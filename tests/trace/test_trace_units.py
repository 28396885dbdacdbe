"""Traces of networks with units: a task has the masks of its own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mimesim.errors import InputError
from mimesim.network import Network, Node
from mimesim.trace import Trace, TraceWriter, describe, show_trace


def conv(name: str, reads: str, unit: str | None) -> Node:
    return Node(name=name, kind="conv", inputs=(reads,), shape=(2, 2, 2), activation=True, unit=unit)


NETWORK = Network(
    name="parts",
    nodes=(
        Node(name="image", kind="input", shape=(1, 2, 2)),
        conv("all", "image", None),
        conv("left", "all", "l"),
        conv("right", "all", "r"),
    ),
)


def masks(*names: str) -> dict[str, np.ndarray]:
    return {name: np.arange(8).reshape(1, 2, 2, 2) % 2 == 0 for name in names}


def write(folder: Path, units: tuple[str, ...] | None, *names: str) -> Trace:
    with TraceWriter(folder, network=NETWORK, scheme="s") as writer:
        writer.add_task("t", dataset="d", classes=2, masks=masks(*names), image_ids=[0], labels=[1], units=units)
        writer.add_task("u", dataset="d", classes=2, masks=masks("all", "left", "right"), image_ids=[0], labels=[1])
    return Trace.load(folder)


def test_a_task_has_the_masks_of_its_units(tmp_path: Path) -> None:
    trace = write(tmp_path / "t", ("l",), "all", "left")
    assert trace.entry("t").units == ("l",)
    assert trace.entry("u").units is None
    assert (trace.masks("t", "left") == masks("left")["left"]).all()
    with pytest.raises(InputError, match="no such sparse tensor"):
        trace.masks("t", "right")
    assert [layer.tensor for layer in describe(trace).tasks[0].layers] == ["all", "left"]
    shown = show_trace(trace).splitlines()
    assert shown[-1].split() == ["right", "-", "0.5000"]
    assert shown[-2].split() == ["left", "0.5000", "0.5000"]


def test_without_units_there_are_the_nodes_of_none(tmp_path: Path) -> None:
    assert write(tmp_path / "t", (), "all").masks("t", "all").shape == (1, 2, 2, 2)


def test_masks_of_other_units_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="right: the network has no such tensor; it has all, left"):
        write(tmp_path / "t", ("l",), "all", "left", "right")
    with pytest.raises(InputError, match="left: the mask of this tensor is missing"):
        write(tmp_path / "t", ("l",), "all")
    with pytest.raises(InputError, match="uses unit 'x'"):
        write(tmp_path / "t", ("x",), "all")
