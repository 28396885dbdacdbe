"""Training a merged network for all of its tasks at once, and testing it."""

from __future__ import annotations

import math
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from mimesim.errors import InputError
from mimesim.training.data import augment, normalise
from mimesim.training.device import autocast, enough_memory
from mimesim.training.loop import batches, rate_factor
from mimesim.training.pam.config import Fit
from mimesim.training.pam.merged import MergedNet
from mimesim.training.pam.tasks import TaskImages
from mimesim.training.progress import Curve, Meter

__all__ = ["Extra", "accuracies", "finetune", "joint_loss"]


class Extra(Protocol):
    """What a pruner adds to training."""

    def fast(self) -> tuple[list[nn.Parameter], float]:
        """Parameters that learn at a rate of their own, and that rate."""

    def penalty(self) -> Tensor:
        """What is added to the loss, a scalar."""

    def after_step(self) -> None:
        """Restore what every step must keep."""


def joint_loss(logits: dict[str, Tensor], labels: dict[str, Tensor]) -> Tensor:
    """The sum of the tasks' cross entropies: a scalar."""
    return torch.stack([nn.functional.cross_entropy(logits[task].float(), labels[task]) for task in logits]).sum()


def finetune(
    net: MergedNet, data: TaskImages, fit: Fit, seed: int, name: str, device: torch.device,
    extra: Extra | None = None,
) -> Curve:  # fmt: skip
    """Train *net* in place, on images of its size, and return the curve; its accuracy is the mean over the tasks.

    Everything random comes from *seed* and the step.
    """
    with enough_memory(name, "make it smaller", key="batch", value=fit.batch):
        return _finetune(net, data, fit, seed, name, device, extra)


def _finetune(
    net: MergedNet, data: TaskImages, fit: Fit, seed: int, name: str, device: torch.device,
    extra: Extra | None,
) -> Curve:  # fmt: skip
    net.to(device).to(memory_format=torch.channels_last).train()
    total = max(1, round(fit.epochs * max(1, len(data) // fit.batch)))
    optimiser = _optimiser(net, fit, extra)
    rates = [float(group["lr"]) for group in optimiser.param_groups]
    size = net.chain.image[1]
    with Meter(name, total, 0, []) as meter:
        for step, rows in enumerate(batches(len(data), fit.batch, range(total), seed)):
            factor = rate_factor(fit.rate_course, step / total)
            for group, rate in zip(optimiser.param_groups, rates, strict=True):
                group["lr"] = rate * factor
            images = augment(data.images.images[rows], torch.Generator().manual_seed(seed * 1_000_003 + step))
            inputs = normalise(images.to(device)).contiguous(memory_format=torch.channels_last)
            labels = {task: data.labels[task][rows].to(device) for task in net.tasks}
            torch.manual_seed(seed * 1_000_003 + step)  # the noise of gates
            optimiser.zero_grad(set_to_none=True)
            with autocast(device):
                logits = net(inputs)
            loss = joint_loss(logits, labels)
            torch.autograd.backward(loss if extra is None else loss + extra.penalty())
            if not math.isfinite(loss.item()):
                raise InputError(name, "must stay finite; lower the learning rate", key=f"loss at step {step}",
                                 value=loss.item())  # fmt: skip
            optimiser.step()
            if extra is not None:
                extra.after_step()
            right = sum(int((logits[task].argmax(1) == labels[task]).sum()) for task in net.tasks) / len(net.tasks)
            meter.add(
                loss.item(), round(right), len(rows), flush=step + 1 == total, size_px=size, rate=fit.rate * factor
            )
    return meter.curve


def _optimiser(net: MergedNet, fit: Fit, extra: Extra | None) -> torch.optim.Optimizer:
    fast, rate = extra.fast() if extra is not None else ([], 0.0)
    mine = {id(parameter) for parameter in fast}
    slow = [parameter for parameter in net.parameters() if id(parameter) not in mine]
    groups: list[dict[str, Any]] = [{"params": slow, "lr": fit.rate, "weight_decay": fit.weight_decay}]
    if fast:
        groups.append({"params": fast, "lr": rate, "weight_decay": 0.0})
    if fit.optimiser == "sgd":
        return torch.optim.SGD(groups, momentum=0.9, nesterov=True)
    return torch.optim.AdamW(groups)


def accuracies(net: MergedNet, data: TaskImages, device: torch.device, batch: int = 100) -> dict[str, float]:
    """The share of *data* that each task labels rightly, in inference mode."""
    net.to(device).eval()
    right = dict.fromkeys(net.tasks, 0)
    rows = torch.arange(len(data))
    with enough_memory("test", f"{batch} images at a time must fit"), torch.inference_mode(), autocast(device):
        for some in torch.split(rows, batch):
            inputs = normalise(data.images.images[some].to(device)).contiguous(memory_format=torch.channels_last)
            for task, logits in net(inputs).items():
                right[task] += int((logits.argmax(1).cpu() == data.labels[task][some]).sum())
    return {task: count / len(data) for task, count in right.items()}
