"""Draw a trace: seeded masks at given sparsities, so that published numbers can be replayed without training.

Drawn bits are independent: they hide load imbalance and correlation. Show their results beside recorded ones.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from math import prod
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from mimesim.errors import InputError
from mimesim.network import Network, Node
from mimesim.trace.reader import Trace
from mimesim.trace.table import SparsityTable, TaskSparsity
from mimesim.trace.writer import TraceWriter

__all__ = ["PoolDensity", "draw_trace"]

PoolDensity = Literal["table", "or"]

#: Whose activations a scheme borrows where the table has no rows of its own: pruned models were trained to nearly the
#: accuracy of the conventional ones, and the paper gives no sparsity for them.
_BORROWS = {"pruned": "conventional"}


def draw_trace(
    directory: str | Path,
    *,
    network: Network,
    scheme: str,
    table: SparsityTable | None = None,
    tasks: Sequence[str] | None = None,
    images: int = 1,
    seed: int = 0,
    pool_density: PoolDensity = "table",
    density_weights: float = 0.1,
    parent: str | None = None,
    overwrite: bool = False,
) -> Trace:
    """Write a trace of *images* drawn masks per task into *directory* and return it.

    ::

        draw_trace("out/mime", network=build("vgg16", 64), scheme="mime", images=3)

    *table* is the paper's unless given, *tasks* all that it lists for *scheme*. Every bit is set with probability
    1 - sparsity. A layer that the table lacks takes the sparsity of the nearest listed one (of two equally near ones
    the earlier), an addition and, with *pool_density* ``table``, a pool that of the layer with weights before it: what
    the next layer reads then has the table's density, but is drawn apart from the pool's own input (were a pooled bit
    the OR of its window, it could not have the same density). With ``or``, a pooled bit is the OR of its window.

    A bit depends on seed, scheme, task, tensor, image and position alone: more images or other tasks change none, and
    a lower sparsity only adds set bits. In a ``pruned`` trace each layer of each task keeps exactly
    round(*density_weights* x words) weights, chosen by the seed.

    Raises :class:`InputError` for an unknown scheme or task, a number out of range or a directory that is in use.
    """
    table = SparsityTable.shipped() if table is None else table
    where = "drawing a trace"
    if images < 1:
        raise InputError(where, "must be at least 1", key="images", value=images)
    if seed < 0:
        raise InputError(where, "must not be negative", key="seed", value=seed)
    if pool_density not in ("table", "or"):
        raise InputError(where, "must be 'table' or 'or'", key="pool_density", value=pool_density)
    if not 0 <= density_weights <= 1:
        raise InputError(where, "must be from 0 to 1", key="density_weights", value=density_weights)
    source = scheme if scheme in table.schemes else _BORROWS.get(scheme, scheme)
    rows = {task: table.row(source, task) for task in (table.tasks(source) if tasks is None else tasks)}
    if not rows:
        raise InputError(where, "names no task", key="tasks")
    settings: dict[str, object] = {
        "bits": "independent, set with probability 1 - sparsity",
        "table": {"source": table.source, "sha256": table.sha256, "scheme": source},
        "missing_layers": "nearest listed layer, of two equally near ones the earlier",
        "pool_density": pool_density,
        "sparsity": {task: _sparsities(network, row, pool_density) for task, row in rows.items()},
        "table_test_accuracy": {task: row.test_accuracy for task, row in rows.items()},
    }
    if scheme == "pruned":
        settings["density_weights"] = density_weights
    with TraceWriter(
        directory,
        network=network,
        scheme=scheme,
        origin="drawn",
        parent=parent,
        seed=seed,
        settings=settings,
        overwrite=overwrite,
    ) as writer:
        for task, row in rows.items():
            weights = None
            if scheme == "pruned":
                weights = _DrawnWeights(network, (seed, scheme, task), density_weights)
            writer.add_task(
                task,
                dataset=task,
                classes=row.classes if row.classes is not None else network.nodes[-1].shape[0],
                masks=_DrawnMasks(network, (seed, scheme, task), row, images, pool_density),
                image_ids=range(images),
                labels=(),
                weight_masks=weights,
            )
    return Trace.load(directory, verify=False)


class _DrawnMasks(Mapping[str, NDArray[np.bool_]]):
    """The masks of one task by tensor, drawn when asked for: bool (images, C, H, W)."""

    def __init__(
        self, network: Network, key: tuple[int, str, str], row: TaskSparsity, images: int, pool_density: PoolDensity
    ) -> None:
        self._network, self._key, self._row, self._images, self._pool_density = network, key, row, images, pool_density

    def __getitem__(self, tensor: str) -> NDArray[np.bool_]:
        node = self._network.node(tensor)
        if node.is_pool and self._pool_density == "or":
            return _pool(self[node.inputs[0]], node)
        density = 1 - self._row.at(self._network, tensor)
        drawn = [_bernoulli((*self._key, tensor, image), prod(node.shape), density) for image in range(self._images)]
        return np.stack(drawn).reshape(self._images, *node.shape)

    def __iter__(self) -> Iterator[str]:
        return iter(self._network.recorded)

    def __len__(self) -> int:
        return len(self._network.recorded)


class _DrawnWeights(Mapping[str, NDArray[np.bool_]]):
    """The weight masks of one task by layer, drawn when asked for, each with exactly the same share of set bits."""

    def __init__(self, network: Network, key: tuple[int, str, str], density: float) -> None:
        self._network, self._key, self._density = network, key, density

    def __getitem__(self, layer: str) -> NDArray[np.bool_]:
        shape = self._network.weight_shape(layer)
        return _choose((*self._key, "weights", layer), prod(shape), self._density).reshape(shape)

    def __iter__(self) -> Iterator[str]:
        return (node.name for node in self._network.weight_layers)

    def __len__(self) -> int:
        return len(self._network.weight_layers)


def _sparsities(network: Network, row: TaskSparsity, pool_density: PoolDensity) -> dict[str, float]:
    """Return the sparsity at which each tensor is drawn; pooled ones are left out where they follow from others."""
    names = (name for name in network.recorded if pool_density == "table" or not network.node(name).is_pool)
    return {name: row.at(network, name) for name in names}


def _stream(key: tuple[int | str, ...]) -> np.random.PCG64:
    """Return the bit generator of *key*: JSON keeps its parts apart, sha256 does not depend on the process."""
    digest = hashlib.sha256(json.dumps(key).encode()).digest()
    return np.random.PCG64(np.random.SeedSequence(int.from_bytes(digest, "little")))


def _bernoulli(key: tuple[int | str, ...], count: int, density: float) -> NDArray[np.bool_]:
    """Return *count* bits, each set with probability *density* (to within 2**-33).

    Raw 32-bit draws are compared with a threshold: NumPy promises a bit generator's stream, but not a Generator's.
    """
    raw = _stream(key).random_raw(-(-count // 2))
    draws: NDArray[np.uint32] = raw.astype("<u8").view("<u4")[:count]
    return draws < np.uint64(round(density * 2**32))


def _choose(key: tuple[int | str, ...], count: int, density: float) -> NDArray[np.bool_]:
    """Return *count* bits of which exactly round(*density* x *count*) are set: those of the lowest draws."""
    wanted = round(density * count)
    if wanted == 0:
        return np.zeros(count, dtype=np.bool_)
    draws = _stream(key).random_raw(count)
    limit = np.partition(draws, wanted - 1)[wanted - 1]
    chosen: NDArray[np.bool_] = draws <= limit
    # Equal 64-bit draws at the limit are all but impossible, yet the count is promised to be exact.
    for position in np.flatnonzero(draws == limit)[::-1][: int(chosen.sum()) - wanted]:
        chosen[position] = False
    return chosen


def _pool(masks: NDArray[np.bool_], node: Node) -> NDArray[np.bool_]:
    """Return the OR of *masks* (images, C, H, W) over *node*'s windows; what lies outside is zero."""
    pads = [(0, 0), (0, 0)]
    for axis in (0, 1):
        reach = (node.shape[axis + 1] - 1) * node.stride[axis] + node.kernel[axis] - node.padding[axis]
        pads.append((node.padding[axis], max(0, reach - masks.shape[axis + 2])))
    windows = sliding_window_view(np.pad(masks, pads), node.kernel, axis=(2, 3))
    pooled: NDArray[np.bool_] = np.any(windows[:, :, :: node.stride[0], :: node.stride[1]], axis=(-2, -1))
    return pooled[:, :, : node.shape[1], : node.shape[2]]
