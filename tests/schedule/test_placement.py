from __future__ import annotations

from itertools import pairwise

from mimesim.ledger import SHARED_IMAGE
from mimesim.schemes import SHARED, Conventional, Mime, Scheme
from tests.schedule.small import Masks, chain, conv, hardware, plan, pool

# Each tensor here is one block: 2 x 2 positions, up to 32 channels. The pool is not fused, for two layers read conv1.
NETWORK = chain(
    (2, 2, 2),
    conv(4, name="first"),
    conv(4, name="second"),
    {"kind": "add", "name": "sum", "inputs": ("first", "second")},
    {"kind": "linear", "name": "head", "channels": 3},
)
TASKS = ("b", "a")


def regions(scheme: Scheme, **options: object) -> list[tuple[str, int, int]]:
    """Return (name, first burst, bursts) of every region, by address."""
    made = plan(Masks(NETWORK), hardware(), scheme, tasks=TASKS, images=1, **options)  # type: ignore[arg-type]
    made.placement.begin_batch(0)
    found = []
    names = [geometry.operation.name for geometry in made.geometries]
    for table, kind in ((made.placement.weights, "w"), (made.placement.thresholds, "t")):
        for (position, owner), blocks in table.items():
            spans = sorted({(block.address, block.bursts) for block in blocks.values()})
            assert all(one + size == two for (one, size), (two, _) in pairwise(spans))
            found.append((f"{names[position]} {kind} {owner}", spans[0][0], sum(size for _, size in spans)))
    seen = {}
    for image in (image for batch in made.batches for image in batch):
        for position, geometry in enumerate(made.geometries):
            for source, region in zip(geometry.operation.sources, made.placement.inputs(position, image), strict=True):
                seen[f"{source.tensor} {image.task}"] = (region.address, region.slot * len(region.bursts))
            region = made.placement.output(position, image)
            seen[f"{geometry.operation.output} {image.task}"] = (region.address, region.slot * len(region.bursts))
    found.extend((name, *span) for name, span in seen.items())
    return sorted(found, key=lambda region: region[1])


def test_regions_follow_each_other_in_the_documented_order() -> None:
    found = regions(Mime())

    # first: 2 x 9 x 4 + 4 = 76 words, 3 bursts; second: 4 x 9 x 4 + 4 = 148: 5 bursts. Thresholds: 4 x 4 words: 1.
    # head: a task's own 4 x 4 x 3 + 3 = 51 words in 4 x 4 taps: one chunk of 4 channels x 4 taps = 16 pairs: 2 bursts.
    # Activations: image 2 x 4 words dense: 1; compressed 16 + 1 words: 1; sum 16: 1; head 3: 1.
    assert [name for name, _, _ in found] == [
        "first w shared", "first t b", "first t a",
        "second w shared", "second t b", "second t a",
        "head w b", "head w a",
        "image b", "image a", "first b", "first a", "second b", "second a", "sum b", "sum a", "head b", "head a",
    ]  # fmt: skip
    assert [size for _, _, size in found] == [3, 1, 1, 5, 1, 1, 2, 2, *[1] * 10]
    assert found[0][1] == 0
    assert all(start + size == following for (_, start, size), (_, following, _) in pairwise(found))


def test_owners_come_in_the_order_of_the_workloads_tasks() -> None:
    names = [name for name, _, _ in regions(Conventional())]

    assert names[:6] == ["first w b", "first w a", "second w b", "second w a", "head w b", "head w a"]


def test_the_addresses_do_not_depend_on_the_images_replayed() -> None:
    # Only task a is replayed, but both tasks' parameters are there.
    made = plan(Masks(NETWORK), hardware(), Conventional(), tasks=TASKS)
    one = plan(Masks(NETWORK), hardware(), Conventional(), tasks=TASKS, batches=[made.batches[0][:1]])

    assert one.placement.weights == made.placement.weights


def test_slots_are_larger_where_tensors_are_compressed() -> None:
    # 8 channels x 16 positions = 128 words: 4 bursts, 5 with a bitmap. The image is never compressed.
    network = chain((8, 4, 4), conv(8))

    def slots(skipping: str) -> list[int]:
        made = plan(Masks(network), hardware(), Conventional(), skipping)  # type: ignore[arg-type]
        (image,) = made.batches[0]
        return [made.placement.inputs(0, image)[0].slot, made.placement.output(0, image).slot]

    assert slots("none") == [4, 4]
    assert slots("gate") == [4, 5]


def test_a_fused_pools_producer_has_no_region() -> None:
    network = chain((8, 4, 4), conv(8), pool(2))
    made = plan(Masks(network), hardware())
    (image,) = made.batches[0]
    weights = next(iter(made.placement.weights[0, "a"].values()))

    # 8 x 9 x 8 + 8 = 584 words: 19 bursts; the image's slot of 4; the pooled tensor's one block: 8 x 4 positions and 2
    # words of bitmap: 34 words, 2 bursts. Nothing for conv1 itself.
    assert weights.bursts == 19
    assert made.placement.output(0, image).address == 19 + 4
    assert made.placement.bursts == 19 + 4 + 2


def test_who_an_access_is_booked_under() -> None:
    made = plan(Masks(NETWORK), hardware(), Mime(), tasks=TASKS, images=2, batch=3)
    first, second = made.batches  # b0 a0 b1 | a1
    placement = made.placement

    assert placement.weights_booked_under(0, SHARED, first) == SHARED_IMAGE
    assert placement.weights_booked_under(0, SHARED, second) == second[0].index
    assert placement.weights_booked_under(3, "b", first) == SHARED_IMAGE  # the heads: two images of b, one of a
    assert placement.weights_booked_under(3, "a", first) == first[1].index
    assert placement.thresholds_booked_under(first[0], first) == SHARED_IMAGE
    assert placement.thresholds_booked_under(first[1], first) == first[1].index


def test_a_new_batch_forgets_the_activations_of_the_one_before() -> None:
    made = plan(Masks(NETWORK), hardware(), tasks=TASKS, images=1, batch=1)
    placement, image = made.placement, made.batches[0][0]
    placement.begin_batch(0)
    region = placement.output(0, image)

    assert placement.output(0, image) is region
    placement.begin_batch(0)
    assert placement.output(0, image) is region
    placement.begin_batch(1)
    assert placement.output(0, image) is not region
    assert placement.output(0, image).address == region.address
