"""Localised faults against a reference that gives every output position weights and thresholds of its own."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from mimesim.config import load_workload
from mimesim.faults.history import Replay
from mimesim.faults.landing import Landings
from mimesim.faults.outcome import Place
from mimesim.inputs import build_schemes, load_traces
from mimesim.training.data import normalise
from mimesim.training.faults.injection import Injection, StoredCase
from mimesim.training.faults.loading import TrainedRun
from mimesim.training.faults.stored import fold_norms, quantise
from mimesim.training.threshold import ThresholdLayer

IMAGES = 4


class Rig:
    """A case in words, the copies of its batches and its images."""

    def __init__(self, folder: Path, name: str) -> None:
        workload = load_workload(str(folder / "workload.yaml"), [])
        case = next(one for one in workload.cases if one.name == name)
        trace = load_traces(workload)[case.name]
        scheme, hardware = build_schemes(workload)[name], workload.hardware_for(case)
        run = TrainedRun(folder / "runs" / "small", trace)
        self.models = {task: run.model(task) for task in workload.tasks}
        self.images = {task: normalise(run.images(task, IMAGES).images) for task in workload.tasks}
        shared = {"stem", "depthwise", "hidden"} if case.scheme == "mime" else set()
        fold_norms(self.models, shared, run.parent)
        formats = {task: quantise(model, 16) for task, model in self.models.items()}
        replayed = Replay(
            trace, scheme, case.skipping, hardware, workload.schedule_for(case), workload.tasks, workload.batch_images
        )
        self.batches = replayed.batches(workload.tasks, "pipelined", IMAGES)
        self.copies = replayed.copies(self.batches)
        self.case = StoredCase(replayed.plan([workload.tasks]), self.models, formats, 16)
        self.formats = formats

    def landed(self, injection: Injection, task: str) -> dict[int, list[Landings]]:
        """The faults of all images of *task*, by operation."""
        found: dict[int, list[Landings]] = {}
        for batch, copies in zip(self.batches, self.copies, strict=True):
            numbers = np.array([number for _, number in batch])
            for position, landings in injection.next_batch(batch, copies):
                if batch[int(landings.image[0])][0] == task:
                    found.setdefault(position, []).append(replace(landings, image=numbers[landings.image]))
        return found


class Reference:
    """Runs a network layer by layer; *wrong* maps (image, operation, position) to {element: mask}."""

    def __init__(self, rig: Rig, task: str, tensor: str, landed: dict[int, list[Landings]]) -> None:
        self.rig, self.task, self.tensor = rig, task, tensor
        self.wrong: dict[tuple[int, str, int], dict[int, int]] = {}
        for position, parts in landed.items():
            table, name = rig.case.tables[position], rig.case.layer(position)
            for part in parts:
                for row, place in zip(*part.expand(table), strict=True):
                    key = (int(part.image[row]), name, int(place))
                    assert int(part.element[row]) not in self.wrong.get(key, {})
                    self.wrong.setdefault(key, {})[int(part.element[row])] = int(part.mask[row])

    def spoil(self, values: Tensor, name: str, image: int, place: int) -> Tensor:
        formats = self.rig.formats[self.task]
        fixed = (formats.weights if self.tensor == "weights" else formats.thresholds)[name]
        copy = values.detach().clone().reshape(-1)
        for element, mask in self.wrong.get((image, name, place), {}).items():
            copy[element] = float(fixed.upset([copy[element].item()], [mask])[0])
        return copy.view(values.shape)

    def run(self, images: Tensor) -> dict[str, Tensor]:
        """Every output of the small network, one position at a time."""
        model, one = self.rig.models[self.task], nn.Identity()
        layers, norms = model.layers, model.norms
        first = self.activate("stem", norms["stem"](self.multiply("stem", layers["stem"], images)))
        deep = norms["depthwise"](self.multiply("depthwise", layers["depthwise"], first))
        added = self.activate("add", one(first + deep))
        pooled = nn.functional.max_pool2d(added, 2).flatten(1)
        hidden = self.activate("hidden", self.multiply("hidden", layers["hidden"], pooled))
        return {"stem": first, "add": added, "hidden": hidden, "head": self.multiply("head", layers["head"], hidden)}

    def multiply(self, name: str, layer: Any, inputs: Tensor) -> Tensor:
        with torch.no_grad():
            right = layer(inputs)
            if self.tensor != "weights":
                return right
            out = right.clone()
            positions = right[0, 0].numel()
            kept = layer.weight.data
            for image in range(len(inputs)):
                for place in range(positions):
                    layer.weight.data = self.spoil(kept, name, image, place)
                    found = layer(inputs[image : image + 1])
                    out[image].view(len(out[image]), -1)[:, place] = found[0].reshape(len(found[0]), -1)[:, place]
            layer.weight.data = kept
        return out

    def activate(self, name: str, values: Tensor) -> Tensor:
        site = next(one for one in self.rig.models[self.task].sites if one.name == name)
        layer = self.rig.models[self.task].activations[site.name]
        if not isinstance(layer, ThresholdLayer):
            return values.clamp(min=0)
        out = torch.zeros_like(values)
        flat = values.flatten(2) if values.ndim > 2 else values[:, :, None]
        result = out.flatten(2) if values.ndim > 2 else out[:, :, None]
        for image in range(len(values)):
            for place in range(flat.shape[2]):
                t = layer.t
                if self.tensor == "thresholds" and layer.granularity == "neuron":
                    t = layer.t.detach().clone()
                    # a neuron's threshold is wrong wherever it landed
                    for (one, other, _), found in self.wrong.items():
                        if (one, other) == (image, name):
                            for element, mask in found.items():
                                fixed = self.rig.formats[self.task].thresholds[name]
                                t.view(-1)[element] = float(
                                    fixed.upset([layer.t.reshape(-1)[element].item()], [mask])[0]
                                )
                elif self.tensor == "thresholds":
                    t = self.spoil(layer.t, name, image, place)
                whole = t.expand(values.shape[1:]).reshape(values.shape[1], -1)
                y = flat[image, :, place]
                result[image, :, place] = torch.where(y >= whole[:, place], y, torch.zeros(()))
        return result.view(values.shape)


@pytest.mark.parametrize("place", ["cache", "scratchpad"])
@pytest.mark.parametrize(
    ("name", "tensor"),
    [("mime", "weights"), ("own-norm", "weights"), ("conventional", "weights"), ("mime", "thresholds"),
     ("channel", "thresholds")],
)  # fmt: skip
def test_every_position_with_a_copy_of_its_own_gives_the_same(
    trained: Path, name: str, tensor: Any, place: Place
) -> None:
    rig, rate = Rig(trained, name), 0.002 if tensor == "weights" else 0.02
    injection = Injection(rig.case, place, tensor, rate, 1)
    changed = 0
    for task in rig.models:
        model = rig.models[task]
        landed = rig.landed(Injection(rig.case, place, tensor, rate, 1), task)
        assert len(landed) >= 3
        with torch.inference_mode():
            right = model.outputs(rig.images[task])
            with injection.hooked(task, landed):
                found = model.outputs(rig.images[task])
        wanted = Reference(rig, task, tensor, landed).run(rig.images[task])
        for node, values in wanted.items():
            torch.testing.assert_close(found[node], values, rtol=1e-4, atol=1e-4)
            changed += int(((found[node] != 0) != (right[node] != 0)).sum())
    assert changed
