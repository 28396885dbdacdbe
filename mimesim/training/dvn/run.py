"""Train the virtual networks of a configuration and their baselines, stage by stage, and write what came out."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import torch

from mimesim.trace import TraceWriter
from mimesim.training.checkpoint import (
    FORMAT,
    fingerprint,
    load_checkpoint,
    load_metrics,
    save_checkpoint,
    save_metrics,
)
from mimesim.training.data import ImageSet, normalise, resize, subset
from mimesim.training.device import autocast, enough_memory, pick_device
from mimesim.training.dvn.config import DvnConfig
from mimesim.training.dvn.fit import JointJob, fit_jointly, steps_of
from mimesim.training.dvn.graph import level_name, network_of
from mimesim.training.dvn.model import VirtualNetworks
from mimesim.training.dvn.recording import record_virtual
from mimesim.training.dvn.report import Outcome, Result, write_results
from mimesim.training.dvn.systems import Network, networks
from mimesim.training.evaluate import share_right
from mimesim.training.files import write_whole
from mimesim.training.models import load_state
from mimesim.training.recording.masks import choose_images
from mimesim.training.sources import check_name, load_dataset

__all__ = ["DvnTraining", "train_dvn"]

#: Settings that decide what is trained; the others only where it goes and what it is held against.
_ELSEWHERE = {
    "runs",
    "results",
    "record_images",
    "note",
    "baselines",
    "checkpoint_steps",
    "test_images",
    "levels",
    "name",
}


class DvnTraining:
    """The stages of a configuration: folders of ``runs/NAME``; a finished one is skipped, a killed one continues."""

    def __init__(self, config: DvnConfig) -> None:
        """Nothing but the names of the image sets is looked at yet."""
        for task in config.tasks:
            check_name(task)
        self.config = config
        self.device = pick_device()
        self.folder = config.runs / config.name

    @cached_property
    def train_images(self) -> dict[str, ImageSet]:
        """Training images of each task at the network's size."""
        return self._images("train", self.config.train_images)

    @cached_property
    def test_images(self) -> dict[str, ImageSet]:
        """Test images of each task at the network's size."""
        return self._images("test", self.config.test_images)

    def _images(self, split: Any, count: int | None) -> dict[str, ImageSet]:
        config = self.config
        chosen = {task: subset(load_dataset(task, split, config.subset), count, config.seed) for task in config.tasks}
        return {task: resize(data, config.size_px) for task, data in chosen.items()}

    @property
    def networks(self) -> tuple[Network, ...]:
        """All that is to be trained."""
        return tuple(networks(self.config, {task: data.classes for task, data in self.test_images.items()}))

    def network(self, network: Network) -> VirtualNetworks:
        """Train *network*, unless that was done, and return it on the CPU, as its file has it."""
        config, path = self.config, self.folder / network.stage / "model.pt"
        settings = config.model_dump(mode="json", exclude=_ELSEWHERE)
        assignment, backbone = network.backbone.assignment, network.backbone
        shape = (backbone.features, dict(backbone.classes), dict(assignment.orders), assignment.levels)
        identity = fingerprint("dvn", network.stage, settings, shape)
        torch.manual_seed(config.seed)
        model = VirtualNetworks(backbone)
        if not path.exists():
            tasks = list(assignment.orders)
            job = JointJob(
                name=network.stage, model=model, data={task: self.train_images[task] for task in tasks},
                seeds={task: config.seed * 1000 + number for number, task in enumerate(config.tasks)},
                config=config, steps=steps_of(config, self.train_images), checkpoint=path.with_name("checkpoint.pt"),
                identity=identity, device=self.device,
            )  # fmt: skip
            curve = fit_jointly(job)
            save_metrics(path.with_name("metrics.json"), {"stage": network.stage, "identity": identity, "curve": curve})
            model.cpu()
            save_checkpoint(path, {"format": FORMAT, "identity": identity, "model": model.state_dict()})
            path.with_name("checkpoint.pt").unlink(missing_ok=True)
        load_state(model, load_checkpoint(path, identity)["model"], str(path))
        return model.eval()

    def scores(self, network: Network) -> dict[str, dict[str, Any]]:
        """Accuracy on the test images of each of a network's virtual networks, measured once."""
        model = self.network(network)
        path = self.folder / network.stage / "metrics.json"
        metrics = load_metrics(path, network.stage)
        if metrics.get("test_images") != self.config.test_images or "scores" not in metrics:
            model.to(self.device)
            found = {
                level_name(*one): accuracy(partial(model, task=one[0], level=one[1]), self.test_images[one[0]],
                                           self.device)
                for one in network.backbone.assignment.virtual
            }  # fmt: skip
            metrics |= {"test_images": self.config.test_images, "scores": found}
            save_metrics(path, metrics)
        return dict(metrics["scores"])

    def check(self) -> None:
        """Find what would only be found when everything is trained: too few images to record, a folder of others'."""
        config, network = self.config, self.networks[0]
        if config.record_images:
            for task in config.tasks:
                data = load_dataset(task, "test", config.subset)
                choose_images(data, config.record_images, config.seed, task)
            graph = network_of(network.backbone, config.name)
            TraceWriter(config.results / "trace", network=graph, scheme="dvn", overwrite=True)

    def run(self) -> Path:
        """Train and test everything, and write tables and report to the folder of results."""
        self.check()
        results = []
        listed = self.networks
        for network in listed:
            scores = self.scores(network)
            for own, (task, level) in network.plays.items():
                score = scores[level_name(*own)]
                results.append(Result(network, own, task, level, score))
                shown = f"{network.system} {level_name(task, level)}"
                print(f"{shown}: accuracy {score['accuracy']:.4f} ± {score['interval']:.4f}", file=sys.stderr)
        outcome = Outcome(self.config, listed, tuple(results), {t: len(data) for t, data in self.train_images.items()})
        for name, text in write_results(outcome).items():
            write_whole(self.config.results / name, text.encode())
        if self.config.record_images:
            self._record(listed[0])
        return self.config.results

    def _record(self, network: Network) -> None:
        """Write the masks of the virtual networks as a trace: images are drawn by seed and task, as for any method."""
        config = self.config
        chosen = {
            task: choose_images(load_dataset(task, "test", config.subset), config.record_images, config.seed, task)
            for task in config.tasks
        }
        images = {task: resize(data, config.size_px) for task, data in chosen.items()}
        settings = config.model_dump(mode="json", exclude={"runs", "results", "baselines"})
        model, scores = self.network(network).cpu(), self.scores(network)
        record_virtual(model, config.results / "trace", config.name, images, scores, config.seed, settings)


def accuracy(
    forward: Callable[[torch.Tensor], torch.Tensor], data: ImageSet, device: torch.device, batch: int = 100
) -> dict[str, Any]:
    """Accuracy of a network in inference mode, half its 95 % interval, and a bit per image, as
    :class:`mimesim.training.evaluate.Score` has them."""
    right = []
    with enough_memory("test", f"{batch} images at a time must fit"), torch.inference_mode(), autocast(device):
        for images, labels in zip(torch.split(data.images, batch), torch.split(data.labels, batch), strict=True):
            inputs = normalise(images.to(device)).contiguous(memory_format=torch.channels_last)
            right.append(forward(inputs).argmax(1).cpu() == labels)
    share, interval, correct = share_right(torch.cat(right))
    return {"accuracy": share, "interval": interval, "images": len(data), "correct": correct}


def train_dvn(config: DvnConfig) -> Path:
    """Do what a configuration says; returns the folder of its results."""
    return DvnTraining(config).run()
