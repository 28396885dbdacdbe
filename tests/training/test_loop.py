"""The loop: methods keep what they promise, runs resume exactly, and failures are one clear error each."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
import torch
from torch import nn

from mimesim.errors import InputError
from mimesim.training import files
from mimesim.training.checkpoint import load_checkpoint, save_checkpoint
from mimesim.training.config import (
    BatchNormMethod,
    ConventionalMethod,
    HeadMethod,
    MimeMethod,
    Phase,
    PrunedMethod,
    Schedule,
)
from mimesim.training.data import ImageSet, normalise, resize
from mimesim.training.device import autocast
from mimesim.training.evaluate import evaluate
from mimesim.training.loop import Job, fit, rate_factor
from mimesim.training.methods import make_recipe
from mimesim.training.models import ModelSpec, Options, vgg
from mimesim.training.recalibrate import recalibrate
from mimesim.training.recipe import Recipe, frozen_state
from mimesim.training.threshold import threshold_layers
from mimesim.training.tracing.model import TracedModel
from mimesim.training.tracing.sites import numbered

SCHEDULE = Schedule(batch=10, phases=(Phase(size_px=8, epochs=1), Phase(size_px=16, epochs=1)))


METHODS = {
    "mime": MimeMethod(),
    "mime-channel": MimeMethod(threshold_granularity="channel"),
    "mime-batch_norm": MimeMethod(batch_norm="trained"),
    "mime-statistics": MimeMethod(batch_norm="statistics"),
    "conventional": ConventionalMethod(),
    "pruned": PrunedMethod(),
    "head": HeadMethod(),
    "batch_norm": BatchNormMethod(),
}


def job(spec: ModelSpec, data: ImageSet, folder: Path, method: str, **options: object) -> Job:
    torch.manual_seed(0)
    model = spec.traced(Options(10, 8, dropout=0.2))
    recipe = make_recipe(METHODS[method], 0.02)
    recipe.prepare(model, 8, data)
    fields: dict[str, object] = {"seed": 4, "checkpoint": folder / "checkpoint.pt", "identity": "me"}
    return Job(method, model, recipe, data, SCHEDULE, **(fields | {"checkpoint_steps": 4} | options))  # type: ignore[arg-type]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("stop", [2, 4, 9])
def test_a_resumed_run_ends_as_an_uninterrupted_one(
    spec: ModelSpec, data: ImageSet, tmp_path: Path, method: str, stop: int
) -> None:
    whole = job(spec, data, tmp_path / "whole", method)
    fit(whole)
    fit(job(spec, data, tmp_path / "cut", method, stop_after=stop))
    resumed = job(spec, data, tmp_path / "cut", method)
    fit(resumed)
    wanted = whole.model.module.state_dict()
    for name, tensor in resumed.model.module.state_dict().items():
        assert torch.equal(tensor, wanted[name]), name


def test_a_resumed_curve_is_that_of_an_uninterrupted_run(
    spec: ModelSpec, data: ImageSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = fit(job(spec, data, tmp_path / "whole", "head"))
    cut, steps = job(spec, data, tmp_path / "cut", "head"), itertools.count()

    def killed(_: TracedModel) -> None:
        if next(steps) == 4:
            raise KeyboardInterrupt

    monkeypatch.setattr(cut.recipe, "after_step", killed)
    with pytest.raises(KeyboardInterrupt):
        fit(cut)
    assert fit(job(spec, data, tmp_path / "cut", "head")) == whole


@pytest.mark.parametrize(
    ("method", "tensors"),
    # two convolutions with bias and the five tensors of their batch norm, one hidden layer with bias
    [("mime", 2 * 7 + 2), ("mime-channel", 16), ("head", 16), ("mime-batch_norm", 6), ("batch_norm", 6)],
)
def test_what_is_frozen_stays_bit_identical(
    spec: ModelSpec, data: ImageSet, tmp_path: Path, method: str, tensors: int
) -> None:
    run = job(spec, data, tmp_path, method)
    before = frozen_state(run.model, run.recipe.batch_norm)
    first = {name: tensor.clone() for name, tensor in run.model.module.state_dict().items()}
    fit(run)
    after = run.model.module.state_dict()
    assert len(before) == tensors
    for name, tensor in before.items():
        assert torch.equal(tensor, after[name]), name
    moved = {name for name, tensor in first.items() if not torch.equal(tensor, after[name])}
    assert {"classifier.3.weight", "classifier.3.bias"} <= moved
    assert ("features.1.weight" in moved) == ("features.1.running_mean" in moved) == ("batch_norm" in method)
    values = [layer.t.flatten() for layer in threshold_layers(run.model.module)]
    assert len(values) == (3 if method.startswith("mime") else 0)
    for value in values:
        assert value.min() >= 0
        assert value.max() > 0


def test_statistics_are_the_tasks_but_nothing_else_is(model: TracedModel, data: ImageSet) -> None:
    before = {name: tensor.clone() for name, tensor in model.module.state_dict().items()}
    make_recipe(METHODS["mime-statistics"], 0.1).prepare(model, 16, data)
    after = model.module.state_dict()
    moved = {name for name, tensor in before.items() if not torch.equal(tensor, after[name])}
    kinds = ("running_mean", "running_var", "num_batches_tracked")
    assert moved == {f"features.{index}.{kind}" for index in (1, 5) for kind in kinds}


def test_pruning_keeps_its_mask(spec: ModelSpec, data: ImageSet, tmp_path: Path) -> None:
    run = job(spec, data, tmp_path, "pruned")
    before = {name: layer.weight != 0 for name, layer in run.model.layers.items()}
    for name, kept in before.items():
        share = kept.double().mean().item()
        assert share == pytest.approx(1.0 if name == "classifier" else 0.1, abs=0.02), name
    fit(run)
    for name, layer in run.model.layers.items():
        assert torch.equal(layer.weight != 0, before[name]), name


def test_pruning_goes_by_magnitude(model: TracedModel) -> None:
    original = {name: layer.weight.detach().clone() for name, layer in model.layers.items()}
    make_recipe(PrunedMethod(weight_sparsity=0.5), 0.1).prepare(model, 8)
    for name, layer in model.layers.items():
        removed = original[name][layer.weight == 0].abs()
        if name != "classifier":
            assert removed.max() <= layer.weight[layer.weight != 0].abs().min()


def test_a_loss_that_is_not_finite_is_one_error(spec: ModelSpec, data: ImageSet, tmp_path: Path) -> None:
    run = job(spec, data, tmp_path, "conventional")
    with torch.no_grad():
        run.model.head.weight.fill_(float("nan"))
    with pytest.raises(InputError, match=r"conventional: loss at step 0 = nan: must stay finite"):
        fit(run)


@pytest.mark.parametrize(
    "words",
    [
        "CUDA out of memory. Tried to allocate 2.00 GiB.",
        "MPS backend out of memory (MPS allocated: 9.0 GB)",
        "[enforce fail at alloc_cpu.cpp:118] err == 0. DefaultCPUAllocator: can't allocate memory: you tried to",
    ],
)
def test_out_of_memory_is_one_error(
    spec: ModelSpec, data: ImageSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: str
) -> None:
    def explode(*_: object) -> None:
        raise RuntimeError(words)

    monkeypatch.setattr(Recipe, "penalty", explode)
    with pytest.raises(InputError, match="batch = 10: the device ran out of memory"):
        fit(job(spec, data, tmp_path, "conventional"))


def test_other_errors_are_not_taken_for_it(
    spec: ModelSpec, data: ImageSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def explode(*_: object) -> None:
        raise RuntimeError("shapes do not match")

    monkeypatch.setattr(Recipe, "penalty", explode)
    with pytest.raises(RuntimeError, match="shapes do not match"):
        fit(job(spec, data, tmp_path, "conventional"))


def test_memory_may_end_in_the_first_step_of_the_optimiser_and_in_the_test(
    model: TracedModel, spec: ModelSpec, data: ImageSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its state is allocated there, and the test holds what every layer writes."""

    def explode(*_: object) -> None:
        raise RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB.")

    monkeypatch.setattr(Recipe, "after_step", explode)
    with pytest.raises(InputError, match="batch = 10: the device ran out of memory"):
        fit(job(spec, data, tmp_path, "conventional"))
    monkeypatch.setattr(TracedModel, "outputs", explode)
    with pytest.raises(InputError, match="test: the device ran out of memory; 100 images at a time must fit"):
        evaluate(model, resize(data, 8), torch.device("cpu"))


def test_batch_norm_of_vectors_needs_more_than_one_image(data: ImageSet, tmp_path: Path) -> None:
    wide = nn.Sequential(nn.Flatten(), nn.Linear(192, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 10))
    run = job(ModelSpec(lambda _: wide), data.take(torch.arange(1)), tmp_path, "conventional")
    with pytest.raises(InputError, match="conventional: batch = 1: batch norm needs more than one image"):
        fit(run)


def test_bfloat16_only_where_it_helps(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr(torch, "autocast", lambda kind, dtype: asked.append(f"{kind} {dtype}"))
    for device, supported in (("cpu", False), ("cuda", True), ("cuda", False), ("mps", True)):
        monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda supported=supported, **_: supported)
        autocast(torch.device(device))
    assert asked == ["cpu torch.bfloat16", "cuda torch.bfloat16"]


def test_a_checkpoint_of_other_settings_is_refused(spec: ModelSpec, data: ImageSet, tmp_path: Path) -> None:
    fit(job(spec, data, tmp_path, "conventional"))
    with pytest.raises(InputError, match="made with other settings"):
        fit(job(spec, data, tmp_path, "conventional", identity="someone else"))


def test_a_checkpoint_of_another_network_is_refused(spec: ModelSpec, data: ImageSet, tmp_path: Path) -> None:
    fit(job(spec, data, tmp_path, "conventional"))
    wider = ModelSpec(lambda options: vgg((8, "M", 14, "M"), (16,), options), numbered)
    with pytest.raises(InputError, match=r"classifier\.0\.weight.*another network"):
        fit(job(wider, data, tmp_path, "conventional"))


def test_a_corrupt_checkpoint_is_one_error(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.pt"
    path.write_bytes(b"not a checkpoint")
    with pytest.raises(InputError, match="is not a readable checkpoint; delete it") as caught:
        load_checkpoint(path, "me")
    assert "weights_only" not in str(caught.value)  # torch's advice is to load it without the guard
    torch.save({"format": 99}, path)
    with pytest.raises(InputError, match="is not a checkpoint of format 1"):
        load_checkpoint(path, "me")


def test_a_full_disk_leaves_the_last_good_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "checkpoint.pt"
    save_checkpoint(path, {"format": 1, "identity": "me", "step": 1})

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files.os, "fsync", full)
    with pytest.raises(InputError, match="No space left"):
        save_checkpoint(path, {"format": 1, "identity": "me", "step": 2})
    assert load_checkpoint(path, "me")["step"] == 1
    assert [entry.name for entry in tmp_path.iterdir()] == ["checkpoint.pt"]


@pytest.mark.parametrize("course", ["onecycle", "cosine", "linear"])
def test_the_rate_ends_at_nothing(course: str) -> None:
    assert max(rate_factor(course, step / 100) for step in range(100)) == pytest.approx(1.0, abs=0.01)
    assert rate_factor(course, 0.999) < 0.01
    assert rate_factor("constant", 0.999) == 1.0


def test_recalibration_changes_statistics_only_and_measures_them(model: TracedModel, data: ImageSet) -> None:
    before = {name: tensor.clone() for name, tensor in model.module.state_dict().items()}
    small = resize(data, 8)
    recalibrate(model, small, torch.device("cpu"), batch=20)
    for name, tensor in model.module.state_dict().items():
        statistic = name.endswith(("running_mean", "running_var", "num_batches_tracked"))
        assert torch.equal(tensor, before[name]) != statistic, name
    norm = model.norms["conv1"]
    with torch.no_grad():
        outputs = model.layers["conv1"](normalise(small.images))
    torch.testing.assert_close(norm.running_mean, outputs.mean(dim=(0, 2, 3)), atol=0.02, rtol=0.02)
    assert not model.module.training
    assert norm.momentum == 0.1
