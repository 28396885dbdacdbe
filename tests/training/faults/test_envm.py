"""``mimesim faults --in envm``: misread cells of the weights that all tasks share."""

from __future__ import annotations

from math import sqrt
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mimesim.config import load_workload
from mimesim.faults.cells import RRAM, Level, Levels, draw_misreads, split_word
from mimesim.faults.outcome import CaseFaults
from mimesim.faults.upsets import Ints, Upsets
from mimesim.trace import Trace
from mimesim.training.faults import misreads
from mimesim.training.faults.campaign import Request, inject
from mimesim.training.faults.loading import TrainedRun
from mimesim.training.faults.stored import fold_norms, quantise
from tests.training.faults.small import TASKS
from tests.training.faults.test_campaign import WEIGHTS, command
from tests.training.faults.test_errors import refused

SHARED = ("stem", "depthwise", "hidden")


def run(folder: Path, cells: tuple[int, ...], case: str = "mime", seeds: int = 3) -> CaseFaults:
    workload = load_workload(str(folder / "workload.yaml"), [])
    request = Request(("envm",), (), (0.5,), seeds, 20, cells=cells)
    (found,) = inject(workload, [case], folder / "runs" / "small", request)
    return found


def test_single_bits_are_right_and_three_a_cell_are_not(trained: Path) -> None:
    found = run(trained, (1, 2, 3))
    right = {base.task: base.right for base in found.base}
    for trial in found.trials:
        flips = {(one.task, one.layer): one.flips for one in trial.layers}
        assert trial.rate == RRAM[trial.bits_per_cell].mean_misread
        if trial.bits_per_cell < 3:  # 8e-9 a cell: hardly ever in 1,400 words
            assert trial.right == right
            assert not any(flips.values())
            continue
        assert all(flips[TASKS[0], layer] == flips[TASKS[1], layer] for layer in SHARED)
        assert sum(flips[TASKS[0], layer] for layer in SHARED) > 0
        assert flips[TASKS[0], "head"] == flips[TASKS[1], "head"] == 0
        assert sum(one.cleared + one.set for one in trial.layers) > 0


def test_as_many_bits_are_wrong_as_the_stored_levels_say(trained: Path) -> None:
    loaded = TrainedRun(trained / "runs" / "small", Trace.load(trained / "traces" / "mime"))
    model = loaded.model(TASKS[0])
    fold_norms({TASKS[0]: model}, set(WEIGHTS), loaded.parent)
    formats = quantise(model, 16)
    expected = 0.0
    for layer in SHARED:
        words = formats.weights[layer].encode(model.layers[layer].weight.detach().numpy()).reshape(-1) % 2**16
        for low, bits in split_word(16, 3):
            level = words >> low & 2**bits - 1
            for number, (up, down) in enumerate(zip(RRAM[bits].up, RRAM[bits].down, strict=True)):
                changed = [int(number ^ other).bit_count() for other in (number + 1, max(number - 1, 0))]
                expected += int((level == number).sum()) * (up * changed[0] + down * changed[1])
    seeds = 20
    trials = run(trained, (3,), seeds=seeds).trials
    mean = np.mean([sum(one.flips for one in trial.layers if one.task == TASKS[0]) for trial in trials])
    # at most three bits come with one misread
    assert abs(mean - expected) < 5 * sqrt(3 * expected / seeds)


def test_cells_that_overlap_ruin_the_network(trained: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wide = Levels(tuple(Level(number / 3, 0.5) for number in range(4)))

    def draw(random: np.random.Generator, words: Ints, bits: int, cell: int, *_: object) -> Upsets:
        return draw_misreads(random, words, bits, cell, {2: wide})

    monkeypatch.setattr(misreads, "draw_misreads", draw)
    found = run(trained, (2,))
    assert np.mean([trial.right[TASKS[0]] for trial in found.trials]) < found.base[0].right - 3


def test_the_tables_name_the_cells(trained: Path, tmp_path: Path) -> None:
    places = ("--case", "mime", "--in", "envm", "--in", "dram", "--rate", "0.001", "--bits-per-cell", "1,3")
    arguments = (*places, "--images", "4", "--seeds", "2", "--plot")
    done = command(trained, tmp_path / "out", *arguments)
    assert done.exit_code == 0, done.output
    assert "envm (3 bit a cell)" in done.output
    table = pd.read_csv(tmp_path / "out" / "accuracy.csv")
    assert set(table[table["place"] == "envm"]["bits_per_cell"]) == {1, 3}
    assert set(table[table["place"] == "envm"]["tensor"]) == {"weights"}
    assert set(table[table["place"] == "dram"]["bits_per_cell"]) == {0}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("--case mime --in envm --bits-per-cell 4", "--bits-per-cell: 4: must be one of 1, 2, 3"),
        (
            "--case mime --in envm --bits-per-cell 1,1",
            "--bits-per-cell: (1, 1): must name at least one, and none twice",
        ),
        ("--case mime --in envm --of thresholds", "--of: must be weights where --in is envm"),
        (
            "--case mime --in envm --set hardware.envm.technology=fefet",
            "--bits-per-cell: 1: the technology, hardware.envm.technology, has no levels: none are published",
        ),
        ("--case conventional --in envm", "--in: 'envm': holds weights that all tasks share, and case 'conventional'"),
    ],
)
def test_what_cannot_be_in_cells_is_refused(trained: Path, arguments: str, message: str) -> None:
    assert refused(trained, arguments).startswith(message)
