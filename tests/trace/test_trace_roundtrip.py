from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

import mimesim
from mimesim.network import Network
from mimesim.trace import Trace, TraceWriter

Masks = dict[str, NDArray[np.bool_]]


@st.composite
def networks(draw: st.DrawFn) -> Network:
    """A convolution, a pool and a linear layer of odd sizes, so that padding bits occur."""
    channels, height, width = draw(st.integers(1, 5)), draw(st.integers(2, 7)), draw(st.integers(2, 7))
    features = draw(st.integers(1, 19))
    nodes: list[dict[str, Any]] = [
        {"name": "x", "kind": "input", "shape": (2, height, width)},
        {"name": "a.1", "kind": "conv", "inputs": ("x",), "shape": (channels, height, width), "activation": True},
        {"name": "b-2", "kind": "max_pool", "inputs": ("a.1",), "shape": (channels, height - 1, width - 1)},
        {"name": "c_3", "kind": "linear", "inputs": ("b-2",), "shape": (features, 1, 1), "activation": True},
    ]
    nodes[2]["kernel"] = (2, 2)
    return Network.model_validate({"name": "odd", "nodes": nodes})


@given(net=networks(), images=st.integers(1, 4), seed=st.integers(0, 2**32 - 1), density=st.floats(0, 1))
@settings(deadline=None, max_examples=40)
def test_what_is_written_is_read(net: Network, images: int, seed: int, density: float) -> None:
    rng = np.random.default_rng(seed)
    masks = {name: rng.random((images, *net.node(name).shape)) < density for name in net.recorded}
    kept = {node.name: rng.random(net.weight_shape(node)) < density for node in net.weight_layers}
    labels = rng.integers(0, 5, images)
    with tempfile.TemporaryDirectory() as folder:
        with TraceWriter(f"{folder}/t", network=net, scheme="s", seed=seed) as writer:
            writer.add_task(
                "t", dataset="d", classes=5, masks=masks, image_ids=range(images), labels=labels, weight_masks=kept
            )
        trace = Trace.load(f"{folder}/t")
        assert trace.network == net
        assert trace.manifest.seed == seed
        assert trace.entry("t").labels == tuple(labels)
        for name, bits in masks.items():
            assert np.array_equal(trace.masks("t", name), bits)
            assert np.array_equal(trace.mask("t", images - 1, name), bits[-1])
        for name, bits in kept.items():
            assert np.array_equal(trace.weight_mask("t", name), bits)


def test_the_manifest_says_what_was_said(recorded: Path) -> None:
    trace = Trace.load(recorded)
    assert trace.tasks == ("one", "two")
    assert trace.scheme == "pruned"
    assert trace.manifest.parent == "p"
    assert trace.manifest.origin == "recorded"
    assert trace.manifest.settings == {"lr": 0.1}
    assert trace.entry("one").test_accuracy == 0.5
    assert trace.entry("one").predictions is None
    assert trace.entry("two").predictions == (0, 1, 2)
    assert trace.entry("two").image_ids == (9, 4, 2)


def test_shared_weight_masks_are_stored_once(recorded: Path, weights: Masks) -> None:
    assert sorted(path.name for path in recorded.iterdir()) == [
        "manifest.json",
        "one.npz",
        "one.weights.npz",
        "two.npz",
    ]
    assert np.array_equal(Trace.load(recorded).weight_mask("two", "conv2"), weights["conv2"])


def test_layers_without_a_weight_mask_have_none(tmp_path: Path, tiny: Network, masks: Masks, weights: Masks) -> None:
    some = {"conv1": weights["conv1"]}
    common: dict[str, Any] = {"dataset": "d", "classes": 2, "masks": masks, "image_ids": [0, 1, 2], "labels": [0, 1, 1]}
    with TraceWriter(tmp_path / "t", network=tiny, scheme="pruned") as writer:
        writer.add_task("one", weight_masks=some, **common)
        writer.add_task("two", **common)
    trace = Trace.load(tmp_path / "t")
    assert trace.weight_mask("one", "conv1") is not None
    assert trace.weight_mask("one", "conv2") is None
    assert trace.weight_mask("two", "conv1") is None


def test_tensors_that_are_never_sparse_are_all_ones(recorded: Path, tiny: Network) -> None:
    trace = Trace.load(recorded)
    for name in ("image", "pointwise", "head"):
        mask = trace.masks("one", name)
        assert mask.shape == (3, *tiny.node(name).shape)
        assert mask.dtype == np.bool_
        assert mask.all()
        assert trace.mask("one", 2, name).shape == tiny.node(name).shape


def test_vectors_may_come_flat(tmp_path: Path, tiny: Network, masks: Masks, weights: Masks) -> None:
    flat = masks | {"average": masks["average"].reshape(3, -1)}
    kept = {"head": weights["head"].reshape(10, -1)}
    with TraceWriter(tmp_path / "t", network=tiny, scheme="s") as writer:
        writer.add_task(
            "t", dataset="d", classes=2, masks=flat, image_ids=[0, 1, 2], labels=[0, 0, 1], weight_masks=kept
        )
    trace = Trace.load(tmp_path / "t")
    assert np.array_equal(trace.masks("t", "average"), masks["average"])
    assert np.array_equal(trace.weight_mask("t", "head"), weights["head"])


def test_the_same_inputs_make_the_same_bytes(tmp_path: Path, tiny: Network, masks: Masks) -> None:
    def write(name: str, order: int) -> dict[str, bytes]:
        given = dict(list(masks.items())[::order])
        notes = dict(list({"a": 1, "b": {"x": [1, 2.5, "three"], "y": None}}.items())[::order])
        with TraceWriter(tmp_path / name, network=tiny, scheme="s", settings=notes) as writer:
            writer.add_task("t", dataset="d", classes=2, masks=given, image_ids=[0, 1, 2], labels=[0, 0, 1])
        return {path.name: path.read_bytes() for path in sorted((tmp_path / name).iterdir())}

    assert write("first", 1) == write("second", -1)
    assert Trace.load(tmp_path / "first").digest() == Trace.load(tmp_path / "second").digest()


def test_the_digest_changes_with_a_single_bit(tmp_path: Path, tiny: Network, masks: Masks) -> None:
    digests = set()
    for flip in (False, True):
        changed = {name: bits.copy() for name, bits in masks.items()}
        changed["add"][1, 2, 3, 1] ^= flip
        with TraceWriter(tmp_path / str(flip), network=tiny, scheme="s") as writer:
            writer.add_task("t", dataset="d", classes=2, masks=changed, image_ids=[0, 1, 2], labels=[0, 0, 1])
        digests.add(Trace.load(tmp_path / str(flip)).digest())
    assert len(digests) == 2


def test_the_manifest_is_pleasant_to_read(recorded: Path) -> None:
    text = (recorded / "manifest.json").read_text()
    assert '"image_ids": [9, 4, 2],' in text
    assert '"shape": [16, 8, 8],' in text
    assert '"inputs": ["pool", "pointwise"],' in text
    assert text.endswith("}\n")


def test_strings_survive_the_layout_of_lists(tmp_path: Path, tiny: Network, masks: Masks) -> None:
    notes = {"odd": ["[\n  1,\n  2\n]", 'a "b",  c\\', "é"], "nested": [[1, 2], [3]], "empty": []}
    with TraceWriter(tmp_path / "t", network=tiny, scheme="s", settings=notes) as writer:
        writer.add_task("t", dataset="d", classes=2, masks=masks, image_ids=[0, 1, 2], labels=[0, 0, 1])
    assert Trace.load(tmp_path / "t").manifest.settings == notes


def test_nobody_needs_to_know_the_labels(tmp_path: Path, tiny: Network, masks: Masks) -> None:
    with TraceWriter(tmp_path / "t", network=tiny, scheme="s") as writer:
        writer.add_task("t", dataset="d", classes=2, masks=masks, image_ids=[0, 1, 2], labels=[], predictions=[0, 0, 1])
    trace = Trace.load(tmp_path / "t")
    assert (trace.manifest.origin, trace.entry("t").labels) == ("recorded", ())


def test_any_reader_of_npz_can_read_the_bits(recorded: Path, masks: Masks) -> None:
    with np.load(recorded / "one.npz", allow_pickle=False) as archive:
        assert sorted(archive) == sorted(masks)
        bits = np.unpackbits(archive["conv1"], axis=1, bitorder="little")
    assert np.array_equal(bits.reshape(masks["conv1"].shape), masks["conv1"])
    # Documented order: C, then H, then W; the first bit is the lowest of the first byte.
    assert json.loads((recorded / "manifest.json").read_text())["format_version"] == 1


def test_masks_may_be_made_one_at_a_time(tmp_path: Path, tiny: Network, masks: Masks) -> None:
    class Lazy(Mapping[str, NDArray[np.bool_]]):
        def __getitem__(self, name: str) -> NDArray[np.bool_]:
            asked.append(name)
            return masks[name]

        def __iter__(self) -> Iterator[str]:
            return iter(masks)

        def __len__(self) -> int:
            return len(masks)

    asked: list[str] = []
    with TraceWriter(tmp_path / "t", network=tiny, scheme="s") as writer:
        writer.add_task("t", dataset="d", classes=2, masks=Lazy(), image_ids=[0, 1, 2], labels=[0, 0, 1])
    assert sorted(asked) == sorted(tiny.recorded)


def test_few_masks_stay_in_memory(recorded: Path, monkeypatch: pytest.MonkeyPatch, masks: Masks) -> None:
    monkeypatch.setattr("mimesim.trace.reader._KEEP_BYTES", 500)
    trace = Trace.load(recorded)
    for _ in range(2):
        for name in masks:
            assert np.array_equal(trace.masks("one", name), masks[name])
            assert np.array_equal(trace.masks("two", name), masks[name])
    assert sum(array.nbytes for array in trace._kept.values()) <= 500


def test_a_mask_is_the_callers_own(recorded: Path) -> None:
    trace = Trace.load(recorded)
    mask = trace.masks("one", "conv1")
    before = mask.copy()
    mask[:] = True
    assert np.array_equal(trace.masks("one", "conv1"), before)
    with pytest.raises(ValueError, match="read-only"):
        trace.packed("one", "conv1")[0, 0] = 1


def test_exported_at_the_top() -> None:
    assert mimesim.Trace is Trace
    assert mimesim.TraceWriter is TraceWriter
