"""The index lists that ship: as many images of each class as promised, none twice, and small."""

from __future__ import annotations

import numpy as np
import pytest

from mimesim.training.sources.subsets import FILE, SETS, subset_list
from mimesim.training.sources.tiny_imagenet import CLASSES, PER_CLASS


@pytest.mark.parametrize(
    ("name", "train", "of_train", "test", "of_test"),
    [("cifar10", 10_000, 50_000, 2_000, 10_000), ("cifar100", 20_000, 50_000, 4_000, None)],
)
def test_places_lie_in_the_official_split(name: str, train: int, of_train: int, test: int, of_test: int | None) -> None:
    for listed, count, below in (
        (subset_list(name, "train"), train, of_train),
        (subset_list(name, "test"), test, of_test),
    ):
        assert len(set(listed.tolist())) == len(listed) == count
        if below is not None:
            assert 0 <= listed.min() < listed.max() < below
            assert (np.diff(listed.astype(np.int64)) > 0).all(), "images stand in official order"


def test_tiny_imagenet_is_balanced() -> None:
    assert list(CLASSES) == sorted(set(CLASSES))
    train, test = subset_list("tinyimagenet100", "train"), subset_list("tinyimagenet100", "test")
    assert len(set(train.tolist())) == len(train) == 40_000
    labels = train // PER_CLASS
    # the first file holds 150 of each class, the second 250
    np.testing.assert_array_equal(np.bincount(labels[:15_000]), np.full(100, 150))
    np.testing.assert_array_equal(np.bincount(labels[15_000:]), np.full(100, 250))
    assert len(set(test.tolist())) == len(test) == 2_000
    assert test.max() < 10_000


def test_the_file_is_small_and_needs_no_pickle() -> None:
    assert FILE.stat().st_size < 300_000
    with np.load(FILE, allow_pickle=False) as lists:
        assert sorted(lists.files) == sorted(f"{name}_{split}" for name in SETS for split in ("train", "test"))
        assert {lists[name].dtype for name in lists.files} == {np.dtype(np.uint16), np.dtype(np.uint64)}
