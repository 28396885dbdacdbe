"""Several tasks on the same images."""

from __future__ import annotations

from collections import Counter

import pytest
import torch

from mimesim.errors import InputError
from mimesim.training.data import ImageSet
from mimesim.training.labels import COARSE
from mimesim.training.pam.tasks import relabel
from mimesim.training.tasks import LabelledTask


def images(classes: int, count: int = 40) -> ImageSet:
    labels = torch.arange(count) % classes
    return ImageSet(torch.zeros(count, 3, 8, 8, dtype=torch.uint8), labels, torch.arange(count), classes)


def test_every_superclass_has_five_classes() -> None:
    assert Counter(COARSE) == dict.fromkeys(range(20), 5)
    # apple and orange are fruit; baby, boy and girl are people; bicycle and bus are vehicles
    assert COARSE[0] == COARSE[53] == 4
    assert COARSE[2] == COARSE[11] == COARSE[35] == 14
    assert COARSE[8] == COARSE[13] == 18


def test_labels_are_grouped_and_the_rest_is_none_of_these() -> None:
    data = relabel(images(10), [
        LabelledTask(name="some", labels=((7,), (0, 1))),
        LabelledTask(name="parity", labels=((0, 2, 4, 6, 8), (1, 3, 5, 7, 9))),
        LabelledTask(name="own"),
    ])  # fmt: skip
    assert data.classes == {"some": 3, "parity": 2, "own": 10}
    assert data.labels["some"][:10].tolist() == [1, 1, 2, 2, 2, 2, 2, 0, 2, 2]
    assert data.labels["parity"][:10].tolist() == [0, 1] * 5
    assert torch.equal(data.labels["own"], data.images.labels)
    only = data.of("some")
    assert (only.classes, only.labels[7].item()) == (3, 0)
    assert list(data.only(["own"]).labels) == ["own"]


def test_coarse_labels() -> None:
    data = relabel(images(100, 200), [LabelledTask(name="coarse", labels="coarse"), LabelledTask(name="fine")])
    assert data.classes == {"coarse": 20, "fine": 100}
    assert data.labels["coarse"][:100].tolist() == list(COARSE)


def test_held_out_images_are_others() -> None:
    data = relabel(images(10, 100), [LabelledTask(name="low", labels=((0, 1, 2),))])
    rest, held = data.split(0.2, 3)
    assert (len(rest), len(held)) == (80, 20)
    assert not set(rest.images.ids.tolist()) & set(held.images.ids.tolist())
    assert Counter(held.images.labels.tolist()) == dict.fromkeys(range(10), 2)
    assert torch.equal(held.labels["low"], torch.where(held.images.labels < 3, 0, 1))


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (((0, 1), (1,)), r"bad: tasks.0.labels = 1: is in two groups"),
        (((0, 10),), r"tasks.0.labels = 10: labels go from 0 to 9"),
        (((0,), ()), r"tasks.0.labels: holds an empty group"),
        ("coarse", r"tasks.0.labels = '10 classes': coarse labels are CIFAR-100's"),
    ],
)
def test_groups_that_make_no_task(labels: object, message: str) -> None:
    with pytest.raises(InputError, match=message):
        relabel(images(10), [LabelledTask.model_validate({"name": "bad", "labels": labels})])
