"""Fig. 7: throughput, by layer."""

from __future__ import annotations

import pytest

from mimesim.paper.lab import Lab
from mimesim.paper.measure import compare
from tests.paper.ledgers import claim, run


def test_throughput_is_the_ratio_of_a_layers_cycles(lab: Lab) -> None:
    case_1 = run(conv2={"cycles": 999}, conv4={"cycles": 290})
    mime = run(conv2={"cycles": 1}, conv4={"cycles": 100})
    ratio = claim("Fig. 7", "conv4")
    assert compare(ratio, case_1, mime, lab) == pytest.approx(2.9)
    assert ratio.holds(2.9)
