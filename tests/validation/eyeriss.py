"""AlexNet on a machine of Eyeriss's size (Chen, Emer and Sze, ISCA 2016, Fig. 10), beside its energies.

256 PEs, 128 KiB of buffer, 512 bytes of scratchpad, batch 16; a word from DRAM, buffer and scratchpad costs 200, 6 and
1 MAC. The published numbers are those that nn_dataflow's regression test checks its own reproduction of the figure
against, in units of 10^9 MACs. The layers are as Eyeriss lists them: inputs with their padding, which counts as data
there, and no pools.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mimesim.config.energy import Prices
from mimesim.config.hardware import Hardware
from mimesim.config.schedule import Schedule
from mimesim.conservation import violations
from mimesim.energy import CaseEnergy, PriceList
from mimesim.machine import replay
from mimesim.network import Network, Node
from mimesim.schedule.costs import CostBook
from mimesim.schedule.images import Image
from mimesim.schedule.program import plan_case
from mimesim.schemes import Conventional

__all__ = ["LAYERS", "SCHEDULES", "Layer", "Measured", "best", "measure"]

BATCH = 16
HARDWARE = Hardware.model_validate(
    {
        "name": "eyeriss-isca16",
        "grid": {"positions": [4, 4], "channels": 16},
        "scratchpad": {"bytes": 512},
        "caches": {"organisation": "unified", "unified_kib": 128.0},
    }
)
PRICES = Prices.model_validate({"unit": "mac", "dram": 200, "cache": 6, "reg": 1, "mac": 1})

#: Loop orders under which each layer is tried; the figure's mapping is the best of a search, too.
SCHEDULES = {
    f"{batch} {order} {tiles}": Schedule(batch_order=batch, tile_order=order, position_tiles_per_pe=tiles)
    for batch in ("layer_major", "image_major")
    for order in ("channel_outer", "position_outer")
    for tiles in (1, 2, 16)
}


class Layer(NamedTuple):
    """A layer and its published energies: ALU, DRAM, scratchpads."""

    name: str
    channels: int
    size: int
    outputs: int
    kernel: int
    stride: int
    groups: int
    alu: float
    dram: float
    reg: float


LAYERS = (
    Layer("conv1", 3, 227, 96, 11, 4, 1, 1.69, 2.46, 6.75),
    Layer("conv2", 96, 31, 256, 5, 1, 2, 3.58, 2.27, 14.33),
    Layer("conv3", 256, 15, 384, 3, 1, 1, 2.39, 2.02, 9.57),
    Layer("conv4", 384, 15, 384, 3, 1, 2, 1.79, 1.57, 7.18),
    Layer("conv5", 384, 15, 256, 3, 1, 2, 1.20, 1.05, 4.78),
    Layer("fc1", 256, 6, 4096, 6, 1, 1, 0.60, 7.78, 2.42),
    Layer("fc2", 4096, 1, 4096, 1, 1, 1, 0.27, 3.39, 1.07),
    Layer("fc3", 4096, 1, 1000, 1, 1, 1, 0.07, 0.84, 0.26),
)


class Measured(NamedTuple):
    """What a layer takes here, in units of 10^9 MACs; *least_dram* if every word moved once, as at best."""

    layer: str
    schedule: str
    alu: float
    dram: float
    cache: float
    reg: float
    least_dram: float


class _NoMasks:
    """A dense network asks for none."""

    def mask(self, task: str, image_index: int, tensor: str) -> NDArray[np.bool_]:
        raise AssertionError("a dense replay reads no mask")

    def units(self, task: str) -> None:
        return None

    def weight_mask(self, task: str, layer: str) -> NDArray[np.bool_] | None:
        return None


def measure(layer: Layer, schedule: str) -> Measured:
    """Replay *layer* for a batch under the schedule of that name."""
    side = (layer.size - layer.kernel) // layer.stride + 1
    image = Node(name="image", kind="input", shape=(layer.channels, layer.size, layer.size))
    node = Node(
        name=layer.name,
        kind="conv",
        inputs=("image",),
        shape=(layer.outputs, side, side),
        kernel=(layer.kernel, layer.kernel),
        stride=(layer.stride, layer.stride),
        groups=layer.groups,
    )
    network = Network(name="alexnet", nodes=(image, node))
    batch = [Image(index, "imagenet", index, _NoMasks()) for index in range(BATCH)]
    plan = plan_case(
        network, Conventional(), "none", HARDWARE, SCHEDULES[schedule], [batch], ["imagenet"], CostBook()
    )  # fmt: skip
    ledger = replay(plan)
    broken = violations(plan, ledger)
    assert not broken, broken
    levels = CaseEnergy(ledger, PriceList(PRICES, "paper", HARDWARE)).by_level()
    words = network.weight_words(node) + BATCH * (layer.channels * layer.size**2 + layer.outputs * side**2)
    return Measured(
        layer.name,
        schedule,
        levels["mac"] / 1e9,
        levels["dram"] / 1e9,
        levels["cache"] / 1e9,
        levels["reg"] / 1e9,
        words * PRICES.dram / 1e9,
    )


def best(layer: Layer) -> Measured:
    """Return what *layer* takes under the schedule that moves the least to and from DRAM."""
    return min((measure(layer, schedule) for schedule in SCHEDULES), key=lambda measured: measured.dram)
