"""Fig. 6: energy of one image of each task."""

from __future__ import annotations

import pytest

from mimesim.paper.lab import Lab
from mimesim.paper.measure import compare
from tests.paper.ledgers import claim, run


def test_a_batch_is_one_image_of_each_task(lab: Lab) -> None:
    spec = lab.spec("case-2/pipelined", "drawn")
    assert (spec.tasks, spec.batch_images) == (("cifar10", "cifar100", "fashion_mnist"), 3)


def test_later_layers_are_compared_with_earlier_ones(lab: Lab) -> None:
    early, late = ("conv2", "conv4", "conv6"), ("conv8", "conv10", "conv12")
    case_1 = run(**{name: {"dram": 20} for name in early}, **{name: {"dram": 30} for name in late})
    mime = run(**{name: {"dram": 10} for name in (*early, *late)})
    remark = claim("Fig. 6", "conv8-12 / conv2-6", "dram")
    assert compare(remark, case_1, mime, lab) == pytest.approx(3 / 2)


def test_runs_that_skip_nothing_serve_both_kinds_of_masks(lab: Lab) -> None:
    assert lab.spec("case-1/pipelined", "drawn") == lab.spec("case-1/pipelined", "recorded")
    assert lab.spec("case-2/pipelined", "drawn") != lab.spec("case-2/pipelined", "recorded")
