from __future__ import annotations

from importlib.util import find_spec

import pytest

if find_spec("perfetto") is None:
    collect_ignore_glob = ["test_*.py"]

    def pytest_report_header() -> str:
        return "THE TIMELINE TESTS ARE LEFT OUT: perfetto is not installed"


@pytest.fixture
def no_perfetto(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if the package were not installed."""
    monkeypatch.setitem(__import__("sys").modules, "perfetto.protos.perfetto.trace.perfetto_trace_pb2", None)
