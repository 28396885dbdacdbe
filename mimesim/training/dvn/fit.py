"""Joint training: in every step a batch of each task, at each of its levels, and one step of the optimiser."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional

from mimesim.errors import InputError
from mimesim.training.checkpoint import FORMAT, load_checkpoint, save_checkpoint
from mimesim.training.data import ImageSet, augment, normalise
from mimesim.training.device import autocast, enough_memory
from mimesim.training.dvn.config import DvnConfig
from mimesim.training.dvn.model import VirtualNetworks
from mimesim.training.loop import batches, rate_factor
from mimesim.training.models import load_state
from mimesim.training.progress import Curve, Meter

__all__ = ["JointJob", "fit_jointly", "steps_of"]


@dataclass
class JointJob:
    """One joint fit; *data* are the tasks' training images at the network's size, *seeds* tell the tasks apart, so
    that a task meets the same images in every system."""

    name: str
    model: VirtualNetworks
    data: Mapping[str, ImageSet]
    seeds: Mapping[str, int]
    config: DvnConfig
    steps: int
    checkpoint: Path
    identity: str
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    stop_after: int | None = None
    """Stop (with a checkpoint) after this many steps of this call; for tests of resuming."""


def steps_of(config: DvnConfig, data: Mapping[str, ImageSet]) -> int:
    """Steps of a training on all of *data*."""
    most = max(len(images) for images in data.values())
    return max(1, round(config.epochs * max(1, most // config.batch)))


def fit_jointly(job: JointJob) -> Curve:
    """Train ``job.model`` in place; returns the curve, whose losses are means over tasks and levels.

    The loss is the sum of the cross entropies of all tasks and levels. Everything random is seeded by the step it
    happens in, so that a killed run that continues ends with the numbers of an uninterrupted one.
    """
    with enough_memory(job.name, "make it smaller", key="batch", value=job.config.batch):
        return _fit(job)


def _fit(job: JointJob) -> Curve:
    config, model = job.config, job.model.to(job.device)
    optimiser = _optimiser(config, model)
    saved = load_checkpoint(job.checkpoint, job.identity) if job.checkpoint.exists() else None
    start = int(saved["step"]) if saved else 0
    if saved:
        load_state(model, saved["model"], str(job.checkpoint))
        optimiser.load_state_dict(saved["optimiser"])
    stop = job.steps if job.stop_after is None else min(job.steps, start + job.stop_after)
    rows = {
        task: batches(len(images), config.batch, range(start, stop), job.seeds[task])
        for task, images in job.data.items()
    }
    model.train()
    with Meter(job.name, job.steps, start, list(saved["curve"]) if saved else []) as meter:
        for step in range(start, stop):
            rate = config.rate * rate_factor(config.rate_course, step / job.steps)
            for group in optimiser.param_groups:
                group["lr"] = rate
            optimiser.zero_grad(set_to_none=True)
            found = [_task(job, task, next(rows[task]), step) for task in job.data]
            loss, right, images = (sum(column) for column in zip(*found, strict=True))
            if not math.isfinite(loss):
                rule = "must stay finite; lower the learning rate (the last good checkpoint stays)"
                raise InputError(job.name, rule, key=f"loss at step {step}", value=loss)
            optimiser.step()
            done = step + 1
            keep = done == stop or done % config.checkpoint_steps == 0
            mean = loss / len(job.model.backbone.assignment.virtual)
            meter.add(mean, int(right), int(images), flush=keep, size_px=config.size_px, rate=rate)
            if keep:
                _keep(job, optimiser, done, meter.curve)
    return meter.curve


def _task(job: JointJob, task: str, rows: Tensor, step: int) -> tuple[float, int, int]:
    """Add the gradients of a task's levels on the images at *rows*: summed loss, right answers, answers."""
    data = job.data[task]
    generator = torch.Generator().manual_seed(job.seeds[task] * 1_000_003 + step)
    images = normalise(augment(data.images[rows], generator).to(job.device))
    images = images.contiguous(memory_format=torch.channels_last)
    labels = data.labels[rows].to(job.device)
    levels = job.model.backbone.assignment.levels
    total, right = 0.0, 0
    for level in range(1, levels + 1):
        with autocast(job.device):
            scores = job.model(images, task, level)
        loss = functional.cross_entropy(scores.float(), labels)
        # a pass backwards for each level: the gradients add up as those of the sum, with one level's memory
        torch.autograd.backward(loss)
        total += loss.item()
        right += int((scores.argmax(1) == labels).sum())
    return total, right, levels * len(labels)


def _optimiser(config: DvnConfig, model: VirtualNetworks) -> torch.optim.Optimizer:
    if config.optimiser == "sgd":
        return torch.optim.SGD(
            model.parameters(), lr=config.rate, momentum=0.9, nesterov=True, weight_decay=config.weight_decay
        )
    return torch.optim.AdamW(model.parameters(), lr=config.rate, weight_decay=config.weight_decay)


def _keep(job: JointJob, optimiser: torch.optim.Optimizer, step: int, curve: Curve) -> None:
    content = {
        "format": FORMAT,
        "identity": job.identity,
        "step": step,
        "curve": curve,
        "model": job.model.state_dict(),
        "optimiser": optimiser.state_dict(),
    }
    save_checkpoint(job.checkpoint, content)
