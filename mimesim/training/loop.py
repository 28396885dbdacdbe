"""The training loop: Adam, phases of input size, mixed precision, checkpoints that a killed run continues from."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import accumulate
from pathlib import Path

import torch
from torch import Tensor, nn

from mimesim.errors import InputError
from mimesim.training.checkpoint import FORMAT, load_checkpoint, save_checkpoint
from mimesim.training.config import Schedule
from mimesim.training.data import ImageSet, augment, normalise, random_resized_crop, resize
from mimesim.training.device import autocast, enough_memory
from mimesim.training.models import load_state
from mimesim.training.progress import Curve, Meter
from mimesim.training.recipe import Recipe
from mimesim.training.tracing.model import TracedModel

__all__ = ["Job", "batches", "fit", "rate_factor"]


@dataclass
class Job:
    """One fit: what is trained on what, and under which name it is resumed."""

    name: str
    model: TracedModel
    recipe: Recipe
    data: ImageSet
    schedule: Schedule
    seed: int
    checkpoint: Path
    identity: str
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    weight_decay: float = 0.0
    label_smoothing: float = 0.0
    crop_scale: float | None = None
    """Smallest share of an image's area that a random crop keeps; None: shifts by up to an eighth of the side."""
    parent: str = ""
    """Digest of the network it starts from, where that is another stage's."""
    checkpoint_steps: int = 100
    stop_after: int | None = None
    """Stop (with a checkpoint) after this many steps of this call; for tests of resuming."""


def rate_factor(course: str, done: float) -> float:
    """Learning rate at the fraction *done* of all steps, as a share of its highest value."""
    if course == "constant":
        return 1.0
    if course == "linear":
        return 1.0 - done
    if course == "cosine":
        return 0.5 * (1.0 + math.cos(math.pi * done))
    rise = 0.15  # one cycle: up from a tenth, then straight down to 0
    return 0.1 + 0.9 * done / rise if done < rise else (1.0 - done) / (1.0 - rise)


def batches(count: int, batch: int, steps: range, seed: int) -> Iterator[Tensor]:
    """Rows of each of *steps*: one permutation per epoch, seeded by it, its incomplete last batch dropped."""
    per_epoch = max(1, count // batch)
    order = torch.empty(0)
    for step in steps:
        epoch, position = divmod(step, per_epoch)
        if position == 0 or step == steps.start:
            order = torch.randperm(count, generator=torch.Generator().manual_seed(seed * 1000 + epoch))
        yield order[position * batch : (position + 1) * batch]


def fit(job: Job) -> Curve:
    """Train ``job.model`` in place and return the curve: one row per 20 steps, and at every checkpoint.

    Everything random is seeded by the step it happens in, so a resumed run ends with the very numbers of an
    uninterrupted one. The optimiser starts anew with each phase, because the shape of the thresholds changes with it.
    """
    with enough_memory(job.name, "make it smaller", key="batch", value=job.schedule.batch):
        return _fit(job)


def _fit(job: Job) -> Curve:
    model = job.model
    model.module.to(job.device).to(memory_format=torch.channels_last)
    per_epoch = max(1, len(job.data) // job.schedule.batch)
    lengths = [max(1, round(phase.epochs * per_epoch)) for phase in job.schedule.phases]
    total, ends = sum(lengths), list(accumulate(lengths))
    saved = load_checkpoint(job.checkpoint, job.identity, job.parent) if job.checkpoint.exists() else None
    start = int(saved["step"]) if saved else 0
    stop = total if job.stop_after is None else min(total, start + job.stop_after)
    with Meter(job.name, total, start, list(saved["curve"]) if saved else []) as meter:
        for number, (phase, end) in enumerate(zip(job.schedule.phases, ends, strict=True)):
            if start >= end and number + 1 < len(ends):
                continue
            job.recipe.resize(model, phase.size_px)
            optimiser = _optimiser(job, model)
            rates = [float(group["lr"]) for group in optimiser.param_groups]
            if saved is not None and saved["phase"] == number:
                load_state(model.module, saved["model"], str(job.checkpoint))
                optimiser.load_state_dict(saved["optimiser"])
            first = end - lengths[number]
            # a random crop is cut out of the image's own pixels
            data = job.data if job.crop_scale is not None else resize(job.data, phase.size_px)
            begin = max(start, first)
            rows_of = batches(len(data), job.schedule.batch, range(begin - first, end - first), job.seed * 10 + number)
            for step, rows in enumerate(rows_of, begin):
                factor = rate_factor(job.schedule.rate_course, step / total)
                for group, rate in zip(optimiser.param_groups, rates, strict=True):
                    group["lr"] = rate * factor
                job.recipe.before_step(model, step, total)
                loss, right = _step(job, optimiser, data, rows, step, phase.size_px)
                done = step + 1
                # what is not in the curve when a checkpoint is written, a run that continues would not know
                flush = done == end or done % job.checkpoint_steps == 0
                meter.add(loss, right, len(rows), flush=flush, size_px=phase.size_px, rate=rates[0] * factor)
                if done == total or (done < end and (done == stop or done % job.checkpoint_steps == 0)):
                    _keep(job, optimiser, number, done, meter.curve)
                if done == stop:
                    return meter.curve
    return meter.curve


def _step(
    job: Job, optimiser: torch.optim.Optimizer, data: ImageSet, rows: Tensor, step: int, size: int
) -> tuple[float, int]:
    """One step of the optimiser on the images at *rows*: the loss (cross entropy) and how many were right."""
    model = job.model
    generator = torch.Generator().manual_seed(job.seed * 1_000_003 + step)
    if job.crop_scale is None:
        images = augment(data.images[rows], generator)
    else:
        images = random_resized_crop(data.images[rows], size, job.crop_scale, generator)
    images = normalise(images.to(job.device)).contiguous(memory_format=torch.channels_last)
    labels = data.labels[rows].to(job.device)
    job.recipe.train_mode(model)
    torch.manual_seed(job.seed * 1_000_003 + step)  # dropout
    optimiser.zero_grad(set_to_none=True)
    try:
        with autocast(job.device):
            logits = model.module(images)
    except ValueError as error:
        if "more than 1 value per channel" not in str(error):
            raise
        raise InputError(job.name, "batch norm needs more than one image", key="batch", value=len(rows)) from error
    loss = nn.functional.cross_entropy(logits.float(), labels, label_smoothing=job.label_smoothing)
    penalty = job.recipe.penalty(model)
    whole = loss if penalty is None else loss + penalty
    torch.autograd.backward(whole)
    if not math.isfinite(whole.item()):
        rule = "must stay finite; lower the learning rate (the last good checkpoint stays)"
        raise InputError(job.name, rule, key=f"loss at step {step}", value=whole.item())
    optimiser.step()
    job.recipe.after_step(model)
    return loss.item(), int((logits.argmax(1) == labels).sum())


def _optimiser(job: Job, model: TracedModel) -> torch.optim.Optimizer:
    groups = job.recipe.parameter_groups(model)
    if job.schedule.optimiser == "sgd":
        return torch.optim.SGD(groups, momentum=0.9, nesterov=True, weight_decay=job.weight_decay)
    return torch.optim.AdamW(groups, weight_decay=job.weight_decay, fused=job.device.type in ("cpu", "cuda"))


def _keep(job: Job, optimiser: torch.optim.Optimizer, phase: int, step: int, curve: Curve) -> None:
    content = {
        "format": FORMAT,
        "identity": job.identity,
        "parent": job.parent,
        "phase": phase,
        "step": step,
        "curve": curve,
        "model": job.model.module.state_dict(),
        "optimiser": optimiser.state_dict(),
    }
    save_checkpoint(job.checkpoint, content)
