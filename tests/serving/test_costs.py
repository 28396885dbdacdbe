"""What a batch costs: looking it up gives what replaying it gives, to the cycle."""

from __future__ import annotations

import random

import pytest

from mimesim.config import Workload, load_workload
from mimesim.config.energy import Energy
from mimesim.energy import PriceList
from mimesim.inputs import load_traces, select
from mimesim.serving.costs import BatchCost, BatchCosts, CacheState
from mimesim.serving.request import Request
from mimesim.simulation import Runner

CASES = ("case-1", "case-2", "case-3")


@pytest.fixture(scope="module")
def workload() -> Workload:
    return load_workload("tiny", [])


@pytest.fixture(scope="module")
def runner(workload: Workload) -> Runner:
    selection = select(workload, "singular")
    return Runner(workload, selection, load_traces(workload, selection))


def prices(workload: Workload, energy: Energy | None = None) -> PriceList:
    energy = workload.energy if energy is None else energy
    return PriceList(energy.prices, energy.accounting, workload.hardware)


def batch(*images: tuple[str, int]) -> list[Request]:
    return [Request(number, 0, task, image) for number, (task, image) in enumerate(images)]


def drawn(count: int, kinds: int) -> list[list[Request]]:
    """Return batches of which many come up again."""
    dice = random.Random(5)
    tasks = ("cifar10", "cifar100", "fashion_mnist")
    made = [batch(*((dice.choice(tasks), dice.randrange(2)) for _ in range(dice.randint(1, 3)))) for _ in range(kinds)]
    return [dice.choice(made) for _ in range(count)]


@pytest.mark.parametrize("caches", ["cold", "warm"])
@pytest.mark.parametrize("case", CASES)
def test_looking_up_gives_what_replaying_gives(
    workload: Workload, runner: Runner, case: str, caches: CacheState
) -> None:
    looked_up = BatchCosts(runner, case, prices(workload), caches, 1000)
    # One that remembers the last batch only, and is asked for others: it replays nearly all.
    replayed = BatchCosts(runner, case, prices(workload), caches, 1)
    batches = drawn(30, 4)
    assert [looked_up.cost(one) for one in batches] == [replayed.cost(one) for one in batches]
    assert looked_up.reused > replayed.reused
    assert looked_up.reused + looked_up.replayed == replayed.reused + replayed.replayed == 30
    assert looked_up.violations == replayed.violations == []


@pytest.mark.parametrize("case", CASES)
def test_warm_batches_are_replays_chained_by_hand(workload: Workload, runner: Runner, case: str) -> None:
    costs = BatchCosts(runner, case, prices(workload), "warm", 1000)
    residents = ()
    for one in drawn(12, 3):
        ledger, broken, _ = runner.replay_batch(case, [(request.task, request.image) for request in one], residents)
        assert costs.cost(one).cycles == ledger.cycles
        assert broken == []
        residents = ledger.residents
    costs.restart()
    assert costs.cost(batch(("cifar10", 0))) == cold(workload, runner, case).cost(batch(("cifar10", 0)))


def cold(workload: Workload, runner: Runner, case: str) -> BatchCosts:
    return BatchCosts(runner, case, prices(workload), "cold", 100)


def test_a_cold_batch_is_what_a_run_of_it_is(workload: Workload, runner: Runner) -> None:
    selection = select(workload, "singular", "cifar100")
    run = Runner(workload, selection, load_traces(workload, selection))
    for case in CASES:
        result = run.run(case, lambda _: None)
        cost = cold(workload, runner, case).cost(batch(*(("cifar100", number) for number in range(3))))
        assert cost.cycles == result.ledger.cycles
        assert cost.quanta == prices(workload).total(result.ledger)


def test_a_repeated_batch_is_cheaper_warm(workload: Workload, runner: Runner) -> None:
    costs = BatchCosts(runner, "case-3", prices(workload), "warm", 100)
    first, *later = (costs.cost(batch(("cifar10", 0))) for _ in range(4))
    assert all(cost.cycles < first.cycles and cost.dram_words < first.dram_words for cost in later)


def test_order_and_images_tell_batches_apart(workload: Workload, runner: Runner) -> None:
    costs = cold(workload, runner, "case-2")
    pair = (("cifar10", 0), ("cifar100", 0))
    for one in (batch(*pair), batch(*pair[::-1]), batch(("cifar10", 1), pair[1]), batch(pair[0])):
        costs.cost(one)
    assert (costs.replayed, costs.reused) == (4, 0)
    costs.cost(batch(*pair))
    assert (costs.replayed, costs.reused) == (4, 1)


def test_what_is_remembered_is_bounded(workload: Workload, runner: Runner) -> None:
    costs = BatchCosts(runner, "case-3", prices(workload), "cold", 2)
    one, two, three = (batch(("cifar10", image)) for image in range(3))
    for each in (one, two, one, three, one, two):
        costs.cost(each)
    # The least recently used goes: two went for three, and came again for it.
    assert (costs.replayed, costs.reused) == (4, 2)


def test_energy_is_of_images_and_of_what_they_share(workload: Workload, runner: Runner) -> None:
    full = Energy(accounting="full")
    for case in CASES:
        ledger, _, _ = runner.replay_batch(case, images := [("cifar10", 0), ("cifar100", 1), ("cifar10", 2)])
        for energy in (workload.energy, full):
            cost = BatchCosts(runner, case, prices(workload, energy), "cold", 10).cost(batch(*images))
            assert cost.quanta == prices(workload, energy).total(ledger)
            assert cost.shared > 0
            assert all(own > 0 for own in cost.own)


def test_the_cost_of_a_batch_adds_up() -> None:
    assert BatchCost(5, 6, (1, 2, 3), 4).quanta == 10
