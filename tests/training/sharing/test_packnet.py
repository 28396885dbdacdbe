"""PackNet: which weights go, who owns what, and what later tasks must not change."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest
import torch
from torch import Tensor

from mimesim.training.config import Child, PacknetMethod, Phase, Schedule
from mimesim.training.data import ImageSet
from mimesim.training.loop import Job, fit
from mimesim.training.methods import make_recipe
from mimesim.training.recording.masks import weight_masks
from mimesim.training.sharing.packnet import Packnet, keep_largest, owners_of
from mimesim.training.tracing.model import TracedModel

METHOD = PacknetMethod(rates=(0.01,), head_rate=0.01, prune_share=0.6)


def test_the_smallest_of_the_candidates_go() -> None:
    weights = torch.tensor([[0.1, -0.5, 0.3], [0.2, -0.05, 0.4]])
    candidates = torch.tensor([[True, False, True], [True, True, True]])
    # of 0.1, 0.3, 0.2, 0.05 and 0.4 the three smallest
    kept = keep_largest(weights, candidates, 0.6)
    assert kept.tolist() == [[False, False, True], [False, False, True]]
    assert keep_largest(weights, candidates, 0.04).equal(candidates), "a fifth of a weight is none"


def test_of_equal_ones_the_first_go() -> None:
    weights = torch.tensor([0.5, -0.5, 0.5, -0.5])
    assert keep_largest(weights, torch.ones(4, dtype=torch.bool), 0.5).tolist() == [False, False, True, True]


def owners(model: TracedModel) -> dict[str, Tensor]:
    found = {name: owners_of(layer) for name, layer in model.layers.items()}
    assert [name for name, one in found.items() if one is None] == [model.head_site.name]
    return {name: one for name, one in found.items() if one is not None}


def train(model: TracedModel, data: ImageSet, tmp_path: Path, name: str, stop_after: int | None = None) -> Packnet:
    """One more task, of 12 steps, pruned after 8."""
    recipe = make_recipe(METHOD, 0.01)
    assert isinstance(recipe, Packnet)
    recipe.prepare(model, 8, data)
    fit(
        Job(
            name=name, model=model, recipe=recipe, data=data, seed=1, identity=name,
            schedule=Schedule(batch=10, phases=(Phase(size_px=8, epochs=2),)),
            checkpoint=tmp_path / f"{name}.pt", checkpoint_steps=5, stop_after=stop_after,
        )
    )  # fmt: skip
    model.module.eval()
    return recipe


@pytest.fixture
def tasks(model: TracedModel, data: ImageSet, tmp_path: Path) -> list[TracedModel]:
    """The network after each of three tasks; labels are shifted, so that tasks differ."""
    found = []
    for number in range(3):
        shifted = ImageSet(data.images, (data.labels + number) % 10, data.ids, 10)
        model = copy.deepcopy(model)
        model.set_head(10, torch.Generator().manual_seed(number))
        train(model, shifted, tmp_path, f"task{number}")
        found.append(model)
    return found


def test_owners_partition_the_weights(tasks: list[TracedModel]) -> None:
    last = owners(tasks[2])
    for name, owner in last.items():
        layer = tasks[2].layers[name]
        free, counts = layer.weight.numel(), []
        for _ in tasks:
            counts.append(free - round(0.6 * free))
            free -= counts[-1]
        assert [int((owner == number).sum()) for number in (1, 2, 3, 0)] == [*counts, free]
        assert not layer.weight[owner == 0].any(), "what belongs to nobody is 0"
        for number, before in enumerate(tasks, 1):
            # a weight keeps its owner: what a later task took was free before
            assert owners(before)[name].equal(torch.where(owner <= number, owner, 0))


def test_earlier_tasks_compute_what_they_did_bit_for_bit(tasks: list[TracedModel]) -> None:
    images = torch.randn(7, 3, 8, 8, generator=torch.Generator().manual_seed(5))
    one = copy.deepcopy(tasks[2])  # what the machine stores: one set of weights, their owners, and a head per task
    last = owners(one)
    stored = {name: layer.weight.detach().clone() for name, layer in one.layers.items()}
    for number, task in enumerate(tasks, 1):
        with torch.no_grad():
            for name, owner in last.items():
                one.layers[name].weight.copy_(stored[name] * ((owner > 0) & (owner <= number)))
            for mine, its in zip(one.head.parameters(), task.head.parameters(), strict=True):
                mine.copy_(its)
            assert torch.equal(one.module(images), task.module(images))
        assert number == 3 or not torch.equal(task.module(images), tasks[2].module(images))


def test_batch_norm_and_biases_learn_with_the_first_task_only(model: TracedModel, tasks: list[TracedModel]) -> None:
    def once(model: TracedModel) -> dict[str, Tensor]:
        state = model.module.state_dict()
        head = model.head_site.weights or ""
        packed = tuple(f"{site.weights}.{kind}" for site in model.sites for kind in ("weight", "owners"))
        return {name: value for name, value in state.items() if name not in packed and not name.startswith(head)}

    first = once(tasks[0])
    assert first.keys() >= {"features.0.bias", "features.1.weight", "features.1.running_mean"}
    parent = once(model)
    assert all(not torch.equal(first[name], parent[name]) for name in first)
    for later in tasks[1:]:
        assert all(torch.equal(first[name], value) for name, value in once(later).items())


def test_masks_grow_from_task_to_task(tasks: list[TracedModel]) -> None:
    names = list(owners(tasks[0]))
    masks = [weight_masks(task, names) for task in tasks]
    for name, owner in owners(tasks[2]).items():
        assert not (masks[0][name] & ~masks[1][name]).any()
        # the index is the number of the first task that has the weight
        index = sum((~mask[name]).astype(int) for mask in masks) + 1
        assert ((index % 4) == owner.numpy()).all()


def test_a_killed_task_ends_with_the_same_weights(model: TracedModel, data: ImageSet, tmp_path: Path) -> None:
    whole, killed, other = (copy.deepcopy(model) for _ in range(3))
    train(whole, data, tmp_path, "whole")
    for stop in (8, 1, None):  # right before it is pruned, right after, and to the end
        killed = copy.deepcopy(other)
        train(killed, data, tmp_path, "killed", stop_after=stop)
    expected = whole.module.state_dict()
    assert all(torch.equal(value, expected[name]) for name, value in killed.module.state_dict().items())


def test_the_shortest_training_is_pruned_all_the_same(model: TracedModel) -> None:
    recipe = make_recipe(METHOD, 0.01)
    recipe.prepare(model, 8)
    recipe.before_step(model, 0, 1)
    assert {int(owner.max()) for owner in owners(model).values()} == {1}


def test_as_many_rates_as_the_others() -> None:
    with pytest.raises(ValueError, match="as many rates"):
        Child(methods=(METHOD, PacknetMethod(name="two", rates=(0.1, 0.2))))
