"""Workloads on small traces that tests write: networks in units, on the same pictures or on each task's own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from mimesim.config import Workload, load_workload
from mimesim.network import Network, Node
from mimesim.trace import TraceWriter

_SHAPE = (8, 8, 8)


def network(units: Sequence[str]) -> Network:
    """Return two convolutions, of which each of *units* has a part of the second."""
    image = Node(name="image", kind="input", shape=(3, 8, 8))
    first = Node(name="first", kind="conv", inputs=("image",), shape=_SHAPE, kernel=(1, 1), activation=True)
    parts = [
        Node(name=f"second.{unit}", kind="conv", inputs=("first",), shape=_SHAPE, activation=True, unit=unit)
        for unit in units
    ]
    return Network(name="parts", nodes=(image, first, *parts))


def write_trace(
    folder: Path,
    scheme: str,
    tasks: Mapping[str, tuple[float | None, Sequence[str]]],
    *,
    dataset: Sequence[str] | str = "pictures",
    order: Sequence[int] = (10, 11, 12),
) -> None:
    """Write a trace of *tasks*, each with its accuracy and units; the image ids are *order*, of one *dataset* each."""
    built = network(sorted({unit for _, units in tasks.values() for unit in units}))
    masks = {name: np.random.default_rng(1).random((3, *_SHAPE)) < 0.5 for name in built.recorded}
    with TraceWriter(folder, network=built, scheme=scheme) as writer:
        for number, (task, (accuracy, units)) in enumerate(tasks.items()):
            writer.add_task(
                task,
                dataset=dataset if isinstance(dataset, str) else dataset[number],
                classes=2,
                masks={name: masks[name] for name in built.recorded_by(units)},
                image_ids=list(order),
                labels=[],
                test_accuracy=accuracy,
                test_images=None if accuracy is None else 1000,
                units=list(units),
            )


def same_pictures(folder: Path, settings: Sequence[str] = ()) -> Workload:
    """Return a workload of two tasks on the same pictures: merged, as one trunk, and apart."""
    write_trace(folder / "merged", "pam", {"a": (0.8, ["a", "shared"]), "b": (0.7, ["b", "shared"])})
    write_trace(folder / "trunk", "pam", {"a": (0.7, ["shared"]), "b": (0.6, ["shared"])})
    write_trace(folder / "apart", "conventional", {"a": (0.8, ["a"]), "b": (0.7, ["b"])})
    cases = [("merged", "pam"), ("trunk", "pam"), ("apart", "conventional")]
    return write_workload(folder, ["a", "b"], cases, settings)


def write_workload(
    folder: Path, tasks: Sequence[str], cases: Sequence[tuple[str, str]], settings: Sequence[str] = ()
) -> Workload:
    """Return a workload with *cases* of (trace, scheme); a case is called like its trace."""
    lines = ["name: parts", f"tasks: [{', '.join(tasks)}]", "batch_images: 2", "traces:"]
    lines += [f"  {name}: {name}" for name, _ in cases]
    lines += ["cases:", *(f"  - {{name: {name}, scheme: {scheme}, trace: {name}}}" for name, scheme in cases)]
    (folder / "parts.yaml").write_text("\n".join(lines) + "\n")
    return load_workload(str(folder / "parts.yaml"), settings)
