"""Which engine replays, and what is refused by name."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import pytest

import mimesim.engine.choice as choice
from mimesim.engine import replay, uncovered
from mimesim.errors import InputError
from mimesim.schedule.program import CasePlan
from mimesim.schemes import Mime
from tests.replays import SMALL, plan_tiny
from tests.schedule.small import hardware

numba = pytest.mark.skipif(
    choice._missing() is not None, reason="THE COMPILED ENGINE IS NOT TESTED: numba is not installed"
)


def odd_clocks() -> CasePlan:
    return plan_tiny(Mime("neuron"), "per_position", hardware=hardware(SMALL.model_dump(), {"clock_mhz": 199.999999}))


UNCOVERED = [(odd_clocks, "hardware.clock_mhz")]


@pytest.mark.parametrize(("plan", "named"), UNCOVERED)
def test_what_is_not_covered_is_named(plan: Callable[[], CasePlan], named: str) -> None:
    assert named in str(uncovered(plan()))


@numba
@pytest.mark.parametrize(("plan", "named"), UNCOVERED)
def test_compiled_refuses_it_and_auto_takes_simpy(plan: Callable[[], CasePlan], named: str) -> None:
    with pytest.raises(InputError, match=named.replace(".", r"\.")):
        replay(plan(), "compiled")
    ledger, engine = replay(plan(), "auto")
    assert engine == "simpy"
    assert ledger.events > 0


def test_simpy_replays_what_takes_less_time_than_loading(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choice, "_prepare", cache(lambda: None))
    plan = plan_tiny(Mime("neuron"), "per_position")
    assert plan.passes < choice._WORTH_LOADING
    assert replay(plan)[1] == "simpy"


@numba
def test_the_compiled_engine_is_the_default_for_all_else(monkeypatch: pytest.MonkeyPatch) -> None:
    plan = plan_tiny(Mime("neuron"), "per_position")
    with monkeypatch.context() as patch:
        patch.setattr(choice, "_WORTH_LOADING", plan.passes)
        assert replay(plan)[1] == "compiled"
    # Loaded as it is, it is the quicker one for anything.
    assert replay(plan)[1] == "compiled"


def test_passes_are_those_that_the_phases_have() -> None:
    plan = plan_tiny(Mime("neuron"), "per_position")
    assert plan.passes == replay(plan, "simpy")[0].passes


def test_without_numba(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choice, "find_spec", lambda _: None)
    with pytest.raises(InputError, match=r"pip install 'mimesim\[fast\]'"):
        replay(plan_tiny(Mime("neuron"), "per_position"), "compiled")
    assert replay(plan_tiny(Mime("neuron"), "per_position"), "auto")[1] == "simpy"


@numba
def test_progress_is_told_phase_by_phase() -> None:
    told: dict[str, list[tuple[str, int]]] = {"simpy": [], "compiled": []}
    for engine, phases in told.items():
        chosen: choice.Engine = "simpy" if engine == "simpy" else "compiled"
        plan = plan_tiny(Mime("neuron"), "per_position")
        replay(plan, chosen, lambda record, phases=phases: phases.append((record.layer, record.passes)))  # type: ignore[misc]
    assert told["compiled"] == told["simpy"]
    assert told["simpy"]


def test_a_long_wait_is_explained(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(choice.sys.stderr, "isatty", lambda: True, raising=False)
    monkeypatch.setattr(choice, "_PATIENCE", 0.0)
    with choice._told("compiling"):
        import time

        time.sleep(0.2)
    assert "compiling" in capsys.readouterr().err
