"""Training for all tasks at once."""

from __future__ import annotations

import pytest
import torch

from mimesim.errors import InputError
from mimesim.training.data import normalise
from mimesim.training.pam.config import Fit, Pruning
from mimesim.training.pam.finetune import accuracies, finetune
from mimesim.training.pam.merge import merge
from mimesim.training.pam.merged import MergedNet
from mimesim.training.pam.partition import SHARED
from mimesim.training.pam.rounds import prune_round
from tests.training.pam.networks import SIZE, apart, mixed, pictures, two

CPU = torch.device("cpu")
FIT = Fit(epochs=8, batch=30, rate=0.01)


def trained(optimiser: str = "adam", seed: int = 3) -> MergedNet:
    net = merge(two(), mixed(two()), SIZE)
    finetune(net, pictures(120), Fit(**FIT.model_dump() | {"optimiser": optimiser}), seed, "test", CPU)
    return net


@pytest.mark.parametrize("optimiser", ["adam", "sgd"])
def test_all_tasks_learn_and_a_seed_decides_everything(optimiser: str) -> None:
    data = pictures(120)
    before = accuracies(merge(two(), mixed(two()), SIZE), data, CPU)
    net, again, other = trained(optimiser), trained(optimiser), trained(optimiser, seed=4)
    after = accuracies(net, data, CPU)
    assert sum(after.values()) > sum(before.values()) + 0.2
    same = [torch.equal(mine, theirs) for mine, theirs in zip(net.parameters(), again.parameters(), strict=True)]
    assert all(same)
    assert any(not torch.equal(mine, theirs) for mine, theirs in zip(net.parameters(), other.parameters(), strict=True))


def test_connections_that_started_at_0_learn() -> None:
    partition = mixed(two())
    start, net = merge(two(), partition, SIZE), trained()
    weights = [module.part("conv2", SHARED).layer.weight for module in (start, net)]
    new = weights[0] == 0
    assert new.any()
    # not all: those that read a dead neuron get no gradient
    assert (weights[1][new] != 0).any()


def test_a_task_of_its_own_learns_nothing_from_another() -> None:
    # nothing shared: what a learns is what it learns alone
    models = two()
    data = pictures(60)
    net = merge(models, apart(models), SIZE)
    fit = Fit(epochs=2, batch=20, rate=0.1, optimiser="sgd")
    finetune(net, data, fit, 3, "both", CPU)
    alone = merge({"a": models["a"]}, apart({"a": models["a"]}), SIZE)
    finetune(alone, data.only(["a"]), fit, 3, "alone", CPU)
    images = normalise(data.images.images)
    torch.testing.assert_close(net.eval()(images)["a"], alone.eval()(images)["a"])


def test_accuracy_is_the_share_of_right_answers() -> None:
    net, data = trained(), pictures(130)
    answers = net.eval()(normalise(data.images.images))
    found = accuracies(net, data, CPU)
    for task, logits in answers.items():
        right = (logits.argmax(1) == data.labels[task]).float().mean().item()
        assert found[task] == pytest.approx(right, abs=0.02)  # there in bfloat16


def test_a_loss_that_is_no_number_is_said() -> None:
    net = merge(two(), mixed(two()), SIZE)
    with torch.no_grad():
        net.part("head", "a").layer.weight.fill_(float("nan"))
    with pytest.raises(InputError, match="loss at step 0 = nan: must stay finite"):
        finetune(net, pictures(30), FIT, 1, "test", CPU)


@pytest.mark.parametrize("method", ["taylor", "bottleneck"])
def test_a_round_prunes_shared_neurons_alone_and_repeats_itself(method: str) -> None:
    pruning = Pruning(
        method=method, share=0.3, images=60, beta=0.05, gate_rate=0.5, fit=Fit(epochs=8, batch=20, rate=0.01)
    )
    start = merge(two(), mixed(two()), SIZE).widths
    nets = [
        prune_round(merge(two(), mixed(two()), SIZE), pictures(60), pruning, False, 5, "round", CPU)[0]
        for _ in range(2)
    ]
    widths = nets[0].widths
    assert widths == nets[1].widths
    assert torch.equal(nets[0].part("head", "b").layer.weight, nets[1].part("head", "b").layer.weight)
    shared = [units[SHARED] for layer, units in widths.items() if layer != "head"]
    before = [units[SHARED] for layer, units in start.items() if layer != "head"]
    assert sum(shared) < sum(before)
    assert min(shared) >= 1
    if method == "taylor":
        assert sum(shared) == sum(before) - int(0.3 * sum(before))
    for layer, units in widths.items():
        assert {u: n for u, n in units.items() if u != SHARED} == {u: n for u, n in start[layer].items() if u != SHARED}
