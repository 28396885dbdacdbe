"""What a network computes, in whole numbers: the reference for the values and masks that the hardware sends out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mimesim.network import Network, Node
from mimesim.schemes import Scheme

__all__ = ["WORD_BITS", "Layer", "Numbers", "Thresholds", "at_density", "unfold"]

WORD_BITS = 16
LOWEST, HIGHEST = -(2 ** (WORD_BITS - 1)), 2 ** (WORD_BITS - 1) - 1

Array = NDArray[np.int64]
#: From (generator, node, the words before comparison of each image) to thresholds that broadcast to one image.
Thresholds = Callable[[np.random.Generator, Node, list[Array]], Array]


@dataclass(frozen=True)
class Layer:
    """The parameters of one owner: *weights* (Co, Ci, kh, kw), *norm* (Co), *shift* from a sum to a word, in bits."""

    weights: Array
    norm: Array
    shift: int


def at_density(density: float, spread: int = 20) -> Thresholds:
    """Return thresholds, one a neuron, that about this share of the words reaches."""

    def drawn(generator: np.random.Generator, node: Node, words: list[Array]) -> Array:
        middle = int(np.quantile(np.concatenate([word.ravel() for word in words]), 1 - density))
        return np.clip(middle + generator.integers(-spread, spread + 1, node.shape), LOWEST, HIGHEST)

    return drawn


def unfold(values: Array, node: Node) -> Array:
    """Return what each output position reads: (Ci, taps, Ho, Wo), zero outside the tensor."""
    (_, height, width), (_, rows, columns) = values.shape, node.shape
    kernel = (height, width) if node.kind == "linear" else node.kernel
    unfolded = np.zeros((values.shape[0], kernel[0] * kernel[1], rows, columns), dtype=values.dtype)
    for y, x in np.ndindex(rows, columns):
        for tap, (i, j) in enumerate(np.ndindex(*kernel)):
            row, column = y * node.stride[0] - node.padding[0] + i, x * node.stride[1] - node.padding[1] + j
            if 0 <= row < height and 0 <= column < width:
                unfolded[:, tap, y, x] = values[:, row, column]
    return unfolded


class Numbers:
    """Parameters and activations of *tasks*, drawn from *seed*; answers for masks as a trace does.

    *values* holds every tensor by (task, image number, name). A tensor behind an activation is zero where its word
    does not reach the threshold; without thresholds of the scheme's own, the threshold is zero, as a ReLU's is.
    """

    def __init__(
        self, network: Network, scheme: Scheme, tasks: Sequence[str], images: int, thresholds: Thresholds, seed: int
    ) -> None:
        self.network, self.scheme, self.tasks, self.images = network, scheme, tasks, images
        self._generator = np.random.default_rng(seed)
        self.layers: dict[tuple[str, str], Layer] = {}
        self.thresholds: dict[tuple[str, str], Array] = {}
        self.values: dict[tuple[str, int, str], Array] = {}
        for node in network.nodes:
            for task in tasks:
                self._compute(node, task, thresholds)

    def layer(self, node: Node, owner: str) -> Layer:
        """Return one owner's parameters of a layer, drawn when they are first asked for."""
        if (owner, node.name) not in self.layers:
            inputs = self.network.node(node.inputs[0]).shape
            kernel = inputs[1:] if node.kind == "linear" else node.kernel
            weights = self._generator.integers(-99, 100, (node.shape[0], inputs[0], *kernel))
            norm = self._generator.integers(-999, 1000, node.shape[0])
            self.layers[owner, node.name] = Layer(weights, norm, shift=5)
        return self.layers[owner, node.name]

    def _compute(self, node: Node, task: str, thresholds: Thresholds) -> None:
        everyone = range(self.images)
        if node.kind == "input":
            for number in everyone:
                self.values[task, number, node.name] = self._generator.integers(-99, 100, node.shape)
            return
        sources = [self.values[task, number, node.inputs[0]] for number in everyone]
        if node.is_pool:
            words = [_pooled(source, node) for source in sources]
        else:
            parameters = self.scheme.parameters(node, task)
            layer = self.layer(node, parameters.weights_owner)
            words = [_words(source, node, layer) for source in sources]
            if node.activation:
                threshold = np.zeros((1, 1, 1), dtype=np.int64)
                if parameters.thresholds is not None:
                    threshold = thresholds(self._generator, node, words)
                    if parameters.thresholds == "channel":
                        threshold = threshold[:, :1, :1]
                    self.thresholds[task, node.name] = threshold
                words = [np.where(word >= threshold, word, 0) for word in words]
        for number in everyone:
            self.values[task, number, node.name] = words[number]

    def mask(self, task: str, image_index: int, tensor: str) -> NDArray[np.bool_]:
        """Return which elements of a sparse tensor are not zero; of a dense one, all count."""
        values = self.values[task, image_index, tensor]
        return values != 0 if self.network.is_sparse(tensor) else np.ones(values.shape, dtype=np.bool_)

    def units(self, task: str) -> None:
        """Every network here is of one piece."""

    def weight_mask(self, task: str, layer: str) -> NDArray[np.bool_] | None:
        """No network here is pruned."""
        return None


def _words(source: Array, node: Node, layer: Layer) -> Array:
    pairs = unfold(source, node)
    weights = layer.weights.reshape(*layer.weights.shape[:2], -1)
    sums = np.einsum("oct,ctyx->oyx", weights, pairs) + layer.norm[:, None, None]
    return np.clip(sums >> layer.shift, LOWEST, HIGHEST)


def _pooled(source: Array, node: Node) -> Array:
    (channels, rows, columns), side = node.shape, node.kernel[0]
    windows = source[:, : rows * side, : columns * side].reshape(channels, rows, side, columns, side)
    return np.asarray(windows.max(axis=(2, 4)))
