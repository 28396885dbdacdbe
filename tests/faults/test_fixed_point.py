"""Words against two's complement worked out by hand and by Python's own integers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mimesim.faults.fixed_point import FixedPoint

FLOATS = st.floats(-1e6, 1e6, allow_subnormal=False)


def test_a_byte_by_hand() -> None:
    # 127 / 1.5 = 84.67, and 2**6 = 64 is the largest power of two below it
    fixed = FixedPoint.of([1.5, -0.25, 0.0], 8)
    assert fixed == FixedPoint(8, 6)
    assert fixed.encode([1.5, -0.25, 0.0, 1 / 128]).tolist() == [96, -16, 0, 0]  # half a unit goes to even
    # 96 = 0b0110_0000: bit 0 gives 97, bit 6 gives 32, the sign bit 0b1110_0000 = -32
    assert fixed.flip([96, 96, 96], [1, 64, 128]).tolist() == [97, 32, -32]
    # -16 = 0b1111_0000: bit 0 gives -15, the sign bit 0b0111_0000 = 112, all bits 0b0000_1111 = 15
    assert fixed.flip([-16, -16, -16], [1, 128, 255]).tolist() == [-15, 112, 15]
    assert fixed.upset([1.5, -0.25], [128, 255]).tolist() == [-0.5, 15 / 64]


@pytest.mark.parametrize("bits", [8, 16, 32])
@pytest.mark.parametrize("largest", [1.0, 127.0, 128.0, 0.3, 1e-20, 32767 / 4096, 1e9])
def test_the_unit_is_the_finest_that_holds_the_largest(bits: int, largest: float) -> None:
    fixed = FixedPoint.of([0.0, -largest], bits)
    most = 2 ** (bits - 1) - 1
    assert largest * 2.0**fixed.fraction <= most
    assert largest * 2.0 ** (fixed.fraction + 1) > most
    assert abs(int(fixed.encode(-largest))) <= most


@pytest.mark.parametrize("values", [[], [0.0], [-0.0, 0.0]])
def test_where_there_is_nothing_but_zero(values: list[float]) -> None:
    assert FixedPoint.of(values, 16) == FixedPoint(16, 0)


@given(st.lists(FLOATS, min_size=1, max_size=20))
@example([6e-306])
def test_rounding_is_within_half_a_unit(values: list[float]) -> None:
    fixed = FixedPoint.of(values, 16)
    back = fixed.decode(fixed.encode(values))
    assert np.all(np.abs(back - values) <= 2.0**-fixed.fraction / 2)


@given(st.sampled_from([8, 16, 32]), st.data())
def test_flips_are_those_of_twos_complement(bits: int, data: st.DataObject) -> None:
    word = data.draw(st.integers(-(2 ** (bits - 1)), 2 ** (bits - 1) - 1))
    mask = data.draw(st.integers(0, 2**bits - 1))
    octets = bytes(
        a ^ b
        for a, b in zip(word.to_bytes(bits // 8, "big", signed=True), mask.to_bytes(bits // 8, "big"), strict=True)
    )
    flipped = FixedPoint(bits, 0).flip([word], [mask])
    assert flipped.tolist() == [int.from_bytes(octets, "big", signed=True)]
    assert FixedPoint(bits, 0).flip(flipped, [mask]).tolist() == [word]
