"""Fig. 5: energy of three images of one task, from runs written by hand."""

from __future__ import annotations

import pytest

from mimesim.paper.lab import Lab
from mimesim.paper.measure import compare, sums
from mimesim.paper.variants import FULL, LPDDR4, MULTIPLIED_PADDING
from tests.paper.ledgers import claim, run


def test_energy_is_priced_as_table_iv_says(lab: Lab) -> None:
    case_1 = run(conv2={"macs": 100, "dram": 10, "cache": 5})
    mime = run(conv2={"macs": 50, "dram": 10, "cache": 5})
    # A MAC and its four scratchpad accesses cost 1 + 4 x 2, a word of DRAM 200, one of cache 6.
    expected = (100 * 9 + 10 * 200 + 5 * 6) / (50 * 9 + 10 * 200 + 5 * 6)
    assert compare(claim("Fig. 5", "conv2", "Case-1"), case_1, mime, lab) == pytest.approx(expected, rel=1e-12)


def test_the_dram_part_is_compared_on_its_own(lab: Lab) -> None:
    case_2, mime = run(conv4={"macs": 100, "dram": 10}), run(conv4={"macs": 1, "dram": 11})
    remark = claim("Fig. 5", "conv4", "DRAM")
    assert compare(remark, mime, case_2, lab) == pytest.approx(1.1)
    assert remark.runs == ("mime/singular", "case-2/singular")


def test_padding_is_priced_only_where_the_flip_says_so(lab: Lab) -> None:
    case_1, mime = run(conv8={"macs": 100, "padding": 20}), run(conv8={"macs": 50})
    ratio = claim("Fig. 5", "conv8", "Case-1")
    assert compare(ratio, case_1, mime, lab) == pytest.approx(2.0)
    assert compare(ratio, case_1, mime, lab, MULTIPLIED_PADDING) == pytest.approx(2.4)


def test_other_accountings_and_prices_price_the_same_counts(lab: Lab) -> None:
    case_1, mime = run(conv8={"macs": 100, "dram": 10}), run(conv8={"macs": 50, "dram": 10})
    ratio = claim("Fig. 5", "conv8", "Case-1")
    # LPDDR4: 128 pJ a word, 2 pJ a MAC and 4 pJ an access.
    expected = (100 * 18 + 1280) / (50 * 18 + 1280)
    assert compare(ratio, case_1, mime, lab, LPDDR4) == pytest.approx(expected, rel=1e-12)
    assert compare(ratio, case_1, mime, lab, FULL) != compare(ratio, case_1, mime, lab)


def test_a_batch_is_three_images_of_the_first_task(lab: Lab) -> None:
    spec = lab.spec("mime/singular", "drawn")
    assert (spec.tasks, spec.batch_images, spec.mode) == (("cifar10",), 3, "singular")


def test_sums_are_over_convolutions_only(lab: Lab) -> None:
    result = run(conv1={"cycles": 5, "macs": 1}, conv2={"cycles": 7, "macs": 1}, conv14={"cycles": 100, "macs": 1})
    assert sums(lab, result) == (18, 12)
