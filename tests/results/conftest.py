"""Results to write, replayed once."""

from __future__ import annotations

import pytest

from mimesim.simulation import CaseResult
from tests.replays import CASES, run_tiny


@pytest.fixture(scope="session")
def results() -> list[CaseResult]:
    """Every case on the tiny network, pipelined: do not change them."""
    return [run_tiny(*case) for case in CASES]
