"""Images in memory: balanced choices, sizes, and augmentation that depends on its seed only."""

from __future__ import annotations

import torch

from mimesim.training.data import ImageSet, augment, hold_out, random_resized_crop, resize, subset


def test_held_out_images_are_balanced_and_train_nothing(data: ImageSet) -> None:
    rest, held = hold_out(data, 0.5, 3)
    assert sorted([*rest.ids.tolist(), *held.ids.tolist()]) == data.ids.tolist()
    assert torch.bincount(held.labels).tolist() == [3] * 10


def test_random_crops_are_parts_of_the_image() -> None:
    ramp = torch.arange(32, dtype=torch.uint8).expand(64, 3, 32, 32)
    crops = random_resized_crop(ramp, 8, 0.25, torch.Generator().manual_seed(1))
    assert crops.shape == (64, 3, 8, 8)
    assert torch.equal(crops, random_resized_crop(ramp, 8, 0.25, torch.Generator().manual_seed(1)))
    line = crops[:, 0, 0].int()
    width = (line[:, -1] - line[:, 0]).abs() / 7 * 8
    assert width.min() >= 32 * 0.5 * 0.8  # half of each side at 1:1, and up to 4:3
    assert width.max() <= 33
    assert {int(sign) for sign in (line[:, -1] - line[:, 0]).sign()} == {-1, 1}  # half are flipped


def test_augmentation_depends_on_its_seed_only_and_moves_whole_images() -> None:
    images = torch.arange(16 * 16, dtype=torch.uint8).view(1, 1, 16, 16).repeat(8, 3, 1, 1)
    first, second = (augment(images, torch.Generator().manual_seed(5)) for _ in range(2))
    assert torch.equal(first, second)
    assert first.shape == images.shape
    assert first.dtype == torch.uint8
    assert not torch.equal(first[0], first[1])
    for image in first:
        # neighbours stay neighbours: away from the reflected border, one pixel to the right is one more or one less
        assert set((image[0, 8, 4:12].int().diff().abs()).tolist()) <= {1}
        assert torch.equal(image[0], image[2])


def test_subsets_are_balanced_and_seeded(data: ImageSet) -> None:
    one, two = subset(data, 25, 1), subset(data, 25, 1)
    assert torch.equal(one.ids, two.ids)
    counts = one.labels.bincount(minlength=10)
    assert counts.max() - counts.min() <= 1
    assert not torch.equal(one.ids, subset(data, 25, 2).ids)
    assert subset(data, None, 1) is data


def test_resize_keeps_flat_images_and_type(data: ImageSet) -> None:
    flat = ImageSet(torch.full((2, 3, 8, 8), 77, dtype=torch.uint8), torch.zeros(2).long(), torch.arange(2), 10)
    assert torch.equal(resize(flat, 16).images, torch.full((2, 3, 16, 16), 77, dtype=torch.uint8))
    assert resize(data, 16) is data
