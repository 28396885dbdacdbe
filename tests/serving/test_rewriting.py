"""Batches one by one with a task's own words in non-volatile memory: what one leaves there, the next finds."""

from __future__ import annotations

import numpy as np
import pytest
import yaml

from mimesim.config import load_workload
from mimesim.inputs import load_traces, select
from mimesim.network import Branch, Network, Node
from mimesim.simulation import Runner
from mimesim.trace import TraceWriter

TASKS = ("a", "b")
NETWORK = Network(
    name="small",
    nodes=(
        Node(name="image", kind="input", shape=(2, 4, 4)),
        Node(
            name="conv1",
            kind="conv",
            inputs=("image",),
            shape=(4, 4, 4),
            kernel=(3, 3),
            padding=(1, 1),
            activation=True,
            branches=(Branch(name="adapter", input="image"),),
        ),
        Node(name="head", kind="linear", inputs=("conv1",), shape=(3, 1, 1)),
    ),
)
#: An adapter of 2 x 4 weights, scale and shift of four channels, a head of 4 x 4 x 4 x 3 weights and three biases.
OWN = 8 + 8 + 192 + 3


@pytest.fixture(scope="module")
def runner(tmp_path_factory: pytest.TempPathFactory) -> Runner:
    folder = tmp_path_factory.mktemp("rewriting")
    with TraceWriter(folder / "memti", network=NETWORK, scheme="memti") as writer:
        for task in TASKS:
            masks = {"conv1": np.ones((1, 4, 4, 4), np.bool_)}
            writer.add_task(task, dataset="d", classes=3, masks=masks, image_ids=[0], labels=[1])
    described = {
        "name": "w",
        "tasks": list(TASKS),
        "traces": {"memti": "memti"},
        "cases": [{"name": "memti", "scheme": "memti", "trace": "memti"}],
        "hardware": {"envm": {"switch": "rewrite"}},
    }
    (folder / "w.yaml").write_text(yaml.safe_dump(described))
    workload = load_workload(folder / "w.yaml")
    selection = select(workload, "singular", images=1)
    return Runner(workload, selection, load_traces(workload, selection))


def test_a_switch_writes_and_staying_does_not(runner: Runner) -> None:
    residents, written, cycles = (), [], []
    for task in "aabba":
        ledger, broken, _ = runner.replay_batch("memti", [(task, 0)], residents)
        assert broken == []
        residents = ledger.residents
        words = ledger.words()
        written.append(sum(words["envm", tensor, "write"] for tensor in ("weights", "norm")))
        cycles.append(ledger.cycles)
        assert words["cache", "weights", "write"] == words["cache", "norm", "write"] == 0
    assert written == [OWN, 0, OWN, 0, OWN]
    assert cycles[0] == cycles[2] == cycles[4] > cycles[1] == cycles[3]


def test_cold_places_are_empty(runner: Runner) -> None:
    for _ in range(2):
        ledger, _, _ = runner.replay_batch("memti", [("a", 0)])
        assert ledger.envm.rewrites > 0
