from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from mimesim.ledger import SHARED_IMAGE, PhaseRecord
from mimesim.schedule.booking import book_phase, book_storage
from mimesim.schemes import Conventional, Mime, Pruned, Scheme
from tests.schedule.small import Masks, chain, conv, hardware, plan, pool

# Layer "next" reads 2 channels of 2 x 2 through 3 x 3 taps: one chunk of 18 pairs, one position tile, two channel tiles
# of 2 and 1 columns. All four positions meet all set elements. The head reads 3 x 2 x 2 values.
NETWORK = chain((2, 2, 2), conv(2, 1, name="in"), conv(3, name="next"), {"kind": "linear", "channels": 2})
MACHINE = hardware({"grid": {"positions": (2, 2), "channels": 2}, "activation_block": {"patch": (2, 2), "channels": 2}})
BITS = np.array([[[1, 0], [0, 0]], [[0, 1], [1, 0]]], np.bool_)  # 3 set
AFTER = np.array([[[1, 1], [1, 0]], [[0, 0], [0, 0]], [[1, 0], [0, 0]]], np.bool_)  # 4 set


def booked(scheme: Scheme, skipping: str = "per_position", layer: int = 1, **options: Any) -> tuple[PhaseRecord, Any]:
    tasks = ("a", "b")
    masks = Masks(
        NETWORK,
        {(task, n, "in"): BITS for task in tasks for n in (0, 1)}
        | {(task, n, "next"): AFTER for task in tasks for n in (0, 1)},
        {(task, name): np.arange(w).reshape(s) % 2 == 0 for task in tasks for name, w, s in WEIGHTS},
    )
    made = plan(masks, MACHINE, scheme, skipping, tasks=tasks, **options)  # type: ignore[arg-type]
    phase = list(made.phases())[layer]
    book_phase(made, phase)
    return phase.record, made


WEIGHTS = (("in", 4, (2, 2, 1, 1)), ("next", 54, (3, 2, 3, 3)), ("linear3", 24, (2, 3, 2, 2)))


def test_what_one_image_books() -> None:
    record, _ = booked(Mime())
    row = record.rows[0]

    # 4 positions x 3 set elements x 3 columns; dense: 4 x 8 x 3.
    assert (row.macs, row.macs_dense) == (36, 96)
    assert (row.input_set, row.input_elements) == (3, 8)
    assert (row.output_set, row.output_elements) == (4, 12)
    assert dict(row.words) == {
        # 12 words for each of 2 channel tiles; each word reaches 2 columns, then 1.
        ("cache", "activations", "read"): 24,
        ("reg", "activations", "write"): 12 * 2 + 12,
        # One block of 8 elements: 1 word of bitmap, looked up by both passes.
        ("cache", "mask", "read"): 2,
        ("reg", "weights", "read"): 36,
        ("reg", "activations", "read"): 36,
        ("reg", "psums", "read"): 36,
        ("reg", "psums", "write"): 36,
        # 3 columns x 4 positions.
        ("reg", "outputs", "read"): 12,
        ("cache", "thresholds", "read"): 12,
        ("reg", "thresholds", "write"): 12,
        ("reg", "thresholds", "read"): 12,
        # Blocks of 2 channels: 8 and 4 elements, 1 word of bitmap each; 4 set values; a burst each.
        ("dram", "outputs", "write"): 4,
        ("dram", "mask", "write"): 2,
    }
    assert dict(row.bursts) == {("dram", "outputs", "write"): 2}
    assert record.rows[1].words == row.words


def test_shared_weights_are_filled_for_all() -> None:
    record, _ = booked(Mime())

    # Channel tiles of 2 and 1 columns: 36 + 18 weights and 3 words of norm, each copied into 4 rows.
    assert dict(record.rows[SHARED_IMAGE].words) == {
        ("cache", "weights", "read"): 54,
        ("cache", "norm", "read"): 3,
        ("reg", "weights", "write"): 57 * 4,
    }


def test_a_tasks_own_weights_are_filled_for_its_image() -> None:
    record, _ = booked(Conventional())

    assert record.rows.keys() == {0, 1}
    assert [row.words["cache", "weights", "read"] for row in record.rows.values()] == [54, 54]
    assert ("cache", "thresholds", "read") not in record.rows[0].words


def test_without_skipping_every_element_counts() -> None:
    record, _ = booked(Conventional(), "none")
    row = record.rows[0]

    assert (row.macs, row.input_set, row.output_set) == (96, 8, 12)
    assert row.words["cache", "activations", "read"] == 64
    assert row.words["dram", "outputs", "write"] == 12
    assert not {key for key in row.words if key[1] == "mask"}


def test_pruned_weights_save_macs_but_are_loaded_whole() -> None:
    record, _ = booked(Pruned("bitmap"))
    row = record.rows[0]

    # Even places of (3, 2, 3, 3) are kept. Taps 0..8 of output o, channel c lie at 18 o + 9 c + t: channel 0 keeps the
    # even taps, channel 1 the odd ones, in every output. Position (y, x) meets element (i, j) through tap
    # 3 (i - y + 1) + (j - x + 1): its parity is that of i - y + j - x. Channel 0's (0, 0): even at (0, 0) and (1, 1).
    # Channel 1's (0, 1) and (1, 0): odd at (0, 0) and (1, 1). So 2 + 2 + 2 meetings, 3 outputs.
    assert row.macs == 6 * 3
    assert row.words["reg", "psums", "write"] == 18
    # 36 and 18 dense words: 18 and 9 are kept, and an index of 3 and 2 words.
    assert row.words["cache", "weights", "read"] == 27
    assert row.words["cache", "index", "read"] == 5
    assert row.words["reg", "weights", "write"] == 57 * 4
    # They are gated: the broadcasts come all the same.
    assert record.pe.gated == 2 * (36 - 18)
    dense, _ = booked(Pruned("dense"), "none")
    assert dense.rows[0].macs == 96


# In all cases both images' passes are 2 channel tiles of 1 pass each. Slots at every position: 18 x 4 x 3 = 216.
@pytest.mark.parametrize(
    ("skipping", "gated", "padding"),
    [("none", 0, 216 - 96), ("gate", 216 - 36, 0), ("per_position", 0, 0), ("lockstep", 0, 0)],
)
def test_gated_cycles_and_padding(skipping: str, gated: int, padding: int) -> None:
    record, _ = booked(Conventional(), skipping)

    assert (record.pe.gated, record.pe.padding) == (2 * gated, 2 * padding)
    assert record.pe.macs == sum(row.macs for row in record.rows.values())


def test_layers_without_weights_book_words_but_no_macs() -> None:
    network = chain((2, 2, 2), conv(2, 1, name="in"), pool(2, "avg_pool"))
    masks = Masks(network, {("a", 0, "in"): BITS, ("a", 0, "avg_pool2"): np.array([1, 0], np.bool_).reshape(2, 1, 1)})
    made = plan(masks, MACHINE)
    phase = list(made.phases())[1]
    book_phase(made, phase)
    row = phase.record.rows[0]

    assert (row.macs, row.macs_dense, phase.record.pe.total()) == (0, 0, 0)
    # One position meets all 3 set elements; they reach both columns.
    assert row.words["cache", "activations", "read"] == 3
    assert row.words["reg", "activations", "write"] == 6
    assert row.words["dram", "outputs", "write"] == 1
    assert row.words["reg", "outputs", "read"] == 2


def test_stored_words() -> None:
    _, mime = booked(Mime())
    _, pruned = booked(Pruned("bitmap"))
    _, channel = booked(Mime("channel"))

    assert dict(book_storage(mime)) == {
        ("in", "shared", "weights"): 4, ("in", "shared", "norm"): 2,
        ("in", "a", "thresholds"): 8, ("in", "b", "thresholds"): 8,
        ("next", "shared", "weights"): 54, ("next", "shared", "norm"): 3,
        ("next", "a", "thresholds"): 12, ("next", "b", "thresholds"): 12,
        ("linear3", "a", "weights"): 24, ("linear3", "a", "norm"): 2,
        ("linear3", "b", "weights"): 24, ("linear3", "b", "norm"): 2,
    }  # fmt: skip
    assert book_storage(channel)["next", "a", "thresholds"] == 3
    # Half of the weights, and one word of index for each begun 16 of a block's dense words.
    assert book_storage(pruned)["next", "a", "weights"] == 27
    assert book_storage(pruned)["next", "a", "index"] == 5
