"""VGG with batch norm, its modules named after the nodes of the simulated network.

Every node of the network (``conv1`` ... ``pool5``, ``conv14``, ``conv15``, ``classifier``) is one entry of
``Vgg.nodes``, and the output of that module is what the node writes: after batch norm and activation for a layer with
weights. Recording therefore needs nothing but the names.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from mimesim.errors import InputError

__all__ = ["VGG16", "Layer", "Vgg", "VggShape", "load_state", "weight_layers"]


@dataclass(frozen=True)
class VggShape:
    """Widths of a VGG: output channels of each 3x3 convolution ("M" is a 2x2 max-pool), then the hidden layers.

    *positions* is the side of the map that the first hidden layer reads: 2 x 2 at 64 px, where the pooling is the
    identity; at other sizes an adaptive average pool makes it so.
    """

    features: tuple[int | str, ...]
    hidden: tuple[int, ...]
    positions: int = 2
    channels: int = 3


VGG16 = VggShape(
    features=(64, 64, "M", 128, 128, "M", 256, 256, 256, "M", 512, 512, 512, "M", 512, 512, 512, "M"),
    hidden=(4096, 4096),
)


class Layer(nn.Module):
    """A layer with weights, then batch norm (convolutions only), then the activation: one node of the network."""

    def __init__(self, weights: nn.Conv2d | nn.Linear, norm: nn.Module, activation: nn.Module) -> None:
        """Join the three parts; *norm* is ``nn.Identity`` where there is none."""
        super().__init__()
        self.weights = weights
        self.norm = norm
        self.activation = activation

    def forward(self, x: Tensor) -> Tensor:
        """(images, C, H, W) or (images, features) in, the same kind out."""
        result: Tensor = self.activation(self.norm(self.weights(x)))
        return result


class Vgg(nn.Module):
    """A VGG of any width; *classes* sizes the head, which is replaced per task by :meth:`set_head`.

    Dropout acts on the hidden layers' outputs and only while training.
    """

    def __init__(self, shape: VggShape, classes: int, dropout: float = 0.0) -> None:
        """Draw fresh weights from torch's global generator."""
        super().__init__()
        self.shape = shape
        self.nodes = nn.ModuleDict()
        width, number, pools = shape.channels, 0, 0
        for entry in shape.features:
            if isinstance(entry, str):
                pools += 1
                self.nodes[f"pool{pools}"] = nn.MaxPool2d(2)
                continue
            number += 1
            # batch norm has its own bias, so the convolution needs none
            conv = nn.Conv2d(width, entry, 3, padding=1, bias=False)
            self.nodes[f"conv{number}"] = Layer(conv, nn.BatchNorm2d(entry), nn.ReLU())
            width = entry
        self.squeeze = nn.AdaptiveAvgPool2d(shape.positions)
        width *= shape.positions**2
        self.hidden_names: tuple[str, ...] = ()
        for entry in shape.hidden:
            number += 1
            self.nodes[f"conv{number}"] = Layer(nn.Linear(width, entry), nn.Identity(), nn.ReLU())
            self.hidden_names += (f"conv{number}",)
            width = entry
        self.dropout = nn.Dropout(dropout)
        self.nodes["classifier"] = nn.Linear(width, classes)
        for layer in weight_layers(self).values():
            # He's initialisation: the hidden layers have no batch norm to correct their scale
            nn.init.kaiming_normal_(layer.weight, mode="fan_in", nonlinearity="relu")
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
        nn.init.normal_(weight_layers(self)["classifier"].weight, std=0.01)

    def forward(self, x: Tensor) -> Tensor:
        """Images (N, C, H, W), normalised, to logits (N, classes)."""
        flat = False
        for name, node in self.nodes.items():
            if not flat and (name == "classifier" or name in self.hidden_names):
                x, flat = self.squeeze(x).flatten(1), True
            x = node(x)
            if name in self.hidden_names:
                x = self.dropout(x)
        return x

    def set_head(self, classes: int, generator: torch.Generator) -> None:
        """A fresh head for a task with *classes* classes: weights normal(0, 0.01), bias 0."""
        old = weight_layers(self)["classifier"]
        head = nn.Linear(old.weight.shape[1], classes)
        with torch.no_grad():
            head.weight.normal_(0.0, 0.01, generator=generator)
            head.bias.zero_()
        self.nodes["classifier"] = head.to(old.weight.device)

    def set_activations(self, make: Callable[[str, tuple[int, ...]], nn.Module], size: int) -> None:
        """Replace the activation of each node that has one by ``make(node, shape of one image's output)``."""
        for name, shape in self.output_shapes(size).items():
            layer = self.nodes[name]
            if isinstance(layer, Layer):
                layer.activation = make(name, shape)

    def output_shapes(self, size: int) -> dict[str, tuple[int, ...]]:
        """Shape of one image's output at every node, for square images of *size* pixels."""
        shapes: dict[str, tuple[int, ...]] = {}
        layers, side, width = weight_layers(self), size, self.shape.channels
        for name, node in self.nodes.items():
            if isinstance(node, nn.MaxPool2d):
                side //= 2
            else:
                layer = layers[name]
                width = layer.weight.shape[0]
                if isinstance(layer, nn.Linear):
                    shapes[name] = (width,)
                    continue
            shapes[name] = (width, side, side)
        return shapes


def weight_layers(model: Vgg) -> dict[str, nn.Conv2d | nn.Linear]:
    """The modules with weights, by node, head included."""
    layers: dict[str, nn.Conv2d | nn.Linear] = {}
    for name, node in model.nodes.items():
        weights = node.weights if isinstance(node, Layer) else node
        if isinstance(weights, nn.Conv2d | nn.Linear):
            layers[name] = weights
    return layers


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
