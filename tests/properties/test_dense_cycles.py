"""Dense, stall-free cycles against closed forms: for each fold of a layer, its taps and one swap a chunk."""

from __future__ import annotations

from math import ceil

import pytest

from mimesim.config.schedule import Schedule
from mimesim.ledger import CaseLedger
from mimesim.machine import replay
from mimesim.network import Network, Node
from mimesim.networks import build
from mimesim.schedule.costs import CostBook
from mimesim.schedule.images import compose_batches
from mimesim.schedule.program import plan_case
from mimesim.schemes import Conventional
from tests.schedule.small import IDEAL, Masks, busy_cycles, chain, conv, hardware, run

VGG = build("vgg16", 64)
#: The thirteen convolutions and their pools, without the head.
CONVS = Network(name="convs", nodes=tuple(node for node in VGG.nodes if node.kind != "linear"))

#: By hand, for one image. Folds: position tiles of 16 x channel tiles of 64. Taps: 9 for each input channel; a chunk
#: holds 8 channels. E.g. conv5: 16 x 16 / 16 = 16 position tiles x 4 channel tiles; 128 x 9 taps in 16 chunks.
FOLDS_TAPS_CHUNKS = {
    "conv1": (256 * 1, 27, 1),
    "conv2": (256 * 1, 576, 8),
    "conv3": (64 * 2, 576, 8),
    "conv4": (64 * 2, 1152, 16),
    "conv5": (16 * 4, 1152, 16),
    "conv6": (16 * 4, 2304, 32),
    "conv7": (16 * 4, 2304, 32),
    "conv8": (4 * 8, 2304, 32),
    "conv9": (4 * 8, 4608, 64),
    "conv10": (4 * 8, 4608, 64),
    "conv11": (1 * 8, 4608, 64),
    "conv12": (1 * 8, 4608, 64),
    "conv13": (1 * 8, 4608, 64),
}


def closed_form(network: Network, node: Node) -> int:
    """Return folds x (taps + chunks) of one image, from the documented sizes alone."""
    channels, height, width = node.shape
    inputs = network.input_shape(node)[0]
    taps = node.kernel[0] * node.kernel[1]
    deep = 72 // taps
    deep -= deep % 8 if deep >= 8 else 0
    folds = ceil(height / 4) * ceil(width / 4) * ceil(channels / 64)
    return folds * (inputs * taps + ceil(inputs / deep))


@pytest.fixture(scope="module")
def case1() -> CaseLedger:
    """Case-1, pipelined: a batch of three images, one of each task, every weight set its own, nothing skipped."""
    machine = hardware(IDEAL, {"noc": {"activation_words_per_cycle": 16}})
    batches = compose_batches(Masks(CONVS), ("a", "b", "c"), "pipelined", 1, 3)
    made = plan_case(CONVS, Conventional(), "none", machine, Schedule(), batches, ("a", "b", "c"), CostBook())
    return replay(made)


def test_the_thirteen_conv_layers_of_vgg16_take_3721728_cycles(case1: CaseLedger) -> None:
    assert [phase.layer for phase in case1.phases] == list(FOLDS_TAPS_CHUNKS)
    assert busy_cycles(case1) == 3_721_728 == 3 * 1_240_576


@pytest.mark.parametrize("layer", FOLDS_TAPS_CHUNKS)
def test_each_layer_takes_its_closed_form(case1: CaseLedger, layer: str) -> None:
    folds, taps, chunks = FOLDS_TAPS_CHUNKS[layer]

    assert closed_form(CONVS, CONVS.node(layer)) == folds * (taps + chunks)
    assert busy_cycles(case1, [layer]) == 3 * folds * (taps + chunks)
    # Each image takes the same.
    (phase,) = (phase for phase in case1.phases if phase.layer == layer)
    assert {row.busy_cycles for image, row in phase.rows.items() if image >= 0} == {folds * (taps + chunks)}


def test_with_ideal_memory_only_the_ends_of_each_layer_stall(case1: CaseLedger) -> None:
    # Before the first pass: the lookup of its weights (1), the request (1) and the fill (1), and beside them, from the
    # end of the layer before, the lookup of its activations (1) and their request (1). Weights are early but for the
    # very first layer, so a layer begins with 2 cycles of waiting; the first with 3. After the last pass: compare (1)
    # and output (1) of the last drain job, and its write (1). No pass in between waits: with weights of its own, a pass
    # of conv1 needs a fill for each of its 28 cycles, and a fill takes one.
    stalled = [
        {name: sum(row.stalls[name] for row in phase.rows.values()) for name in ("cache", "dram", "noc", "drain")}
        for phase in case1.phases
    ]

    assert stalled[0] == {"cache": 2, "dram": 1, "noc": 0, "drain": 3}
    assert all(layer == {"cache": 1, "dram": 1, "noc": 0, "drain": 3} for layer in stalled[1:])
    assert case1.cycles == 3_721_728 + 6 + 12 * 5


@pytest.mark.parametrize("images", [1, 2, 5])
@pytest.mark.parametrize(
    ("shape", "side", "channels"), [((3, 12, 12), 3, 70), ((80, 8, 8), 1, 64), ((5, 9, 9), 5, 10), ((16, 6, 7), 3, 130)]
)
def test_layers_of_other_shapes(shape: tuple[int, int, int], side: int, channels: int, images: int) -> None:
    network = chain(shape, conv(channels, side))
    machine = hardware(IDEAL, {"noc": {"activation_words_per_cycle": 16}})
    ledger = run(Masks(network), machine, Conventional(), "none", images=images, batch=images)

    assert busy_cycles(ledger) == images * closed_form(network, network.layers[0])


def test_images_that_share_a_pass_take_its_cycles_together() -> None:
    # 2 x 2 positions: four images share a pass, so five take two.
    network = chain((16, 2, 2), conv(64))
    machine = hardware(IDEAL)

    cycles = {
        images: busy_cycles(run(Masks(network), machine, Conventional(), "none", images=images, batch=images))
        for images in (1, 4, 5)
    }
    assert cycles == {1: 144 + 2, 4: 144 + 2, 5: 2 * (144 + 2)}


def test_a_narrow_activation_network_is_what_counts_where_it_is_the_slowest() -> None:
    # 16 positions x 72 taps, less the padding: on 4 x 4 positions, of 3 x 3 taps per row and column 3 + 3 + 2 + 2 are
    # inside: 100 of 144. 8 channels: 800 words, 4 a cycle: 200 cycles, and the swap.
    network = chain((8, 4, 4), conv(64))
    machine = hardware(IDEAL, {"noc": {"activation_words_per_cycle": 4}})

    assert busy_cycles(run(Masks(network), machine, Conventional(), "none")) == 201
