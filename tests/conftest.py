"""Options of the whole test suite."""

from __future__ import annotations

import os
import signal

import pytest
from hypothesis import HealthCheck, Phase, settings

from tests.shown import Shown

# Networks this small gain nothing from threads, here and in the processes that tests start.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# A busy machine is slow, and that is no finding.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
# That a test fails is enough to know, where nobody will look for the smallest reason.
settings.register_profile("hasty", settings.get_profile("patient"), phases=[Phase.explicit, Phase.generate])
settings.load_profile("patient")

# A shell that starts the tests in the background has Ctrl-C ignored, in them and all they start; some press it.
signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--regen-golden", action="store_true", help="write tests/golden anew instead of comparing with it")


@pytest.fixture(scope="session")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Shown:
    """What pages and help texts show more than once takes its time once."""
    return Shown(lambda: tmp_path_factory.mktemp("shown"))
