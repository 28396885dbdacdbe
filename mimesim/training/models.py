"""The networks that mimesim trains by name, as torchvision builds them, and weights from elsewhere.

A network is one entry of :data:`MODELS`. ``vgg16`` is torchvision's ``vgg16_bn``, but its first hidden layer reads the
last pool directly (2 x 2 positions at 64 px) in place of torchvision's 7 x 7; for torchvision's own weights the two are
the same function (:func:`fold_classifier`).
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import torch
import torchvision
from torch import Tensor, nn

from mimesim.errors import InputError
from mimesim.training.tracing.model import TracedModel
from mimesim.training.tracing.sites import Naming, by_path, numbered
from mimesim.training.user_code import user_code

__all__ = [
    "MODELS",
    "VGG16",
    "ModelSpec",
    "Options",
    "fold_classifier",
    "fold_hidden_norms",
    "load_state",
    "model_spec",
    "vgg",
]

#: Configuration D of Simonyan and Zisserman (2015): channels of each convolution, "M" a 2 x 2 max-pool.
VGG16: tuple[int | str, ...] = (
    64, 64, "M", 128, 128, "M", 256, 256, 256, "M", 512, 512, 512, "M", 512, 512, 512, "M",
)  # fmt: skip

Build = Callable[["Options"], nn.Module]


@dataclass(frozen=True)
class Options:
    """What a network is built for: classes of its head, side of its images, and what helps while it is trained."""

    classes: int
    size_px: int
    dropout: float = 0.0
    hidden_batch_norm: bool = False


@dataclass(frozen=True)
class ModelSpec:
    """How a network is built, and what its layers are called in the simulated network."""

    build: Build
    names: Naming = by_path
    #: torchvision's name of its ImageNet weights, and its function's; "" where there are none.
    torchvision_name: str = ""

    def traced(self, options: Options) -> TracedModel:
        """Build it with fresh weights, from torch's global generator, and trace it; its head has the classes asked
        for, whatever the builder made."""
        model = TracedModel(self.build(options), self.names)
        if model.head.weight.shape[0] != options.classes:
            model.set_head(options.classes)
        return model


def vgg(features: Sequence[int | str], hidden: Sequence[int], options: Options) -> torchvision.models.VGG:
    """torchvision's VGG with batch norm, of any width.

    The pool before the classifier is the identity at ``options.size_px``; at other sizes (progressive resizing) it
    averages to the same number of positions.
    """
    layers = torchvision.models.vgg.make_layers(list(features), batch_norm=True)
    with torch.device("meta"):  # its own classifier is 102 million weights that are replaced at once
        model = torchvision.models.VGG(nn.Sequential(), num_classes=1, init_weights=False)
    side = options.size_px // 2 ** sum(entry == "M" for entry in features)
    width = next(int(entry) for entry in reversed(features) if entry != "M") * side**2
    model.features, model.avgpool = layers, nn.AdaptiveAvgPool2d(side)
    classifier: list[nn.Module] = []
    for entry in hidden:
        norm = [nn.BatchNorm1d(entry)] if options.hidden_batch_norm else []
        classifier += [nn.Linear(width, entry), *norm, nn.ReLU(inplace=True), nn.Dropout(options.dropout)]
        width = entry
    head = nn.Linear(width, options.classes)
    model.classifier = nn.Sequential(*classifier, head)
    for module in model.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            # He's initialisation: the hidden layers have no batch norm to correct their scale
            nn.init.kaiming_normal_(module.weight, mode="fan_in", nonlinearity="relu")
            if module.bias is not None:
                nn.init.zeros_(module.bias)
    nn.init.normal_(head.weight, std=0.01)
    return model


def _vgg16(options: Options) -> nn.Module:
    if options.size_px < 32 or options.size_px % 32:
        raise InputError("network vgg16", "must be a multiple of 32", key="size_px", value=options.size_px)
    return vgg(VGG16, (4096, 4096), options)


def _resnet18(options: Options) -> nn.Module:
    model: nn.Module = torchvision.models.resnet18(num_classes=options.classes)
    return model


def _mobilenet_v2(options: Options) -> nn.Module:
    model: nn.Module = torchvision.models.mobilenet_v2(num_classes=options.classes, dropout=options.dropout)
    return model


MODELS: dict[str, ModelSpec] = {
    "vgg16": ModelSpec(_vgg16, numbered, "vgg16_bn"),
    "resnet18": ModelSpec(_resnet18, torchvision_name="resnet18"),
    "mobilenet_v2": ModelSpec(_mobilenet_v2, torchvision_name="mobilenet_v2"),
}


def model_spec(
    name: str, where: str = "network", features: Sequence[int | str] = (), hidden: Sequence[int] = ()
) -> ModelSpec:
    """The network *name*: one of :data:`MODELS`, or ``module:function`` of the user's, called without arguments; with
    *features* and *hidden* the :func:`vgg` of them.

    *where*, the option or key that the name stands at, begins every error, those that the user's code raises included.
    """
    if features:
        return ModelSpec(lambda options: vgg(features, hidden, options), numbered)
    if name in MODELS:
        return MODELS[name]
    module, colon, function = name.partition(":")
    if not colon:
        raise InputError(where, f"is not known; there are {', '.join(MODELS)}, or MODULE:FUNCTION", value=name)
    here = str(Path.cwd())
    if here not in sys.path:  # a console command does not look where the user stands
        sys.path.insert(0, here)
    with user_code(where, name):
        try:
            build = getattr(importlib.import_module(module), function)
        except (ImportError, AttributeError, ValueError) as error:
            raise InputError(where, f"cannot be imported: {error}", value=name) from error
    if not callable(build):
        raise InputError(where, "is not a function that returns a network", value=name)

    def call(_options: Options) -> nn.Module:
        with user_code(where, name):
            made = build()
        if not isinstance(made, nn.Module):
            raise InputError(where, f"returns a {type(made).__name__}, not a torch.nn.Module", value=name)
        return made

    return ModelSpec(call)


def fold_classifier(weight: Tensor, positions: int, side: int = 7) -> Tensor:
    """First hidden layer's weights (out, C * side * side) for *positions* x *positions* inputs in place of side x side.

    torchvision's adaptive average pool, which makes *side* x *side* of whatever comes, is linear: the same layer on
    the map before it has the weights W P, P being the pool. (out, C * positions * positions) results.
    """
    pool = torch.eye(positions * positions, dtype=weight.dtype).view(-1, 1, positions, positions)
    spread = nn.functional.adaptive_avg_pool2d(pool, side).flatten(1)  # (positions^2, side^2)
    maps = weight.view(weight.shape[0], -1, side * side)
    return (maps @ spread.T).flatten(1)


def fold_hidden_norms(source: TracedModel, target: TracedModel) -> None:
    """Copy *source* to *target*, which has no batch norm behind its linear layers: those of *source* are folded in.

    In inference batch norm is an affine map per output, so weights times scale and a shifted bias are the same layer.
    """
    state, theirs = target.module.state_dict(), source.module.state_dict()
    for mine, other in zip(target.sites, source.sites, strict=True):
        if not mine.weights:
            continue
        weight, bias = theirs[f"{other.weights}.weight"], theirs[f"{other.weights}.bias"]
        if other.norm and mine.norm:
            for name in source.module.get_submodule(other.norm).state_dict():
                state[f"{mine.norm}.{name}"] = theirs[f"{other.norm}.{name}"]
        elif other.norm:
            mean, variance, gain, shift = (
                theirs[f"{other.norm}.{name}"] for name in ("running_mean", "running_var", "weight", "bias")
            )
            scale = gain / (variance + cast("nn.BatchNorm1d", source.norms[other.name]).eps).sqrt()
            weight, bias = weight * scale[:, None], (bias - mean) * scale + shift
        state[f"{mine.weights}.weight"], state[f"{mine.weights}.bias"] = weight, bias
    target.module.load_state_dict(state)


def load_state(model: nn.Module, state: dict[str, Tensor], where: str) -> None:
    """Load *state* strictly; a state of another network is an ``InputError`` that names the first difference."""
    own = model.state_dict()
    for name in sorted(own.keys() | state.keys()):
        if name not in own or name not in state:
            raise InputError(where, "holds the weights of another network: this one is not in both", key=name)
        if own[name].shape != state[name].shape:
            raise InputError(
                where,
                f"holds the weights of another network: expected {tuple(own[name].shape)}",
                key=name,
                value=tuple(state[name].shape),
            )
    model.load_state_dict(state)
