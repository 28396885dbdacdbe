"""Fig. 8: against pruned models, and where thresholds outnumber weights."""

from __future__ import annotations

import pytest

from mimesim.networks import build
from mimesim.paper.lab import Lab
from mimesim.paper.measure import value
from mimesim.paper.variants import BITMAP, CHANNEL_THRESHOLDS
from tests.paper.ledgers import claim


def test_pruned_weights_are_stored_dense_unless_flipped(lab: Lab) -> None:
    assert lab.spec("pruned/pipelined", "drawn").options == ()
    assert lab.spec("pruned/pipelined", "drawn", BITMAP).options == (("storage", "bitmap"),)
    # A scheme takes only options that it has.
    assert lab.spec("mime/pipelined", "drawn", BITMAP) == lab.spec("mime/pipelined", "drawn")
    assert lab.spec("mime/pipelined", "drawn", CHANNEL_THRESHOLDS).options == (("granularity", "channel"),)


def test_thresholds_of_three_tasks_per_weight(lab: Lab) -> None:
    # 32 px and a sixteenth of the channels: 4 channels of 32 x 32 thresholds, 4 x 4 x 9 weights.
    found = value(lab, claim("Fig. 8", "conv2", "thresholds"), "drawn")
    assert found == pytest.approx(3 * 4 * 32 * 32 / (4 * 4 * 9))


@pytest.mark.parametrize(("layer", "above"), [("conv2", True), ("conv4", True), ("conv5", False), ("conv12", False)])
def test_the_remark_that_led_to_64_pixels(layer: str, above: bool) -> None:
    network = build("vgg16", 64)
    channels, height, width = network.node(layer).shape
    ratio = 3 * channels * height * width / network.weight_words(layer)
    assert claim("Fig. 8", layer, "thresholds").holds(ratio)
    assert (ratio > 1) is above
