"""A million requests of a saturated stream take at most twenty seconds; here a tenth of them, in processor time."""

from __future__ import annotations

import time

import numpy as np
import pytest

from mimesim.config.standard import DEFAULT_MAP
from mimesim.dram import Requests, load_standard, replay, shipped_standards


@pytest.mark.parametrize("name", shipped_standards())
def test_a_saturated_stream(name: str) -> None:
    count = 100_000
    address = np.arange(count, dtype=np.uint64) * np.uint64(64)
    stream = Requests(address, np.zeros(count, dtype=np.bool_), np.zeros(count, dtype=np.int64))
    begun = time.process_time()
    assert replay(stream, load_standard(name), DEFAULT_MAP).requests == count
    assert time.process_time() - begun < 2
