"""From runs to the value of a claim."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from statistics import fmean

from mimesim.errors import InputError
from mimesim.network import Network
from mimesim.paper.claims import EVEN_LAYERS, TABLE_LAYERS, Claim, Masks
from mimesim.paper.lab import Lab
from mimesim.paper.runs import RunResult, RunSpec, Variant
from mimesim.schemes import Conventional, Mime
from mimesim.trace import Trace, describe

__all__ = ["PARENT_CLASSES", "compare", "specs", "storage_ratio", "sums", "value"]

#: Classes of the parent's head: the paper's parent task is ImageNet.
PARENT_CLASSES = 1000
_PARENT = "parent"


def specs(lab: Lab, claim: Claim, masks: Masks, variant: Variant | None = None, last_layer: str = "") -> list[RunSpec]:
    """Return the runs that *claim* compares, numerator first, with *variant* laid over each."""
    extra = () if variant is None else (variant,)
    return [lab.spec(name, masks, *extra, last_layer=last_layer) for name in claim.runs]


def value(lab: Lab, claim: Claim, masks: Masks, variant: Variant | None = None, last_layer: str = "") -> float | None:
    """Return what a replay has to say to *claim*, None where the trace does not tell (accuracies of drawn masks)."""
    if claim.measure == "storage":
        return storage_ratio(lab.network, claim.layer, _classes(lab)[: claim.children])
    if claim.measure == "thresholds_per_weight":
        node = lab.network.node(claim.layer)
        words = Mime().thresholds_words(node, Mime().parameters(node, lab.tasks[0]))
        return words * len(lab.tasks) / lab.network.weight_words(node)
    if claim.measure in ("sparsity", "sparser_layers"):
        own = _sparsity(lab, masks, claim.scheme, claim.task)
        if claim.measure == "sparsity":
            return own[claim.layer]
        other = _sparsity(lab, masks, "conventional", claim.task)
        return float(sum(own[layer] > other[layer] for layer in TABLE_LAYERS))
    if claim.measure in ("accuracy", "accuracy_loss"):
        own_accuracy = lab.opened(masks, claim.scheme).entry(claim.task).test_accuracy
        baseline = lab.opened(masks, "conventional").entry(claim.task).test_accuracy
        if own_accuracy is None or baseline is None:
            return None
        return 100 * (own_accuracy if claim.measure == "accuracy" else baseline - own_accuracy)
    over, under = (lab.result(spec) for spec in specs(lab, claim, masks, variant, last_layer))
    return compare(claim, over, under, lab, variant)


def compare(claim: Claim, over: RunResult, under: RunResult, lab: Lab, variant: Variant | None = None) -> float:
    """Return the value of a claim that compares two runs."""
    variant = variant or Variant("")
    prices = lab.prices(variant.accounting, variant.prices)

    def energy(result: RunResult, layer: str) -> dict[str, float]:
        return result.layers[layer].energy(prices, multiplied_padding=variant.multiplied_padding)

    def ratio(layer: str, level: str) -> float:
        return energy(over, layer)[level] / energy(under, layer)[level]

    if claim.measure == "later_saving":
        half = len(EVEN_LAYERS) // 2
        early, late = (
            fmean(ratio(name, claim.level) for name in part) for part in (EVEN_LAYERS[:half], EVEN_LAYERS[half:])
        )
        return late / early
    layer = claim.layer
    if claim.measure == "cycles":
        return over.layers[layer].cycles / under.layers[layer].cycles
    if claim.measure == "energy":
        return ratio(layer, "total")
    if claim.measure == "energy_dram":
        return ratio(layer, "dram")
    high, low = energy(over, layer), energy(under, layer)
    rise = {level: high[level] - low[level] for level in high}
    part, whole = {"dram_share_of_rise": ("dram", "total"), "cache_rise_per_dram_rise": ("cache", "dram")}[
        claim.measure
    ]
    return rise[part] / rise[whole] if rise[whole] else 0.0


def sums(lab: Lab, result: RunResult, variant: Variant | None = None) -> tuple[float, int]:
    """Return (energy, cycles) of all convolutions of a run together: what a figure's bars would add up to."""
    variant = variant or Variant("")
    prices = lab.prices(variant.accounting, variant.prices)
    layers = [layer for name, layer in result.layers.items() if lab.network.node(name).kind == "conv"]
    return sum(layer.energy(prices)["total"] for layer in layers), sum(layer.cycles for layer in layers)


def storage_ratio(network: Network, scope: str, classes: Sequence[int]) -> float:
    """Return words stored by the conventional system over MIME's, for the parent and one child task per entry.

    *scope* is one of the paper's possible ways of counting (:mod:`mimesim.paper.claims`), *classes* those of the child
    tasks. The parent keeps a plain ReLU in both systems; folded batch norm counts as the weights that it belongs to.
    """
    if scope not in ("conv layers", "conv layers and head", "whole network"):
        raise InputError("storage", "is no way of counting", value=scope)
    conventional, mime = Conventional(), Mime()
    layers = [node for node in network.weight_layers if node.activation]
    if scope != "whole network":
        layers = [node for node in layers if node.kind == "conv"]
    weights = sum(conventional.weights_words(network, node) for node in layers)
    thresholds = sum(mime.thresholds_words(node, mime.parameters(node, _PARENT)) for node in layers)
    heads = 0
    if scope != "conv layers":
        heads = (_head_inputs(network, scope) + 1) * (PARENT_CLASSES + sum(classes))
    children = len(classes)
    return ((children + 1) * weights + heads) / (weights + children * thresholds + heads)


def _head_inputs(network: Network, scope: str) -> int:
    """Return what a head reads: the last hidden layer, or without those the tensor that the first of them reads."""
    linear = [node for node in network.weight_layers if node.kind == "linear"]
    first = linear[-1] if scope == "whole network" else linear[0]
    channels, height, width = network.input_shape(first)
    return channels * height * width


def _classes(lab: Lab) -> list[int]:
    return [lab.recorded["mime"].entry(task).classes for task in lab.tasks]


def _sparsity(lab: Lab, masks: Masks, scheme: str, task: str) -> dict[str, float]:
    """Return the mean share of zeros by tensor."""
    return _summary(lab.opened(masks, scheme).directory)[task]


@lru_cache(maxsize=8)
def _summary(directory: Path) -> dict[str, dict[str, float]]:
    return {
        task.task: {layer.tensor: layer.sparsity for layer in task.layers}
        for task in describe(Trace.load(directory, verify=False)).tasks
    }
