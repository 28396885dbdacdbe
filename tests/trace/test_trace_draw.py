from __future__ import annotations

import hashlib
from math import sqrt
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mimesim.errors import InputError
from mimesim.network import Network
from mimesim.networks import build
from mimesim.trace import SparsityTable, Trace, draw_trace
from mimesim.trace.draw import _bernoulli, _choose, _pool

GOLDEN_BITS = [1, 0, 1, 0, 0, 0, 0, 1, 0, 1, 1, 0, 1, 1, 1, 1]
GOLDEN_SHA256 = "60ddc355597f0ced689214dcea93bd4feb36c6c0960af97b726d708cd1c4bb03"


def constant_table(tmp_path: Path, *values: float, scheme: str = "mime") -> SparsityTable:
    path = tmp_path / "constant.csv"
    rows = [f"T,{scheme},t,conv{index},{value}\n" for index, value in enumerate(values, start=1)]
    path.write_text("table,scheme,task,layer,sparsity\n" + "".join(rows))
    return SparsityTable.load(path)


def test_densities_are_the_tables(tmp_path: Path) -> None:
    net = build("vgg16", 32)
    trace = draw_trace(tmp_path / "t", network=net, scheme="mime", images=4, seed=5)
    table = SparsityTable.shipped()
    assert trace.tasks == table.tasks("mime")
    worst = 0.0
    for task in trace.tasks:
        for tensor in net.recorded:
            bits = trace.masks(task, tensor)
            density = 1 - table.row("mime", task).at(net, tensor)
            worst = max(worst, abs(bits.mean() - density) / sqrt(density * (1 - density) / bits.size))
    # 60 independent normal deviates: all within 4.5 standard deviations with probability 0.9996; the seed is fixed.
    assert worst < 4.5


def test_bits_are_independent_of_their_neighbours(tmp_path: Path) -> None:
    net = build("vgg16", 32)
    trace = draw_trace(tmp_path / "t", network=net, scheme="conventional", tasks=["cifar10"], images=2)
    bits = trace.masks("cifar10", "conv2").astype(float)
    bits -= bits.mean()
    for other in (np.roll(bits, 1, axis=3), np.roll(bits, 1, axis=1), bits[::-1]):
        # A correlation of n independent pairs has standard deviation 1 / sqrt(n); exchanging images halves n.
        assert abs((bits * other).mean() / bits.var()) < 5 / sqrt(bits.size / 2)


def test_a_drawn_trace_says_so(tmp_path: Path) -> None:
    trace = draw_trace(tmp_path / "t", network=build("tiny", 8), scheme="mime", images=2, seed=3, parent="imagenet")
    manifest = trace.manifest
    assert (manifest.origin, manifest.seed, manifest.parent) == ("drawn", 3, "imagenet")
    entry = trace.entry("cifar100")
    assert (entry.classes, entry.images, entry.image_ids, entry.labels) == (100, 2, (0, 1), ())
    assert entry.predictions is entry.test_accuracy is entry.weights_file is None
    settings: Any = manifest.settings
    assert settings["pool_density"] == "table"
    assert settings["table"]["source"] == "mime_sparsity.csv"
    assert settings["table_test_accuracy"]["cifar10"] == 0.8357
    assert settings["sparsity"]["cifar10"]["add"] == 0.6081
    Trace.load(tmp_path / "t")


def test_more_images_or_tasks_change_no_bit(tmp_path: Path) -> None:
    net = build("tiny", 8)
    few = draw_trace(tmp_path / "few", network=net, scheme="mime", tasks=["cifar100"], images=2)
    more = draw_trace(tmp_path / "more", network=net, scheme="mime", images=5)
    for tensor in net.recorded:
        assert np.array_equal(few.masks("cifar100", tensor), more.masks("cifar100", tensor)[:2])


@pytest.mark.parametrize("change", ["seed", "scheme", "task", "tensor", "image"])
def test_streams_differ_in_every_part_of_their_key(change: str) -> None:
    key: dict[str, int | str] = {"seed": 1, "scheme": "mime", "task": "a", "tensor": "conv1", "image": 0}
    other = key | {change: 2 if isinstance(key[change], int) else f"{key[change]}1"}
    first, second = (_bernoulli(tuple(k.values()), 1000, 0.5) for k in (key, other))
    assert 400 < (first == second).sum() < 600


def test_the_same_call_makes_the_same_bytes(tmp_path: Path) -> None:
    for scheme in ("mime", "pruned"):
        digests = {
            draw_trace(tmp_path / f"{scheme}{run}", network=build("tiny", 8), scheme=scheme).digest() for run in "ab"
        }
        assert len(digests) == 1


def test_drawn_bits_are_pinned(tmp_path: Path) -> None:
    """Golden: a published trace must be drawn alike by every later version, on every platform."""
    assert _bernoulli((0, "mime", "cifar10", "conv1", 0), 16, 0.5).astype(int).tolist() == GOLDEN_BITS
    trace = draw_trace(tmp_path / "t", network=build("tiny", 8), scheme="pruned", images=2, seed=1)
    found = hashlib.sha256()
    for task in trace.tasks:
        for tensor in trace.network.recorded:
            found.update(trace.packed(task, tensor).tobytes())
        for node in trace.network.weight_layers:
            found.update(np.packbits(trace.weight_mask(task, node.name)).tobytes())
    assert found.hexdigest() == GOLDEN_SHA256


@pytest.mark.parametrize("density", [0.0, 0.1, 0.5, 1.0])
@pytest.mark.parametrize("count", [1, 2, 7, 1000])
def test_extreme_densities_and_odd_counts(density: float, count: int) -> None:
    bits = _bernoulli((0, "x"), count, density)
    assert bits.shape == (count,)
    assert bits.dtype == np.bool_
    if density in (0.0, 1.0):
        assert bits.all() == bits.any() == bool(density)


def test_a_lower_sparsity_only_adds_set_bits() -> None:
    thin, thick = (_bernoulli((0, "x"), 10_000, density) for density in (0.3, 0.4))
    assert np.all(thick >= thin)


@pytest.mark.parametrize("density", [0.0, 0.1, 0.333, 1.0])
def test_pruned_layers_keep_an_exact_number_of_weights(tmp_path: Path, density: float) -> None:
    net = build("tiny", 8)
    trace = draw_trace(tmp_path / "t", network=net, scheme="pruned", density_weights=density)
    for task in trace.tasks:
        for node in net.weight_layers:
            mask = trace.weight_mask(task, node.name)
            assert mask is not None
            assert mask.shape == net.weight_shape(node)
            assert mask.sum() == round(density * net.weight_words(node))
    assert trace.manifest.settings["density_weights"] == density


def test_kept_weights_differ_between_tasks_and_spread_evenly(tmp_path: Path) -> None:
    trace = draw_trace(tmp_path / "t", network=build("vgg16", 32), scheme="conventional", tasks=["cifar10"])
    assert trace.weight_mask("cifar10", "conv1") is None
    first, second = (_choose((0, "pruned", task, "weights", "conv5"), 294_912, 0.1) for task in "ab")
    # Two independent choices of a tenth share about a hundredth.
    assert abs((first & second).mean() - 0.01) < 0.001
    assert abs(first[: 294_912 // 2].mean() - 0.1) < 0.005


def test_equal_draws_do_not_change_the_count(monkeypatch: pytest.MonkeyPatch) -> None:
    class Constant:
        def random_raw(self, count: int) -> np.ndarray[Any, np.dtype[np.uint64]]:
            return np.zeros(count, np.uint64)

    monkeypatch.setattr("mimesim.trace.draw._stream", lambda _: Constant())
    assert _choose((0,), 100, 0.25).sum() == 25


def test_pruned_borrows_the_conventional_sparsity_but_not_its_bits(tmp_path: Path) -> None:
    net = build("tiny", 8)
    pruned = draw_trace(tmp_path / "pruned", network=net, scheme="pruned")
    plain = draw_trace(tmp_path / "plain", network=net, scheme="conventional")
    settings: Any = pruned.manifest.settings
    assert settings["table"]["scheme"] == "conventional"
    assert settings["sparsity"] == plain.manifest.settings["sparsity"]
    assert not np.array_equal(pruned.masks("cifar10", "conv1"), plain.masks("cifar10", "conv1"))


def test_with_or_a_pooled_bit_is_the_or_of_its_window(tmp_path: Path) -> None:
    net = build("tiny", 8)
    trace = draw_trace(tmp_path / "t", network=net, scheme="mime", images=3, pool_density="or")
    conv, pool = trace.masks("cifar10", "conv2"), trace.masks("cifar10", "pool")
    assert np.array_equal(pool, conv.reshape(3, 32, 4, 2, 4, 2).any(axis=(3, 5)))
    add, average = trace.masks("cifar10", "add"), trace.masks("cifar10", "average")
    assert np.array_equal(average[..., 0, 0], add.any(axis=(2, 3)))
    settings: Any = trace.manifest.settings
    assert "pool" not in settings["sparsity"]["cifar10"]
    # What is not pooled is drawn alike in both modes.
    table = draw_trace(tmp_path / "u", network=net, scheme="mime", images=3)
    assert np.array_equal(table.masks("cifar10", "conv2"), conv)


def test_or_lifts_the_density_as_independent_bits_must(tmp_path: Path) -> None:
    net = build("vgg16", 32)
    table = constant_table(tmp_path, 0.64)
    trace = draw_trace(tmp_path / "t", network=net, scheme="mime", table=table, images=2, pool_density="or")
    bits = trace.masks("t", "pool1")
    expected = 1 - 0.64**4
    assert expected == pytest.approx(0.83, abs=0.005)
    assert abs(bits.mean() - expected) < 5 * sqrt(expected * (1 - expected) / bits.size)


@pytest.mark.parametrize(
    ("extent", "kernel", "stride", "padding", "out"),
    [(7, 3, 2, 1, 4), (7, 2, 2, 0, 4), (7, 2, 2, 0, 3), (5, 3, 1, 1, 5), (6, 6, 6, 0, 1), (5, 2, 3, 0, 2)],
)
def test_pooling_any_window(extent: int, kernel: int, stride: int, padding: int, out: int) -> None:
    specs: list[dict[str, Any]] = [
        {"name": "x", "kind": "input", "shape": (2, extent, extent)},
        {
            "name": "p",
            "kind": "max_pool",
            "inputs": ("x",),
            "shape": (2, out, out),
            "kernel": (kernel, kernel),
            "stride": (stride, stride),
            "padding": (padding, padding),
        },
    ]
    node = Network.model_validate({"name": "n", "nodes": specs}).node("p")
    bits = np.random.default_rng(0).random((3, 2, extent, extent)) < 0.2
    pooled = _pool(bits, node)
    assert pooled.shape == (3, *node.shape)
    for y in range(out):
        for x in range(out):
            top, left = y * stride - padding, x * stride - padding
            window = bits[:, :, max(0, top) : top + kernel, max(0, left) : left + kernel]
            assert np.array_equal(pooled[:, :, y, x], window.any(axis=(2, 3)))


def test_classes_default_to_the_networks_head(tmp_path: Path) -> None:
    net = build("tiny", 8, classes=6)
    trace = draw_trace(tmp_path / "t", network=net, scheme="mime", table=constant_table(tmp_path, 0.5))
    assert trace.entry("t").classes == 6


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"scheme": "memti"}, "scheme = 'memti': the table has no rows of this scheme"),
        ({"tasks": ["cifar11"]}, "task = 'cifar11': .*did you mean 'cifar1"),
        ({"tasks": []}, "drawing a trace: tasks: names no task"),
        ({"images": 0}, "images = 0: must be at least 1"),
        ({"seed": -1}, "seed = -1: must not be negative"),
        ({"pool_density": "max"}, "pool_density = 'max': must be 'table' or 'or'"),
        ({"density_weights": 1.5}, "density_weights = 1.5: must be from 0 to 1"),
    ],
)
def test_bad_requests(tmp_path: Path, options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        draw_trace(tmp_path / "t", **{"network": build("tiny", 8), "scheme": "mime"} | options)
    assert list(tmp_path.iterdir()) == []


def test_overwriting_is_asked_for(tmp_path: Path) -> None:
    net = build("tiny", 8)
    draw_trace(tmp_path / "t", network=net, scheme="mime")
    with pytest.raises(InputError, match="holds a trace already"):
        draw_trace(tmp_path / "t", network=net, scheme="mime")
    assert draw_trace(tmp_path / "t", network=net, scheme="mime", seed=1, overwrite=True).manifest.seed == 1
