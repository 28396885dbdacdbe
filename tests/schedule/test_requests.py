"""Several tasks on one image: what they share runs once, what they do not share runs for its task."""

from __future__ import annotations

import numpy as np
import pytest

from mimesim.conservation import violations
from mimesim.errors import InputError
from mimesim.machine import replay
from mimesim.network import Network, Node
from mimesim.schedule.requests import RequestMasks, compose_requests, shares_computation
from mimesim.schemes import SHARED, BnOnly, Conventional, Mime, Pam, Scheme
from tests.schedule.small import Masks, hardware, plan

MACHINE = hardware({"grid": {"positions": (1, 1), "channels": 4}})
UNITS = {"a": ("shared", "a"), "b": ("shared", "b")}
#: Picture 0 is number 0 of a and 1 of b, and the other way round.
NUMBERS = [{"a": 0, "b": 1}, {"a": 1, "b": 0}]


def merged() -> Network:
    """Return a shared layer, a layer of each task that reads it, and a head for each."""
    layer = {"kind": "conv", "shape": (3, 1, 1), "activation": True}
    parts = [("shared", ("image",)), ("a", ("c.shared",)), ("b", ("c.shared",))]
    return Network(
        name="merged",
        nodes=(
            Node(name="image", kind="input", shape=(2, 1, 1)),
            *(Node.model_validate(layer | {"name": f"c.{u}", "inputs": read, "unit": u}) for u, read in parts),
            *(Node(name=f"head.{u}", kind="linear", inputs=(f"c.{u}",), shape=(2, 1, 1), unit=u) for u in ("a", "b")),
        ),
    )


def masks() -> Masks:
    shared = {("a", 0): [1, 0, 1], ("b", 1): [1, 0, 1], ("a", 1): [0, 1, 0], ("b", 0): [0, 1, 0]}
    bits = {(*key, "c.shared"): np.array(one, dtype=np.bool_).reshape(3, 1, 1) for key, one in shared.items()}
    return Masks(merged(), bits, units=UNITS)


def test_shared_parts_run_once() -> None:
    source = RequestMasks(masks(), merged(), NUMBERS)
    batches = compose_requests(source, ("a", "b"), NUMBERS, 2, shared=True)
    assert [[(image.task, image.number) for image in batch] for batch in batches] == [[("a+b", 0), ("a+b", 1)]]
    made = plan(masks(), MACHINE, Pam(), tasks=("a", "b"), batches=batches)
    ledger = replay(made)
    assert violations(made, ledger) == []
    assert [(phase.layer, phase.images) for phase in ledger.phases] == [
        (layer, (0, 1)) for layer in ("c.shared", "c.a", "c.b", "head.a", "head.b")
    ]
    macs = {phase.layer: [phase.rows[image].macs for image in (0, 1)] for phase in ledger.phases}
    # The picture is dense; two or one of the shared neurons fire; the tasks' own all do.
    assert macs == {"c.shared": [6, 6], "c.a": [6, 3], "c.b": [6, 3], "head.a": [6, 6], "head.b": [6, 6]}
    owners = {layer: owner for layer, owner, _ in ledger.stored_words}
    assert owners == {"c.shared": SHARED, "c.a": "a", "c.b": "b", "head.a": "a", "head.b": "b"}


def test_one_after_the_other_takes_the_shared_part_twice() -> None:
    batches = compose_requests(masks(), ("a", "b"), NUMBERS, 3, shared=False)
    assert [[(image.task, image.number) for image in batch] for batch in batches] == [
        [("a", 0), ("b", 1), ("a", 1)],
        [("b", 0)],
    ]
    ledger = replay(plan(masks(), MACHINE, Pam(), tasks=("a", "b"), batches=batches))
    assert sum(row.macs for p in ledger.phases if p.layer == "c.shared" for row in p.rows.values()) == 24


@pytest.mark.parametrize(
    ("scheme", "shares"), [(Pam(), True), (Mime(), False), (BnOnly(), False), (Conventional(), False)]
)
def test_who_shares_computation(scheme: Scheme, shares: bool) -> None:
    assert shares_computation(merged(), scheme, masks(), ("a", "b")) is shares


def test_masks_of_what_is_shared_are_equal() -> None:
    source = masks()
    source.masks["b", 1, "c.shared"] = np.ones((3, 1, 1), dtype=np.bool_)
    requests = RequestMasks(source, merged(), NUMBERS)
    assert requests.mask("a+b", 1, "c.shared").sum() == 1
    with pytest.raises(InputError, match=r"c.shared: tasks a\+b share this tensor, but their masks of image 0 differ"):
        requests.mask("a+b", 0, "c.shared")
