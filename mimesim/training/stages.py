"""The stages of a training: the parent, and its children by every method, each of them resumable.

A stage is a folder below ``runs/NAME``: while it runs it holds ``checkpoint.pt``; once done, ``model.pt`` (the
weights) and ``metrics.json`` (accuracy, sparsity and the curve). A finished stage is skipped, a killed one continues.
"""

from __future__ import annotations

import copy
import gc
import sys
from dataclasses import asdict
from functools import cache, cached_property, partial
from pathlib import Path
from statistics import mean
from typing import Any

import torch
from torch import Tensor

from mimesim.errors import InputError
from mimesim.training.checkpoint import (
    FORMAT,
    check_origin,
    fingerprint,
    load_checkpoint,
    load_metrics,
    save_checkpoint,
    save_metrics,
    state_digest,
)
from mimesim.training.config import Method, PacknetMethod, Schedule, TrainingConfig, Trials
from mimesim.training.data import ImageSet, resize, subset
from mimesim.training.device import pick_device
from mimesim.training.evaluate import Score, evaluate
from mimesim.training.files import file_digest
from mimesim.training.loop import Job, fit
from mimesim.training.methods import make_recipe
from mimesim.training.models import ModelSpec, Options, fold_hidden_norms, load_state, model_spec
from mimesim.training.pretrained import IMAGENET, load_pretrained
from mimesim.training.recalibrate import recalibrate
from mimesim.training.recipe import Recipe, Scratch
from mimesim.training.sources import load_dataset
from mimesim.training.task_sets import TaskSets
from mimesim.training.tasks import ImageTask
from mimesim.training.tracing.model import TracedModel

__all__ = ["Stages", "shared_state"]


class Stages:
    """The networks of one configuration; *spec* is how its network is built, which tests replace by a small one."""

    def __init__(self, config: TrainingConfig, spec: ModelSpec | None = None) -> None:
        """Nothing is loaded or written yet."""
        self.config = config
        self.spec = spec or model_spec(config.network, features=config.features, hidden=config.hidden)
        self.device = pick_device()
        self.folder = config.runs / config.name
        self.dataset = cache(partial(load_dataset, subset=config.subset))
        # the parent never changes, and every stage is held against it
        self._digest = cache(lambda parent: state_digest(parent.module.state_dict()))
        self.sets = TaskSets(config, self.dataset)

    def metrics(self, stage: str) -> dict[str, Any]:
        """What the finished *stage* wrote."""
        return load_metrics(self.folder / stage / "metrics.json", stage)

    # ---- the parent ------------------------------------------------------------------------------------------

    def parent(self) -> TracedModel:
        """Train the parent or fetch its weights, unless that was done; its head is that of its own classes.

        It is always read from its file, so that whatever comes after it is the same whether it was just made or not.
        """
        path = self.folder / "parent" / "model.pt"
        if not _is_done(path):
            schedule = self.config.parent.schedule
            self._train_parent(schedule) if schedule else self._fetch_parent()
        kept = load_checkpoint(path, self._parent_identity)
        model = self.spec.traced(Options(kept["classes"], self.config.size_px))
        load_state(model.module, kept["model"], str(path))
        return model

    @cached_property
    def _parent_identity(self) -> str:
        config = self.config
        options = config.parent.model_dump(mode="json")
        # named only where it is not the default: stages that were finished before there was a choice stay valid
        options |= {} if config.subset else {"subset": False}
        options |= {"features": config.features, "hidden": config.hidden} if config.features else {}
        if config.parent.weights not in (None, IMAGENET):
            options |= {"sha256": file_digest(Path(config.parent.weights or ""))}
        if ":" in config.network:  # a function of the user's, who may have changed it
            module = self.spec.traced(Options(1, config.size_px)).module
            options |= {"code": fingerprint(repr(module), module.code)}
        return fingerprint("parent", config.network, config.size_px, config.seed, config.test_images, options)

    def _fetch_parent(self) -> None:
        config = self.config
        model = load_pretrained(self.spec, config.parent.weights or "", config.size_px)
        self._keep("parent", self._parent_identity, None, {"weights": config.parent.weights}, model)

    def _train_parent(self, schedule: Schedule) -> None:
        config, parent = self.config, self.config.parent
        data = subset(self.dataset(parent.dataset, "train"), parent.train_images, config.seed)
        torch.manual_seed(config.seed)
        options = Options(data.classes, config.size_px, parent.dropout, parent.hidden_batch_norm)
        model = self.spec.traced(options)
        checkpoint = self.folder / "parent" / "checkpoint.pt"
        curve = fit(
            Job(
                name="parent", model=model, recipe=Scratch(parent.rate, parent.rate), data=data,
                schedule=schedule, seed=config.seed, checkpoint=checkpoint, identity=self._parent_identity,
                device=self.device, weight_decay=parent.weight_decay, label_smoothing=parent.label_smoothing,
                crop_scale=parent.crop_scale, checkpoint_steps=config.checkpoint_steps,
            )
        )  # fmt: skip
        if parent.hidden_batch_norm:
            plain = self.spec.traced(Options(data.classes, config.size_px))
            fold_hidden_norms(model, plain)
            model = plain
        test = self.sets.test(ImageTask.whole(parent.dataset))
        extra: dict[str, Any] = {"train_images": len(data), "curve": curve}
        if parent.recalibrate_images:
            extra["accuracy_before_recalibration"] = evaluate(model, test, self.device).accuracy
            some = subset(data, parent.recalibrate_images, config.seed)
            recalibrate(model, resize(some, config.size_px), self.device)
        self._keep("parent", self._parent_identity, evaluate(model, test, self.device), extra, model)

    # ---- its children ----------------------------------------------------------------------------------------

    def child(self, task: str, method: Method, parent: TracedModel) -> TracedModel:
        """Adapt the parent to *task* by *method* at the rate that its trials chose, or load the result."""
        stage = f"{task}-{method.name}"
        path = self.folder / stage / "model.pt"
        done = _is_done(path)
        start = self._start(task, method, parent)
        model = self._child_model(self.sets.classes(task), start)
        identity = self._child_identity(task, method, start)
        if done:
            make_recipe(method, method.rates[0]).prepare(model, self.config.size_px)
            kept = load_checkpoint(path, identity, self._digest(parent))["model"]
            # the file holds what differs from the parent
            load_state(model.module, {**shared_state(parent, model), **kept}, str(path))
            return model
        rate, trials = self._choose_rate(task, method, parent)
        train = self.sets.train(task)
        job, recipe = self._job(stage, identity, model, parent, method, rate, train)
        before = recipe.untouched(model)
        curve = fit(job)
        score = evaluate(model, self.sets.test(self.sets.task(task)), self.device)
        after = recipe.untouched(model)
        moved = [name for name, tensor in before.items() if not torch.equal(tensor, after[name])]
        if moved:
            raise AssertionError(f"training of {method.name} changed {moved[0]}, which is not this task's")
        extra = {"train_images": len(train), "rate": rate, "trials": trials, "curve": curve}
        self._keep(stage, job.identity, score, extra, model, parent)
        return model

    def _job(
        self, name: str, identity: str, model: TracedModel, parent: TracedModel, method: Method, rate: float,
        data: ImageSet, share: float = 1.0,
    ) -> tuple[Job, Recipe]:  # fmt: skip
        config = self.config
        model.module.to(self.device)
        recipe = make_recipe(method, rate)
        recipe.prepare(model, config.size_px, data)
        schedule: Schedule = config.child
        if share != 1.0:
            phases = [phase.model_copy(update={"epochs": phase.epochs * share}) for phase in schedule.phases]
            schedule = schedule.model_copy(update={"phases": tuple(phases)})
        job = Job(
            name=name, model=model, recipe=recipe, data=data, schedule=schedule, seed=config.seed,
            checkpoint=self.folder / name / "checkpoint.pt", identity=identity, device=self.device,
            checkpoint_steps=config.checkpoint_steps, parent=self._digest(parent),
        )  # fmt: skip
        return job, recipe

    def _start(self, task: str, method: Method, parent: TracedModel) -> TracedModel:
        """What *task* starts from: the parent or, where tasks are packed into one network, what the last one left."""
        place = self.config.child.names.index(task)
        if place == 0 or not isinstance(method, PacknetMethod):
            return parent
        return self.child(self.config.child.names[place - 1], method, parent)

    def _child_identity(self, task: str, method: Method, start: TracedModel) -> str:
        config = self.config
        shared = config.child.model_dump(mode="json", exclude={"tasks", "methods"})
        packed = [state_digest(start.module.state_dict())] if isinstance(method, PacknetMethod) else []
        found = self.sets.task(task)
        # stages that were finished when a task was just an image set stay valid
        labels = {} if found.is_whole else {"task": found.model_dump(mode="json")}
        return fingerprint(task, method.model_dump(mode="json"), shared | labels, self._parent_identity, *packed)

    def _child_model(self, classes: int, start: TracedModel) -> TracedModel:
        # traced models refer to themselves: without this the last ones stay in memory, gigabytes of them in a long run
        gc.collect()
        model = copy.deepcopy(start)
        model.set_head(classes, torch.Generator().manual_seed(self.config.seed))
        return model

    # ---- learning rates --------------------------------------------------------------------------------------

    def _choose_rate(self, task: str, method: Method, parent: TracedModel) -> tuple[float, dict[str, float]]:
        """The rate with the highest accuracy on held-out training images, and the accuracy of each; test images are
        never looked at. A method with one rate needs no trial."""
        trials = self.config.child.trials
        if len(method.rates) == 1 or trials is None:
            return method.rates[0], {}
        tasks = trials.tasks or (task,)
        found = {
            rate: mean(self._trial(other, method, rate, parent, trials) for other in tasks) for rate in method.rates
        }
        best = max(method.rates, key=lambda rate: found[rate])
        return best, {f"{rate:g}": round(accuracy, 4) for rate, accuracy in found.items()}

    def _trial(self, task: str, method: Method, rate: float, parent: TracedModel, trials: Trials) -> float:
        """Accuracy on the held-out images after training at *rate* on the others."""
        config = self.config
        stage = self.trial_stage(task, method, rate)
        start = self._start(task, method, parent)
        identity = fingerprint(self._child_identity(task, method, start), rate)
        done = self.folder / stage / "metrics.json"
        if _is_done(done):
            metrics = self.metrics(stage)
            check_origin(done, metrics, identity, self._digest(parent))
            return float(metrics["accuracy"])
        rest, held_out = self.sets.split(task, trials.held_out)
        if not len(rest):
            rule = f"holds out all of the {len(held_out)} training images of {task}"
            raise InputError(config.name, rule, key="child.trials.held_out", value=trials.held_out)
        model = self._child_model(rest.classes, start)
        job, _ = self._job(stage, identity, model, parent, method, rate, rest, trials.share)
        curve = fit(job)
        score = evaluate(model, resize(held_out, config.size_px), self.device)
        extra = {"parent": job.parent, "train_images": len(rest), "rate": rate, "curve": curve}
        self._keep(stage, identity, score, extra)
        return score.accuracy

    # ---- files -----------------------------------------------------------------------------------------------

    def trial_stage(self, task: str, method: Method, rate: float) -> str:
        """The name of the stage that tries *rate*."""
        return f"trials/{task}-{method.name}-{rate:g}"

    def _keep(
        self, stage: str, identity: str, score: Score | None, extra: dict[str, Any], model: TracedModel | None = None,
        parent: TracedModel | None = None,
    ) -> None:  # fmt: skip
        """Write ``metrics.json`` and, for a network that is needed again, ``model.pt``; drop the checkpoint.

        Of a child only what differs from its *parent* is kept: for MIME its thresholds and head.
        """
        folder = self.folder / stage
        metrics = {"stage": stage, "identity": identity} | (asdict(score) if score else {}) | extra
        save_metrics(folder / "metrics.json", metrics)
        if model is not None:  # last, since its file says that the stage is done
            model.module.to("cpu")
            shared = shared_state(parent, model) if parent else {}
            own = {
                name: tensor
                for name, tensor in model.module.state_dict().items()
                if name not in shared or not torch.equal(tensor, shared[name])
            }
            content = {"format": FORMAT, "identity": identity, "classes": model.head.weight.shape[0], "model": own}
            if parent:
                content["parent"] = self._digest(parent)
            save_checkpoint(folder / "model.pt", content)
        (folder / "checkpoint.pt").unlink(missing_ok=True)
        if score:
            print(f"{stage}: accuracy {score.accuracy:.4f} ± {score.interval:.4f}", file=sys.stderr, flush=True)


def _is_done(last: Path) -> bool:
    """Whether a stage wrote its *last* file; a run that was killed right then has left its checkpoint, which goes."""
    if not last.exists():
        return False
    last.with_name("checkpoint.pt").unlink(missing_ok=True)
    return True


def shared_state(parent: TracedModel, model: TracedModel) -> dict[str, Tensor]:
    """The parent's tensors that *model* could have unchanged: those of the same name and shape."""
    own = model.module.state_dict()
    return {
        name: tensor
        for name, tensor in parent.module.state_dict().items()
        if name in own and own[name].shape == tensor.shape
    }
