"""The claims of the other systems' papers beside small traces whose counts are worked out by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
import yaml
from rich.console import Console

from mimesim.config import Workload, load_workload
from mimesim.network import Branch, Network, Node
from mimesim.paper import systems
from mimesim.paper.systems import SYSTEM_COLUMNS, SystemRow, compared, system_rows, systems_table
from mimesim.results.csv_file import render_csv
from mimesim.trace import TraceWriter

TASKS = ("a", "b")
IMAGE = Node(name="image", kind="input", shape=(1, 2, 2))


def conv(name: str, channels: int, reads: Sequence[str] = ("image",), unit: str | None = None, **more: object) -> Node:
    fields = {"name": name, "kind": "conv", "inputs": tuple(reads), "shape": (channels, 2, 2), "unit": unit, **more}
    return Node.model_validate(fields)


def head(name: str, classes: int, reads: Sequence[str], unit: str | None = None) -> Node:
    return Node(name=name, kind="linear", inputs=tuple(reads), shape=(classes, 1, 1), unit=unit)


def record(folder: Path, network: Network, scheme: str, units: Mapping[str, tuple[str, ...] | None]) -> None:
    with TraceWriter(folder, network=network, scheme=scheme) as writer:
        for number, (task, used) in enumerate(units.items()):
            masks = {name: np.ones((1, *network.node(name).shape), np.bool_) for name in network.recorded_by(used)}
            writer.add_task(
                task, dataset="d", classes=9, masks=masks, image_ids=[0], labels=[1], units=used,
                test_accuracy=0.5 + number / 10, test_images=10,
            )  # fmt: skip


def workload(folder: Path, tasks: Sequence[str], cases: Mapping[str, str]) -> Workload:
    entries = [{"name": name, "scheme": scheme, "trace": name} for name, scheme in cases.items()]
    described = {"name": "w", "tasks": list(tasks), "traces": {name: name for name in cases}, "cases": entries}
    (folder / "w.yaml").write_text(yaml.safe_dump(described))
    return load_workload(folder / "w.yaml")


def test_computation_of_every_combination(tmp_path: Path) -> None:
    shared = (IMAGE, conv("c.shared", 2, unit="shared"), conv("c.a", 1, unit="a"))
    heads = (head("h.a", 3, ("c.shared", "c.a"), "a"), head("h.b", 3, ("c.shared",), "b"))
    merged = Network(name="merged", nodes=(*shared, *heads))
    apart = (IMAGE, conv("c.a", 4, unit="a"), conv("c.b", 3, unit="b"))
    separate = Network(name="apart", nodes=(*apart, head("h.a", 3, ("c.a",), "a"), head("h.b", 3, ("c.b",), "b")))
    record(tmp_path / "pam", merged, "pam", {task: ("shared", task) for task in TASKS})
    record(tmp_path / "separate", separate, "pam", {task: (task,) for task in TASKS})
    rows = list(compared("pam", workload(tmp_path, TASKS, {"separate": "pam", "pam": "pam"})))
    # A convolution of one tap at four positions, a head of three classes over four positions: 4 and 12 MACs a channel.
    mine = {"a": 3 * (4 + 12), "b": 2 * (4 + 12), "a + b": 3 * 4 + 5 * 12}
    theirs = {"a": 4 * 16, "b": 3 * 16, "a + b": 7 * 16}
    assert [(row.quantity.partition(": ")[2], row.value) for row in rows[:3]] == [
        (name, theirs[name] / mine[name]) for name in mine
    ]
    assert rows[2].note == "0.00 / 0.00 million MACs; accuracy in %, PAM | these: a 50.0 | 50.0, b 60.0 | 60.0"
    # Nobody zipped these networks.
    assert (len(rows), rows[3].published, rows[3].value) == (4, "up to 2.01x (He et al., KDD 2021)", None)


def test_the_share_of_a_tasks_own_parameters(tmp_path: Path) -> None:
    adapter = {"branches": (Branch(name="adapter", input="image"),)}
    layers = (IMAGE, conv("c", 4, kernel=(3, 3), padding=(1, 1), **adapter), head("h", 2, ("c",)))
    record(tmp_path / "memti", Network(name="n", nodes=layers), "memti", dict.fromkeys(TASKS))
    rows = list(compared("memti", workload(tmp_path, TASKS, {"memti": "memti"})))
    own, shared = 4 + 2 * 4 + (2 * 16 + 2), 9 * 4
    assert [row.value for row in rows] == [own / (own + shared)] * 2
    assert rows[1].note == f"{own} of {own + shared} words, 34 of them the head; accuracy 60.0 %"


def test_what_a_budget_chooses_among(tmp_path: Path) -> None:
    layers = [
        IMAGE, conv("c.u1", 2, unit="u1"), conv("c.u2", 3, unit="u2"),
        conv("d.u1", 1, ("c.u1", "c.u2"), "u1"), conv("d.u2", 1, ("c.u2", "c.u1"), "u2"),
        head("h.a.1", 2, ("d.u1",), "a.1"), head("h.a.2", 2, ("d.u1", "d.u2"), "a.2"),
    ]  # fmt: skip
    units = {"a.1": ("u1", "a.1"), "a.2": ("u1", "u2", "a.2")}
    record(tmp_path / "dvn", Network(name="n", nodes=tuple(layers)), "dvn", units)
    rows = list(compared("dvn", workload(tmp_path, list(units), {"dvn": "dvn"})))
    # Weights, batch norm of the channels, head.
    first, second = (2 + 2) + 2 * 3 + (2 * 4 + 2), (5 + 10) + 2 * 7 + (2 * 8 + 2)
    stored = (5 + 10) + (6 + 10) + (14 + 18)
    assert [row.value for row in rows] == [first / stored, second / stored]


def test_what_is_not_shipped_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(systems, "shipped_folder", lambda: tmp_path)
    rows = system_rows()
    assert [row.system for row in rows] == ["PAM", "MEMTI", "DVN"]
    assert all(row.value is None and row.note == "no trace of it is shipped" for row in rows)
    console = Console(width=160, record=True, file=StringIO())
    console.print(systems_table(rows))
    assert "10 % of the parameters per task" in console.export_text()


def test_the_table_has_its_columns() -> None:
    text = render_csv(SYSTEM_COLUMNS, [{"system": "PAM", "quantity": "q", "published": "p", "value": 2.0, "note": ""}])
    assert text.splitlines()[0] == ",".join(SYSTEM_COLUMNS)
    assert tuple(SystemRow.__slots__) == SYSTEM_COLUMNS
