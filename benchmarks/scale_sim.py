"""SCALE-Sim 3.0.0 on the same layers: a 32x32 output-stationary array with three 156 KB memories.

It has no padding of its own, so its maps come padded. Its topology and layout files need a comma after the last field.
"""

from __future__ import annotations

from pathlib import Path

from benchmarks.drawn import conv_layers

__all__ = ["script", "write_inputs"]

_CONFIG = """\
[general]
run_name = vgg16
[architecture_presets]
ArrayHeight = 32
ArrayWidth = 32
IfmapSramSzkB = 156
FilterSramSzkB = 156
OfmapSramSzkB = 156
IfmapOffset = 0
FilterOffset = 10000000
OfmapOffset = 20000000
Dataflow = os
ReadRequestBuffer = 32
WriteRequestBuffer = 32
[layout]
IfmapCustomLayout = False
FilterCustomLayout = False
IfmapSRAMBankBandwidth = 10
IfmapSRAMBankNum = 10
IfmapSRAMBankPort = 2
FilterSRAMBankBandwidth = 10
FilterSRAMBankNum = 10
FilterSRAMBankPort = 2
[sparsity]
SparsitySupport = false
[run_presets]
InterfaceBandwidth = CALC
UseRamulatorTrace = False
"""

#: Without saving its traces: hundreds of megabytes of CSV would count against it.
_SCRIPT = """\
from scalesim.scale_sim import scalesim

simulation = scalesim(
    save_disk_space=True, verbose=False, config="scale.cfg", topology="topology.csv", layout="layout.csv"
)
simulation.run_scale(top_path="results")
"""


def write_inputs(folder: Path, size: int) -> None:
    """Write what SCALE-Sim reads for one image of *size* x *size* pixels."""
    network = conv_layers(size)
    topology = ["Layer, IFMAP Height, IFMAP Width, Filter Height, Filter Width, Channels, Num Filter, Strides,"]
    layout = ["Layer,"]
    for node in network.nodes:
        if node.kind == "conv":
            channels, height, width = network.node(node.inputs[0]).shape
            padded = (height + 2 * node.padding[0], width + 2 * node.padding[1])
            numbers = (*padded, *node.kernel, channels, node.shape[0], node.stride[0])
            topology.append(f"{node.name}, {', '.join(str(number) for number in numbers)},")
            layout.append(f"{node.name}, {', '.join('1' for _ in range(22))},")
    (folder / "scale.cfg").write_text(_CONFIG, encoding="utf-8")
    (folder / "topology.csv").write_text("\n".join(topology) + "\n", encoding="utf-8")
    (folder / "layout.csv").write_text("\n".join(layout) + "\n", encoding="utf-8")


def script(folder: Path) -> Path:
    """Write the script that runs SCALE-Sim and return its path."""
    path = folder / "run_scale_sim.py"
    path.write_text(_SCRIPT, encoding="utf-8")
    return path
