"""Workloads to measure with: VGG16 on masks drawn at the paper's sparsities, of any size, the same on every machine."""

from __future__ import annotations

from pathlib import Path

from mimesim.network import Network
from mimesim.networks import build
from mimesim.trace import draw_trace

__all__ = ["CASES", "conv_layers", "draw_workload"]

CASES = ("case-1", "case-2", "case-3")
_TASKS = ("cifar10", "cifar100", "fashion_mnist")
_LINES = {
    "case-1": "{name: case-1, scheme: conventional, trace: conventional, skipping: none}",
    "case-2": "{name: case-2, scheme: conventional, trace: conventional}",
    "case-3": "{name: case-3, scheme: mime, trace: mime}",
}


def conv_layers(size: int) -> Network:
    """Return the thirteen convolutions of VGG16 with their pools, without the linear layers behind them."""
    whole = build("vgg16", size)
    return Network(name="vgg16-conv", nodes=tuple(node for node in whole.nodes if node.kind != "linear"))


def draw_workload(folder: Path, network: Network, cases: tuple[str, ...] = CASES, batch_images: int = 3) -> Path:
    """Draw three images of each task for *network* into *folder* and return a workload that replays them."""
    schemes = sorted({"mime" if case == "case-3" else "conventional" for case in cases})
    for scheme in schemes:
        draw_trace(folder / scheme, network=network, scheme=scheme, images=3, overwrite=True)
    lines = [
        f"name: {network.name}",
        f"tasks: [{', '.join(_TASKS)}]",
        f"batch_images: {batch_images}",
        f"traces: {{{', '.join(f'{scheme}: {scheme}' for scheme in schemes)}}}",
        "cases:",
        *(f"  - {_LINES[case]}" for case in cases),
        "hardware: mime65",
    ]
    path = folder / "workload.yaml"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path
