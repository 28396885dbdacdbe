"""Several inputs, branches and units: which passes they take, which blocks they share and what is booked."""

from __future__ import annotations

import numpy as np
import pytest

from mimesim.conservation import violations
from mimesim.errors import InputError
from mimesim.ledger import SHARED_IMAGE
from mimesim.machine import replay
from mimesim.network import Branch, Network, Node
from mimesim.schedule.counting import columns_per_pair
from mimesim.schedule.loopnest import group_images
from mimesim.schedule.operations import lower
from mimesim.schedule.program import CasePlan
from mimesim.schemes import SHARED, LayerParameters, Scheme
from tests.schedule.small import Masks, geometry, hardware, plan

UNITS = {"a": ("a",), "b": ("b",)}
MACHINE = hardware({"grid": {"positions": (1, 1), "channels": 4}})


class Shared(Scheme):
    """All inputs share their weights, all branches are the tasks'."""

    name = "test"

    def parameters(self, node: Node, task: str) -> LayerParameters:
        return LayerParameters(weights_owner=SHARED)


def joined(*, branch: bool = True) -> Network:
    """Return three parallel layers of 2, 1 and 2 channels, the last two of units, and one that reads them all."""
    window = {"kind": "conv", "inputs": ("image",), "activation": True}
    adapter = (Branch(name="adapter", input="image"),) if branch else ()
    return Network(
        name="joined",
        nodes=(
            Node(name="image", kind="input", shape=(2, 1, 1)),
            Node.model_validate(window | {"name": "s", "shape": (2, 1, 1)}),
            Node.model_validate(window | {"name": "own_a", "shape": (1, 1, 1), "unit": "a"}),
            Node.model_validate(window | {"name": "own_b", "shape": (2, 1, 1), "unit": "b"}),
            Node(name="join", kind="conv", inputs=("s", "own_a", "own_b"), shape=(3, 1, 1), branches=adapter),
        ),
    )


def planned(network: Network, units: dict[str, tuple[str, ...]] = UNITS, **schedule: str) -> CasePlan:
    return plan(Masks(network, units=units), MACHINE, Shared(), tasks=("a", "b"), batch=2, **schedule)


def test_sources_are_inputs_and_then_branches() -> None:
    join = lower(joined(), (1, 1))[-1]
    read = [(source.tensor, source.offset, source.branch and source.branch.name) for source in join.sources]
    assert read == [("s", 0, None), ("own_a", 2, None), ("own_b", 3, None), ("image", 0, "adapter")]


def test_blocks_by_source() -> None:
    placement = planned(joined()).placement
    blocks = {
        owner: {key: (block.values, block.norm) for key, block in placement.weights[3, owner].items()}
        for owner in (SHARED, "a", "b")
    }
    # Three outputs read 2, 1 and 2 channels; the adapters read the image. Norm comes with the first chunk.
    assert blocks[SHARED] == {(0, 0): (6, 3), (0, 1): (3, 0), (0, 2): (6, 0)}
    assert blocks["a"] == blocks["b"] == {(0, 3): (6, 0)}
    regions = [placement.weights[3, owner] for owner in (SHARED, "a", "b")]
    addresses = [block.address for region in regions for block in region.values()]
    assert addresses == sorted(addresses)


def test_chunks_of_absent_sources_are_left_out() -> None:
    phases = {phase.record.layer: phase for phase in planned(joined()).phases()}
    assert {layer: phase.record.images for layer, phase in phases.items()} == {
        "s": (0, 1),
        "own_a": (0,),
        "own_b": (1,),
        "join": (0, 1),
    }
    join = phases["join"]
    # s of both images with one fill, own_a of the first, own_b of the second, then both adapters.
    assert join.group == [0, 1, 0, 1, 0, 1]
    assert join.fill == [0, 0, 1, 2, 3, 4]
    assert [(fill.owner, fill.image) for fill in join.fills] == [
        (SHARED, SHARED_IMAGE),
        (SHARED, 0),
        (SHARED, 1),
        ("a", 0),
        ("b", 1),
    ]
    assert [job.after for job in join.jobs] == [4, 5]


def test_a_group_drains_after_its_own_last_chunk() -> None:
    *_, join = planned(joined(branch=False)).phases()
    assert join.group == [0, 1, 0, 1]
    assert [job.after for job in join.jobs] == [2, 3]
    *_, outer = planned(joined(branch=False), set_order="outer").phases()
    assert outer.group == [0, 0, 1, 1]
    assert outer.jobs_of == [1, 2]


def test_what_is_booked() -> None:
    made = planned(joined())
    ledger = replay(made)
    assert violations(made, ledger) == []
    rows = ledger.phases[-1].rows
    # All elements are set: 3 outputs x (2 of s, 1 or 2 of the own unit, 2 of the image).
    assert (rows[0].macs, rows[1].macs) == (15, 18)
    assert (rows[0].macs_dense, rows[1].macs_dense) == (15, 18)
    assert (rows[0].input_elements, rows[1].input_elements) == (5, 6)
    assert rows[0].words["reg", "weights", "write"] == 3 + 6
    assert rows[SHARED_IMAGE].words["reg", "weights", "write"] == 6 + 3
    assert ledger.stored_words["join", "shared", "weights"] == 15
    assert ledger.stored_words["join", "b", "weights"] == 6


def test_a_tensor_that_is_read_twice_counts_once() -> None:
    node = Node(
        name="both",
        kind="conv",
        inputs=("image",),
        shape=(1, 2, 2),
        branches=(Branch(name="twin", input="image"),),
    )
    image = Node(name="image", kind="input", shape=(3, 2, 2))
    made = plan(Masks(Network(name="twice", nodes=(image, node))), MACHINE)
    ledger = replay(made)
    assert violations(made, ledger) == []
    row = ledger.phases[0].rows[0]
    assert (row.input_elements, row.macs) == (12, 24)


def test_only_tasks_that_run_a_layer_have_parameters_there() -> None:
    placement = planned(joined()).placement
    assert (1, SHARED) in placement.weights
    made = plan(Masks(joined(), units={"a": ("a",)}), MACHINE, Shared(), tasks=("a",))
    assert (2, SHARED) not in made.placement.weights
    assert [phase.record.layer for phase in made.phases()] == ["s", "own_a", "join"]


def test_pruned_weights_are_of_all_inputs_as_one_tensor() -> None:
    made = geometry(joined(), MACHINE, "join")
    weights = np.zeros((3, 5, 1, 1), dtype=np.bool_)
    weights[:, 1] = weights[0, 2] = weights[1:, 4] = True
    columns = [columns_per_pair(made, 0, chunk, weights).tolist() for chunk in made.chunks]
    assert columns == [[0, 3], [1], [0, 2], [3, 3]]


def test_images_with_other_sources_are_another_set() -> None:
    made = planned(joined(branch=False))
    sets = group_images(made.geometries[3], Shared(), made.batches[0])
    assert [group.owners for groups in sets for group in groups] == [(SHARED, SHARED, None), (SHARED, None, SHARED)]


def test_the_first_source_is_never_absent() -> None:
    network = joined().model_dump()
    network["nodes"][-1]["inputs"] = ("own_a", "s", "own_b")
    with pytest.raises(InputError, match=r"layer join: task = 'b': runs the layer without unit 'a'"):
        planned(Network.model_validate(network))


def test_a_task_runs_something() -> None:
    network = Network(
        name="one",
        nodes=(joined().input, Node(name="own", kind="conv", inputs=("image",), shape=(1, 1, 1), unit="a")),
    )
    with pytest.raises(InputError, match="network: task = 'b'"):
        planned(network)


def test_a_pool_of_another_unit_is_not_fused() -> None:
    nodes = (
        Node(name="image", kind="input", shape=(1, 4, 4)),
        Node(
            name="wide", kind="conv", inputs=("image",), shape=(1, 4, 4), kernel=(3, 3), padding=(1, 1), activation=True
        ),
        Node(name="half", kind="max_pool", inputs=("wide",), shape=(1, 2, 2), kernel=(2, 2), stride=(2, 2), unit="a"),
    )
    assert [operation.name for operation in lower(Network(name="pooled", nodes=nodes), (4, 4))] == ["wide", "half"]
