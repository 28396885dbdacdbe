"""``mimesim train`` of merged networks: a network for each task, what becomes of their neurons, pruning, tables, masks.

A stage is a folder below ``runs/NAME`` whose ``model.pt`` and ``metrics.json`` say that it is done; what is done is not
done again. A network that was killed while it trained for itself goes on where it was, a round of pruning begins anew.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any, Literal

import torch

from mimesim.training.checkpoint import (
    FORMAT,
    fingerprint,
    load_checkpoint,
    load_metrics,
    save_checkpoint,
    save_metrics,
)
from mimesim.training.data import ImageSet, draw, resize, subset
from mimesim.training.device import pick_device
from mimesim.training.files import write_whole
from mimesim.training.loop import Job, fit
from mimesim.training.models import ModelSpec, Options, load_state, model_spec
from mimesim.training.pam.assignment import partition_networks
from mimesim.training.pam.chain import HEAD, chain_of
from mimesim.training.pam.config import PamConfig
from mimesim.training.pam.finetune import accuracies, finetune
from mimesim.training.pam.merge import merge, side_by_side, single, trunk
from mimesim.training.pam.merged import MergedNet
from mimesim.training.pam.partition import Partition, random_like
from mimesim.training.pam.recording import record_system
from mimesim.training.pam.report import Measured, write_results
from mimesim.training.pam.rounds import prune_round
from mimesim.training.pam.tasks import TaskImages, relabel
from mimesim.training.pam.zipping import zip_networks
from mimesim.training.recipe import Scratch
from mimesim.training.recording.masks import choose_images
from mimesim.training.sources import check_name, load_dataset
from mimesim.training.tracing.model import TracedModel

__all__ = ["PamResult", "PamTraining", "run_pam", "train_pam"]

#: Settings that decide nothing about a network.
_ELSEWHERE = {"runs", "results", "note", "name", "checkpoint_steps", "test_images", "record_images", "systems",
              "tolerance"}  # fmt: skip
#: Of the networks before they are merged, and of those before they are pruned.
_LATER = {"merged", "information", "zipping", "pruning"}
#: Systems that no partition decides, and all of whose neurons may be pruned.
_UNINFORMED = ("separate", "trunk", "mtz")


@dataclass(frozen=True)
class PamResult:
    """What came out: the partition, every measured system after each round, the one chosen of each, and where it is."""

    partition: Partition
    measured: tuple[Measured, ...]
    chosen: dict[str, Measured]
    folder: Path
    """Tables, report and a trace for each system."""


class PamTraining:
    """The stages of a configuration; *spec* is how its networks are built, which tests replace by a small one."""

    def __init__(self, config: PamConfig, spec: ModelSpec | None = None) -> None:
        """Nothing but names is looked at yet."""
        check_name(config.dataset)
        self.config = config
        self.device = pick_device()
        self.folder = config.runs / config.name
        self.tasks = tuple(task.name for task in config.tasks)
        self.spec = spec or model_spec(config.network, features=config.features, hidden=config.hidden)

    # ---- images ----------------------------------------------------------------------------------------------

    def images(self, split: Literal["train", "test"]) -> TaskImages:
        """The images of a split at the network's size, with the labels of all tasks."""
        config = self.config
        count = config.train_images if split == "train" else config.test_images
        return self._labelled(subset(load_dataset(config.dataset, split, config.subset), count, config.seed))

    def _labelled(self, images: ImageSet) -> TaskImages:
        return relabel(resize(images, self.config.size_px), self.config.tasks)

    @cached_property
    def _split(self) -> tuple[TaskImages, TaskImages]:
        return self.images("train").split(self.config.held_out, self.config.seed)

    @property
    def train(self) -> TaskImages:
        """What is trained on."""
        return self._split[0]

    @property
    def held_out(self) -> TaskImages:
        """What decides how far to prune."""
        return self._split[1]

    @cached_property
    def test(self) -> TaskImages:
        """What is reported."""
        return self.images("test")

    @cached_property
    def recorded(self) -> TaskImages:
        """Whose masks the traces hold: test images drawn by seed and image set alone, as those of all trainings are."""
        config = self.config
        whole = load_dataset(config.dataset, "test", config.subset)
        return self._labelled(choose_images(whole, config.record_images, config.seed, config.dataset))

    # ---- networks --------------------------------------------------------------------------------------------

    def _identity(self, *parts: str, without: set[str]) -> str:
        return fingerprint("pam", parts, self.config.model_dump(mode="json", exclude=_ELSEWHERE | without))

    def _fresh(self, task: str) -> TracedModel:
        torch.manual_seed(self.config.seed * 100 + self.tasks.index(task))
        return self.spec.traced(Options(self.train.classes[task], self.config.size_px))

    def single(self, task: str) -> TracedModel:
        """The network of one task, trained for itself unless that was done."""
        config, stage = self.config, f"single-{task}"
        path = self.folder / stage / "model.pt"
        identity = self._identity(stage, without=_LATER)
        model = self._fresh(task)
        if not path.exists():
            plan = config.single
            curve = fit(
                Job(
                    name=stage, model=model, recipe=Scratch(plan.rate, plan.rate), data=self.train.of(task),
                    schedule=plan.schedule(config.size_px), seed=config.seed,
                    checkpoint=path.with_name("checkpoint.pt"), identity=identity, device=self.device,
                    weight_decay=plan.weight_decay, checkpoint_steps=config.checkpoint_steps,
                )
            )  # fmt: skip
            model.module.cpu()
            save_metrics(path.with_name("metrics.json"), {"stage": stage, "identity": identity, "curve": curve})
            save_checkpoint(path, {"format": FORMAT, "identity": identity, "model": model.module.state_dict()})
            path.with_name("checkpoint.pt").unlink(missing_ok=True)
        load_state(model.module, load_checkpoint(path, identity)["model"], str(path))
        model.module.eval()
        return model

    @cached_property
    def singles(self) -> dict[str, TracedModel]:
        """The networks of all tasks."""
        return {task: self.single(task) for task in self.tasks}

    @cached_property
    def partition(self) -> Partition:
        """What becomes of the neurons of :attr:`singles`."""
        config = self.config
        found = partition_networks(self.singles, self.train, config.information, config.seed, config.size_px)
        content = {layer: {**here.units, "dropped": here.dropped} for layer, here in found.items()}
        write_whole(self.folder / "partition.json", (json.dumps(content) + "\n").encode())
        return found

    def start(self, system: str) -> dict[str, Callable[[], MergedNet]]:
        """What makes each network of a *system* before any training together."""
        size = self.config.size_px
        if system == "separate":
            return {f"separate-{task}": partial(single, task, self.singles[task], size) for task in self.tasks}
        if system == "trunk":
            return {system: lambda: trunk(self._fresh(self.tasks[0]), self.train.classes, size)}
        if system == "mtz":
            return {system: self._zipped}
        return {system: lambda: merge(self.singles, self._partition_of(system), size)}

    def _zipped(self) -> MergedNet:
        config, zipping = self.config, self.config.zipping
        chosen = draw(len(self.train), zipping.images, config.seed, "zipping")

        def retrain(net: MergedNet, number: int) -> None:
            seed = config.seed * 1000 + 700 + number
            finetune(net, self.train, zipping.fit, seed, f"mtz: layer {number + 1}", self.device)

        return zip_networks(
            self.singles, self.train.take(torch.from_numpy(chosen)), zipping.share, config.size_px, retrain
        )

    def _partition_of(self, system: str) -> Partition:
        return random_like(self.partition, self.config.seed) if system == "random" else self.partition

    def rounds(self, system: str) -> list[tuple[MergedNet, dict[str, Any]]]:
        """The *system* after each round of pruning, from none on, as one network, with what was measured of it."""
        made = [self._rounds(system, name, build) for name, build in self.start(system).items()]
        if system != "separate":
            return made[0]
        joined = []
        for parts in zip(*made, strict=True):
            metrics = {key: {t: share for _, m in parts for t, share in m[key].items()} for key in ("held_out", "test")}
            joined.append((side_by_side([net for net, _ in parts]), metrics))
        return joined

    def _rounds(self, system: str, name: str, build: Callable[[], MergedNet]) -> list[tuple[MergedNet, dict[str, Any]]]:
        """The rounds of one network."""
        config, found = self.config, []
        net: MergedNet | None = None
        unused = {
            "pruning",
            *(["information"] if system in _UNINFORMED else []),
            *(["zipping"] if system != "mtz" else []),
        }
        for number in range(config.pruning.rounds + 1):
            stage = f"{name}/round-{number:02d}"
            path = self.folder / stage / "model.pt"
            identity = self._identity(stage, without=unused)
            if number:  # more rounds are the same rounds, and then more
                pruning = config.pruning.model_dump(mode="json", exclude={"rounds"})
                identity = fingerprint(identity, pruning)
            if not path.exists():
                net = build() if net is None else net
                self._train_round(system, net, number, stage, identity)
            kept = load_checkpoint(path, identity)
            widths = {layer: units for layer, units in kept["widths"].items() if layer != HEAD}
            chain = chain_of(self._fresh(self.tasks[0]), config.size_px)
            net = MergedNet(chain, kept["classes"], widths)
            load_state(net, kept["model"], str(path))
            found.append((net.eval(), self._measured(stage, net, identity)))
        return found

    def _train_round(self, system: str, net: MergedNet, number: int, stage: str, identity: str) -> None:
        config, path = self.config, self.folder / stage / "model.pt"
        data = self.train.only(net.tasks)
        seed = config.seed * 1000 + number
        if number == 0:
            if system == "trunk":  # as long as each of the others' networks was trained for itself
                finetune(net, data, config.single, seed + 500, f"{stage}: from scratch", self.device)
            curve = finetune(net, data, config.merged, seed, stage, self.device)
        else:
            # the authors prune shared neurons only; a network that is all one unit is pruned whole
            whole = system in _UNINFORMED or config.pruning.neurons == "all"
            net, curve = prune_round(net, data, config.pruning, whole, seed, stage, self.device)
        net.cpu()
        save_metrics(path.with_name("metrics.json"), {"stage": stage, "identity": identity, "curve": curve})
        content = {"widths": net.widths, "classes": net.classes, "model": net.state_dict()}
        save_checkpoint(path, {"format": FORMAT, "identity": identity} | content)

    def _measured(self, stage: str, net: MergedNet, identity: str) -> dict[str, Any]:
        """Accuracies of a finished stage, measured once."""
        path = self.folder / stage / "metrics.json"
        metrics = load_metrics(path, stage)
        if metrics.get("test_images") != len(self.test) or "test" not in metrics:
            metrics["held_out"] = accuracies(net, self.held_out.only(net.tasks), self.device)
            metrics |= {"test": accuracies(net, self.test.only(net.tasks), self.device), "test_images": len(self.test)}
            save_metrics(path, metrics)
            net.cpu()
        return metrics

    # ---- results ---------------------------------------------------------------------------------------------

    def run(self) -> PamResult:
        """Do all that is not done yet, and write tables, report and traces."""
        config = self.config
        measured: list[Measured] = []
        for system in config.systems:
            for number, (net, metrics) in enumerate(self.rounds(system)):
                measured.append(Measured(system, number, net, metrics["held_out"], metrics["test"]))
        report = write_results(config, self.partition, measured, len(self.train), len(self.test))
        for name, text in report.files.items():
            write_whole(config.results / name, text.encode())
        chosen = {entry.system: entry for entry in measured if entry.round == report.chosen[entry.system]}
        for entry in chosen.values():
            record_system(self.recorded, entry.net, entry.system, config, entry.test, len(self.test), entry.round)
        return PamResult(self.partition, tuple(measured), chosen, config.results)


def run_pam(config: PamConfig, spec: ModelSpec | None = None) -> PamResult:
    """Do what *config* says; finished stages are not done again."""
    return PamTraining(config, spec).run()


def train_pam(config: PamConfig) -> Path:
    """Do what *config* says; returns the folder of its results."""
    return run_pam(config).folder
