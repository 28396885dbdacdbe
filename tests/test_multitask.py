"""The mode ``multitask`` from a trace to results: several tasks on one image."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mimesim.config import Workload, load_workload
from mimesim.errors import InputError
from mimesim.network import Network, Node
from mimesim.simulation import run_workload
from mimesim.trace import TraceWriter

NETWORK = Network(
    name="trunk",
    nodes=(
        Node(name="image", kind="input", shape=(3, 8, 8)),
        Node(name="first", kind="conv", inputs=("image",), shape=(8, 8, 8), kernel=(1, 1), activation=True),
        Node(name="second", kind="conv", inputs=("first",), shape=(8, 8, 8), activation=True),
    ),
)
WORKLOAD = """
name: several
tasks: [a, b]
batch_images: 2
traces: {one: trace}
cases:
  - {name: merged, scheme: pam, trace: one}
"""


@pytest.fixture
def workload(tmp_path: Path) -> Workload:
    """Return a workload whose tasks recorded the same pictures, b in another order and one more."""
    random = np.random.default_rng(1)
    masks = {name: random.random((3, 8, 8, 8)) < 0.5 for name in NETWORK.recorded}
    with TraceWriter(tmp_path / "trace", network=NETWORK, scheme="pam") as writer:
        for task, order in (("a", [0, 1]), ("b", [2, 1, 0])):
            writer.add_task(
                task,
                dataset="pictures",
                classes=2,
                masks={name: mask[order] for name, mask in masks.items()},
                image_ids=[10 + number for number in order],
                labels=[],
            )
    (tmp_path / "several.yaml").write_text(WORKLOAD)
    return load_workload(str(tmp_path / "several.yaml"))


def test_a_request_costs_what_one_image_does(workload: Workload) -> None:
    (together,) = run_workload(workload, "multitask", images=2, jobs=1)
    assert [(image.task, image.number, image.image_id) for image in together.images] == [("a+b", 0, 10), ("a+b", 1, 11)]
    (alone,) = run_workload(workload, "singular", task="a", images=2, jobs=1)
    assert together.violations == ()
    assert together.ledger.words() == alone.ledger.words()
    assert together.ledger.cycles == alone.ledger.cycles


def test_there_are_as_many_requests_as_common_pictures(workload: Workload) -> None:
    with pytest.raises(InputError, match="images_per_task = 3"):
        run_workload(workload, "multitask", images=3, jobs=1)


def test_what_shares_nothing_runs_one_after_the_other() -> None:
    tiny = load_workload("tiny")
    together = run_workload(tiny, "multitask", images=1, jobs=1)
    mixed = run_workload(tiny, "pipelined", images=1, jobs=1)
    assert [case.ledger.cycles for case in together] == [case.ledger.cycles for case in mixed]
