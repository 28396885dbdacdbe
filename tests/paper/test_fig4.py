"""Fig. 4: words of parameters in DRAM, for each way of counting."""

from __future__ import annotations

import pytest

from mimesim.errors import InputError
from mimesim.networks import build
from mimesim.paper.claims import CLAIMS
from mimesim.paper.measure import storage_ratio

NETWORK = build("vgg16", 64)
CLASSES = [10, 100, 10]
#: VGG16's thirteen convolutions: weights, and one word of folded batch norm per channel.
WEIGHTS = 14_710_464 + 4_224
#: Their outputs at 64 px.
THRESHOLDS = 1_105_920


@pytest.mark.parametrize("children", [1, 2, 3])
def test_convolutions_only(children: int) -> None:
    expected = (children + 1) * WEIGHTS / (WEIGHTS + children * THRESHOLDS)
    assert storage_ratio(NETWORK, "conv layers", CLASSES[:children]) == pytest.approx(expected, rel=1e-12)


def test_each_task_has_its_own_head_in_both_systems() -> None:
    heads = (512 * 2 * 2 + 1) * (1000 + 120)
    expected = (4 * WEIGHTS + heads) / (WEIGHTS + 3 * THRESHOLDS + heads)
    assert storage_ratio(NETWORK, "conv layers and head", CLASSES) == pytest.approx(expected, rel=1e-12)


def test_the_whole_network_counts_the_hidden_layers_and_their_thresholds() -> None:
    weights = WEIGHTS + (2048 + 1) * 4096 + (4096 + 1) * 4096
    heads = (4096 + 1) * (1000 + 120)
    expected = (4 * weights + heads) / (weights + 3 * (THRESHOLDS + 2 * 4096) + heads)
    assert storage_ratio(NETWORK, "whole network", CLASSES) == pytest.approx(expected, rel=1e-12)


def test_every_scope_of_a_claim_can_be_counted() -> None:
    for claim in CLAIMS:
        if claim.measure == "storage":
            assert storage_ratio(NETWORK, claim.layer, CLASSES[: claim.children]) > 1


def test_an_unknown_scope_is_refused() -> None:
    with pytest.raises(InputError, match="is no way of counting"):
        storage_ratio(NETWORK, "half of it", CLASSES)
