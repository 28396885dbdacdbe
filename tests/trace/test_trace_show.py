from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from mimesim.trace import Trace, describe, show_trace

Masks = dict[str, NDArray[np.bool_]]


def test_describe_counts_zeros(recorded: Path, masks: Masks, weights: Masks) -> None:
    summary = describe(Trace.load(recorded))
    assert (summary.network, summary.scheme, summary.origin, summary.parent) == ("tiny", "pruned", "recorded", "p")
    assert summary.digest == Trace.load(recorded).digest()
    one, two = summary.tasks
    assert (one.task, one.dataset, one.classes, one.images) == ("one", "d1", 10, 3)
    assert (one.test_accuracy, one.test_images, two.test_accuracy) == (0.5, 100, None)
    assert [layer.tensor for layer in one.layers] == list(masks)
    for layer in one.layers:
        by_image = 1 - masks[layer.tensor].mean(axis=(1, 2, 3))
        assert layer.sparsity == pytest.approx(by_image.mean())
        assert layer.sparsity_min == pytest.approx(by_image.min())
        assert layer.sparsity_max == pytest.approx(by_image.max())
    assert one.weight_density == pytest.approx({name: mask.mean() for name, mask in weights.items()})


def test_show_is_a_page_of_text(recorded: Path, masks: Masks) -> None:
    lines = show_trace(Trace.load(recorded)).splitlines()
    assert lines[0] == f"{recorded}: tiny, scheme pruned, recorded, seed 3, parent p"
    assert lines[3].startswith("one: 3 images of d1, 10 classes, test accuracy 50.00% of 100, weights kept ")
    assert lines[6].split() == ["mean", "sparsity", "one", "two"]
    assert [line.split()[0] for line in lines[7:]] == list(masks)
    assert lines[7].split()[1:] == [f"{1 - masks['conv1'].mean():.4f}"] * 2
    assert len({len(line) for line in lines[6:]}) == 1
