"""Counts of a replay against those recomputed from the trace's files by plain loops (see :mod:`brute`)."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from mimesim.config.schedule import Schedule
from mimesim.ledger import CaseLedger
from mimesim.machine import replay
from mimesim.networks import build
from mimesim.schedule.costs import CostBook
from mimesim.schedule.images import compose_batches
from mimesim.schedule.program import plan_case
from mimesim.schemes import Conventional, Mime
from mimesim.trace import Trace, draw_trace
from tests.properties import brute
from tests.schedule.small import hardware

TASKS = ("cifar10", "cifar100")
#: Small enough for everything to be evicted at times.
CACHES = {"weights": 2048, "activations": 2560, "thresholds": 512}
BATCH = [("cifar10", 0), ("cifar100", 0), ("cifar10", 1)]


@pytest.fixture(scope="module", params=["conventional", "mime"])
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path: Path = tmp_path_factory.mktemp("traces") / request.param
    draw_trace(path, network=build("tiny", 12), scheme=request.param, tasks=TASKS, images=2, seed=3)
    return path


def replayed(folder: Path, skip: bool) -> CaseLedger:
    trace = Trace.load(folder)
    machine = hardware(
        {"grid": {"channels": 16}, "caches": {f"{kind}_kib": words * 2 / 1024 for kind, words in CACHES.items()}}
    )
    first, _ = compose_batches(trace, TASKS, "pipelined", 2, 3)
    assert [(image.task, image.number) for image in first] == BATCH
    scheme = Mime() if trace.scheme == "mime" else Conventional()
    skipping = "per_position" if skip else "none"
    plan = plan_case(trace.network, scheme, skipping, machine, Schedule(), [first], TASKS, CostBook())
    return replay(plan)


@pytest.mark.parametrize("skip", [True, False], ids=["skipping", "dense"])
def test_every_word_of_dram_and_every_mac_is_accounted_for(folder: Path, skip: bool) -> None:
    ledger = replayed(folder, skip)
    counted = brute.Replay(brute.Trace(folder), BATCH, mime=folder.name == "mime", skip=skip, columns=16, caches=CACHES)

    assert sum(row.macs for phase in ledger.phases for row in phase.rows.values()) == counted.macs
    dram = Counter({(tensor, way): words for (level, tensor, way), words in ledger.words().items() if level == "dram"})
    assert dram == +counted.words


def test_the_caches_are_too_small_for_the_test_to_be_easy(folder: Path) -> None:
    # Otherwise nothing would be read twice, and the LRU would not matter.
    ledger = replayed(folder, True)
    stored: Counter[str] = Counter()
    for (_, _, tensor), words in ledger.stored_words.items():
        stored[tensor] += words
    read = ledger.words()

    assert read["dram", "weights", "read"] > stored["weights"]
    assert read["dram", "activations", "read"] > 1.2 * read["dram", "outputs", "write"]
