"""The training loop: Adam, phases of input size, mixed precision, checkpoints that a killed run continues from."""

from __future__ import annotations

import hashlib
import json
import math
import os
import sys
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from torch import Tensor, nn

from mimesim.errors import InputError
from mimesim.training.config import Schedule
from mimesim.training.data import ImageSet, augment, normalise, resize
from mimesim.training.methods import Recipe
from mimesim.training.models import Vgg, load_state

__all__ = ["Job", "autocast", "fingerprint", "fit", "load_checkpoint", "pick_device", "save_checkpoint"]

FORMAT = 1


@dataclass
class Job:
    """One fit: what is trained on what, and under which name it is resumed."""

    name: str
    model: Vgg
    recipe: Recipe
    data: ImageSet
    schedule: Schedule
    seed: int
    checkpoint: Path
    identity: str
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    weight_decay: float = 0.0
    label_smoothing: float = 0.0
    checkpoint_steps: int = 100
    stop_after: int | None = None
    """Stop (with a checkpoint) after this many steps of this call; for tests of resuming."""


def pick_device() -> torch.device:
    """CUDA, else Apple's MPS, else the CPU."""
    if torch.cuda.is_available():
        return torch.device("cuda")
    if torch.backends.mps.is_available():
        return torch.device("mps")
    return torch.device("cpu")


def autocast(device: torch.device) -> AbstractContextManager[Any]:
    """bfloat16 where matrices are multiplied; the parameters stay float32, so no loss scaling is needed."""
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=device.type in ("cpu", "cuda"))


def fingerprint(*parts: object) -> str:
    """A short hash of whatever settings decide a result (JSON-serialisable)."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()[:16]


def save_checkpoint(path: Path, content: dict[str, Any]) -> None:
    """Write beside *path*, then rename: an interruption or a full disk leaves the last good file in place."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    try:
        with partial.open("wb") as stream:
            torch.save(content, stream)
            stream.flush()
            os.fsync(stream.fileno())
        partial.replace(path)
    except (OSError, RuntimeError) as error:
        partial.unlink(missing_ok=True)
        raise InputError(
            str(path), f"the checkpoint could not be written ({error}); the last good one stays"
        ) from error


def load_checkpoint(path: Path, identity: str) -> dict[str, Any]:
    """Read a checkpoint of the run *identity*; a corrupt file or one of another run is an ``InputError``."""
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InputError(str(path), f"is not a readable checkpoint ({reason}); delete it to start afresh") from error
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise InputError(str(path), f"is not a checkpoint of format {FORMAT}; delete it to start afresh")
    if content.get("identity") != identity:
        raise InputError(
            str(path),
            "was made with other settings; delete it, or choose another name or runs folder",
            key="identity",
            value=content.get("identity"),
        )
    return content


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


def _batches(count: int, batch: int, steps: int, start: int, seed: int) -> Iterator[Tensor]:
    """Rows of each step from *start* on: one permutation per epoch, seeded by it, its incomplete batch dropped."""
    per_epoch = max(1, count // batch)
    order = torch.empty(0)
    for step in range(start, steps):
        epoch, position = divmod(step, per_epoch)
        if position == 0 or step == start:
            order = torch.randperm(count, generator=torch.Generator().manual_seed(seed * 1000 + epoch))
        yield order[position * batch : (position + 1) * batch]


def fit(job: Job) -> list[dict[str, float]]:
    """Train ``job.model`` in place and return the curve: one row per 20 steps.

    Everything random is seeded by the step it happens in, so a resumed run ends with the very numbers of an
    uninterrupted one. The optimiser starts anew with each phase, because the shape of the thresholds changes with it.
    """
    model, schedule, device = job.model.to(job.device), job.schedule, job.device
    per_epoch = max(1, len(job.data) // schedule.batch)
    steps = [max(1, round(phase.epochs * per_epoch)) for phase in schedule.phases]
    total, start = sum(steps), 0
    curve: list[dict[str, float]] = []
    saved: dict[str, Any] | None = None
    if job.checkpoint.exists():
        saved = load_checkpoint(job.checkpoint, job.identity)
        start, curve = int(saved["step"]), list(saved["curve"])
    loss_of = nn.CrossEntropyLoss(label_smoothing=job.label_smoothing)
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    log_every, started, here = 20, time.monotonic(), 0
    with Progress(
        *columns, TimeRemainingColumn(), TextColumn("{task.fields[loss]}"),
        console=console, disable=not console.is_terminal,
    ) as progress:  # fmt: skip
        bar = progress.add_task(job.name, total=total, completed=start, loss="")
        first = 0
        for number, (phase, length) in enumerate(zip(schedule.phases, steps, strict=True)):
            last = first + length
            if start >= last and number + 1 < len(steps):
                first = last
                continue
            job.recipe.resize(model, phase.size_px)
            optimiser = _optimiser(job, model)
            rates = [group["lr"] for group in optimiser.param_groups]
            if saved is not None and saved["phase"] == number:
                load_state(model, saved["model"], str(job.checkpoint))
                optimiser.load_state_dict(saved["optimiser"])
            data = resize(job.data, phase.size_px)
            begin = max(start, first)
            rows_of = _batches(len(data), schedule.batch, last - first, begin - first, job.seed * 10 + number)
            running, seen, right = 0.0, 0, 0
            for step, rows in enumerate(rows_of, begin):
                factor = rate_factor(schedule.rate_course, step / total)
                for group, rate in zip(optimiser.param_groups, rates, strict=True):
                    group["lr"] = rate * factor
                images, labels = _load(data, rows, device, job.seed, step)
                job.recipe.train_mode(model)
                torch.manual_seed(job.seed * 1_000_003 + step)  # dropout
                optimiser.zero_grad(set_to_none=True)
                try:
                    with autocast(device):
                        logits = model(images)
                    loss = loss_of(logits.float(), labels)
                    penalty = job.recipe.penalty(model)
                    (loss if penalty is None else loss + penalty).backward()
                except torch.OutOfMemoryError as error:
                    raise InputError(
                        job.name, "the device ran out of memory; make it smaller", key="batch", value=schedule.batch
                    ) from error
                if not math.isfinite(loss.item()):
                    raise InputError(
                        job.name,
                        "must stay finite; lower the learning rate (the last good checkpoint stays)",
                        key=f"loss at step {step}",
                        value=loss.item(),
                    )
                optimiser.step()
                job.recipe.after_step(model)
                running += loss.item()
                seen += len(rows)
                right += int((logits.argmax(1) == labels).sum())
                here += 1
                if (step + 1) % log_every == 0 or step + 1 == last:
                    spent = time.monotonic() - started
                    batches = seen / schedule.batch
                    row = {"step": step + 1, "size_px": phase.size_px, "loss": running / batches,
                           "train_accuracy": right / seen, "rate": rates[0] * factor}  # fmt: skip
                    curve.append(row)
                    progress.update(bar, loss=f"loss {row['loss']:.3f} acc {row['train_accuracy']:.3f}")
                    if not console.is_terminal:
                        print(
                            f"{job.name} {step + 1}/{total} at {phase.size_px} px: loss {row['loss']:.3f}, "
                            f"accuracy {row['train_accuracy']:.3f}, {here * schedule.batch / spent:.0f} images/s",
                            file=sys.stderr,
                            flush=True,
                        )
                    running, seen, right = 0.0, 0, 0
                progress.advance(bar)
                stopping = job.stop_after is not None and here >= job.stop_after
                if step + 1 < last and (stopping or (step + 1) % job.checkpoint_steps == 0):
                    _keep(job, model, optimiser, number, step + 1, curve)
                if stopping and step + 1 < total:
                    return curve
            first = last
            if number + 1 == len(steps):
                _keep(job, model, optimiser, number, total, curve)
    return curve


def _optimiser(job: Job, model: Vgg) -> torch.optim.Optimizer:
    groups = job.recipe.parameter_groups(model)
    if job.schedule.optimiser == "sgd":
        return torch.optim.SGD(groups, momentum=0.9, nesterov=True, weight_decay=job.weight_decay)
    return torch.optim.AdamW(groups, weight_decay=job.weight_decay)


def _load(data: ImageSet, rows: Tensor, device: torch.device, seed: int, step: int) -> tuple[Tensor, Tensor]:
    """The augmented, normalised images and labels of a step."""
    images = augment(data.images[rows], torch.Generator().manual_seed(seed * 1_000_003 + step))
    images = normalise(images.to(device)).contiguous(memory_format=torch.channels_last)
    return images, data.labels[rows].to(device)


def _keep(
    job: Job, model: Vgg, optimiser: torch.optim.Optimizer, phase: int, step: int, curve: list[dict[str, float]]
) -> None:
    save_checkpoint(
        job.checkpoint,
        {
            "format": FORMAT,
            "identity": job.identity,
            "phase": phase,
            "step": step,
            "curve": curve,
            "model": model.state_dict(),
            "optimiser": optimiser.state_dict(),
        },
    )
