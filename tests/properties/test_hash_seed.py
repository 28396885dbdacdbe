"""Same inputs, same ledger, whatever the seed of Python's hashes and whatever ran before."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from mimesim.schemes import Mime, Pruned
from tests.schedule.small import chain, conv, drawn_masks, hardware, pool, run

ROOT = Path(__file__).parents[2]
TASKS = ("a", "b", "c")
MACHINE = hardware({"grid": {"channels": 8}, "caches": {"activations_kib": 4.0, "weights_kib": 2.5}})


def ledgers() -> str:
    """Return everything that two small replays count, as text."""
    network = chain((4, 8, 8), conv(12), pool(2), conv(10, groups=2), {"kind": "linear", "channels": 5})
    masks = drawn_masks(network, TASKS, 2, 0.4, seed=5)
    return "\n".join(repr(run(masks, MACHINE, scheme, tasks=TASKS, images=2)) for scheme in (Mime(), Pruned("bitmap")))


def test_the_ledger_does_not_depend_on_the_hash_seed() -> None:
    texts = set()
    for seed in ("0", "1", "4242"):
        program = "from tests.properties.test_hash_seed import ledgers; print(ledgers())"
        environment = os.environ | {"PYTHONHASHSEED": seed}
        done = subprocess.run(
            [sys.executable, "-c", program], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
        )
        texts.add(done.stdout.strip())

    assert texts == {ledgers()}
    assert "macs=" in texts.pop()


def test_a_second_replay_counts_the_same() -> None:
    assert ledgers() == ledgers()
