"""The scheme that ``docs/schemes.md`` shows is one, and the page names every scheme and every field there is."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path
from typing import Any

from mimesim.conservation import violations
from mimesim.machine import replay
from mimesim.schemes import SCHEMES, SHARED, LayerParameters
from tests.schedule.small import Masks, chain, conv, hardware, plan

PAGE = (Path(__file__).parents[2] / "docs" / "schemes.md").read_text(encoding="utf-8")


def test_the_example_runs() -> None:
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    names: dict[str, Any] = {}
    exec(code, names)  # noqa: S102 - our own page
    network = chain((3, 4, 4), conv(4), conv(4), conv(4))
    made = plan(Masks(network), hardware(), names["Stem"](), tasks=("a", "b"))
    ledger = replay(made)

    assert violations(made, ledger) == []
    owners = {(layer, owner) for layer, owner, _ in ledger.stored_words}
    assert owners == {("conv1", SHARED), ("conv2", SHARED), ("conv3", "a"), ("conv3", "b")}


def test_the_page_is_complete() -> None:
    first, second = PAGE.split("## A scheme")
    assert re.findall(r"^\| `(\w+)`", first, re.MULTILINE) == list(SCHEMES)
    named = {name for row in re.findall(r"^\| (`.*?) \|", second, re.MULTILINE) for name in re.findall(r"`(\w+)`", row)}
    assert named == {field.name for field in fields(LayerParameters)}
