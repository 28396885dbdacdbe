"""Made-up outcomes of trainings: what report, tables and plots are tested on, without training anything."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from mimesim.network import Network, Node
from mimesim.networks import build
from mimesim.training.config import TrainingConfig
from mimesim.training.report.outcome import Outcome

RATES = [0.001, 0.01, 0.05]
METHODS: list[dict[str, Any]] = [
    {"scheme": "mime", "rates": RATES},
    {"scheme": "conventional", "rates": RATES},
    {"scheme": "pruned", "rates": RATES},
    {"scheme": "head", "rates": RATES},
    {"scheme": "batch_norm", "rates": RATES},
    {"scheme": "mime", "name": "mime-channel", "threshold_granularity": "channel", "rates": RATES},
    {"scheme": "mime", "name": "mime-batch_norm", "batch_norm": "trained", "rates": RATES},
]
#: By method, what the tasks score; of the order of a small training.
ACCURACY = {
    "mime": (0.76, 0.48, 0.87), "conventional": (0.84, 0.495, 0.88), "pruned": (0.79, 0.44, 0.87),
    "head": (0.61, 0.38, 0.80), "batch_norm": (0.80, 0.47, 0.88), "mime-channel": (0.765, 0.47, 0.86),
    "mime-batch_norm": (0.82, 0.49, 0.885),
}  # fmt: skip
CLASSES = {"cifar10": 10, "cifar100": 100, "fashion_mnist": 10}


def configuration(**changes: Any) -> TrainingConfig:
    """The comparison in full, with *changes* of the child's keys, and of others by ``name__key``."""
    settings: dict[str, Any] = {
        "name": "made-up",
        "note": "numbers made up for a test",
        "parent": {"schedule": {"batch": 128, "phases": [{"size_px": 32, "epochs": 8}, {"size_px": 64, "epochs": 2}]}},
        "child": {"tasks": list(CLASSES), "trials": {"share": 0.5}, "methods": METHODS,
                  "phases": [{"size_px": 64, "epochs": 2}], "train_images": 5000} | changes,
        "record": {"directory": Path("traces/made-up"), "images": {}},
    }  # fmt: skip
    return TrainingConfig.model_validate(settings)


def curve(steps: int, classes: int, accuracy: float, sizes: tuple[int, ...] = (64,)) -> list[dict[str, float]]:
    rows = []
    for step in range(20, steps + 1, 20):
        done = step / steps
        right = accuracy * (1 - math.exp(-4 * done)) + 0.01 * math.sin(step)
        loss = math.log(classes) * (1 - 0.8 * right)
        size = sizes[min(len(sizes) - 1, int(len(sizes) * done))]
        rows.append({"step": step, "size_px": size, "loss": loss, "train_accuracy": right, "rate": 0.01 * (1 - done)})
    return rows


def metrics(stage: str, network: Network, accuracy: float, classes: int, base: float, **extra: Any) -> dict[str, Any]:
    sparsity = {node.name: 0.0 for node in network.nodes}
    for place, name in enumerate(network.recorded):
        sparsity[name] = base + 0.06 * math.sin(place) - (0.2 if network.node(name).is_pool else 0)
    images = extra.pop("images", 2000)
    interval = 1.96 * math.sqrt(max(accuracy * (1 - accuracy), 1e-12) / images)
    made = {"stage": stage, "accuracy": accuracy, "interval": interval, "images": images, "sparsity": sparsity,
            "train_images": 5000, "rate": 0.01, "curve": curve(200, classes, accuracy)}  # fmt: skip
    return made | extra


def outcome(
    config: TrainingConfig | None = None, network: Network | None = None, accuracy: dict[str, Any] | None = None,
    normed: frozenset[str] | None = None, images: int = 2000, **changes: Any,
) -> Outcome:  # fmt: skip
    """What training *config* might have yielded; *accuracy* changes what methods score, by name."""
    config = config or configuration(**changes)
    network = network or build("vgg16", 64, 100)
    scores = ACCURACY | (accuracy or {})
    children, trials = {}, {}
    for number, task in enumerate(config.child.names):
        for place, method in enumerate(config.child.methods):
            score, base = scores[method.name][number], 0.5 + 0.015 * place
            stage = f"{task}-{method.name}"
            made = metrics(stage, network, score, CLASSES[task], base, images=images)
            rates = method.rates if len(method.rates) > 1 else ()
            trials[task, method.name] = [
                metrics(f"trials/{stage}-{rate:g}", network, score - 0.02 * abs(1 - order), CLASSES[task], base,
                        rate=rate, images=500)
                for order, rate in enumerate(rates)
            ]  # fmt: skip
            children[task, method.name] = made
    parent = metrics("parent", network, 0.42, 100, 0.5, train_images=40000, curve=curve(3000, 100, 0.4, (32, 64)))
    convs = frozenset(node.name for node in network.nodes if node.kind == "conv")
    return Outcome(config, network, convs if normed is None else normed, CLASSES, parent, children, trials)


def tower(layers: int) -> Network:
    """A network of *layers* convolutions with names as long as MobileNetV2's, some of them without activation."""
    nodes = [Node(name="image", kind="input", shape=(3, 16, 16))]
    for number in range(layers):
        nodes.append(
            Node(name=f"features.{number}.conv.0.0", kind="conv", inputs=(nodes[-1].name,), shape=(8, 16, 16),
                 kernel=(3, 3), padding=(1, 1), activation=number % 3 != 2)
        )  # fmt: skip
    nodes.append(Node(name="avgpool", kind="avg_pool", inputs=(nodes[-1].name,), shape=(8, 1, 1), kernel=(16, 16)))
    nodes.append(Node(name="classifier.1", kind="linear", inputs=("avgpool",), shape=(100, 1, 1)))
    return Network(name="mobilenet_v2", nodes=tuple(nodes))
