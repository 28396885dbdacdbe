"""The Verilog model and the simulator: the same cycles for every step, NumPy's values and masks (``docs/rtl.md``)."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from mimesim.config.schedule import Schedule, Skipping
from mimesim.schemes import Conventional, Mime
from tests.rtl.arithmetic import HIGHEST, LOWEST, at_density
from tests.rtl.cases import SLOW, drawn, everywhere, exactly, just_reached, machine
from tests.rtl.compare import Case, agree, cycles_agree, through_both, values_agree
from tests.rtl.device import DESIGN, RTL, SOURCES, compile_bench, need
from tests.schedule.small import chain, conv, pool

#: Three chunks of three channels and a last one of one, on a grid that the tiles of 5 x 5 do not fill.
LAYERS = chain((2, 5, 5), conv(10, 1), conv(5))


@pytest.fixture(autouse=True)
def _installed() -> None:
    need("iverilog", "iverilog")


def test_all_zero_input(tmp_path: Path) -> None:
    # Thresholds that nothing reaches: the second layer has nothing to multiply, and a pass is its swap alone.
    outcome = agree(Case(LAYERS, machine(2, 2, 2, 27), thresholds=everywhere(HIGHEST)), tmp_path)

    second = outcome.recording.runs[1].first_pass
    assert set(outcome.passes()[second:]) == {1}
    assert not any(values.any() for (_, _, tensor), values in outcome.numbers.values.items() if tensor == "conv1")


def test_dense_input(tmp_path: Path) -> None:
    outcome = agree(Case(LAYERS, machine(2, 2, 2, 27), thresholds=everywhere(LOWEST)), tmp_path)

    assert max(outcome.passes()) == 27 + 1


@pytest.mark.parametrize("rate", [1, 2, 3, 4, 8])
def test_one_position_heavier_than_all_others(rate: int, tmp_path: Path) -> None:
    # One position with all 8 channels set, seven with one each: 15 words, and 8 of them through one row.
    mask = np.zeros((8, 2, 4), dtype=np.bool_)
    mask[0] = mask[:, 1, 2] = True
    layers = chain((3, 2, 4), conv(8, 1), conv(2, 1))
    outcome = agree(Case(layers, machine(2, 4, 2, 8, activation=rate), thresholds=exactly(conv1=mask)), tmp_path)

    assert outcome.numbers.mask("a", 0, "conv1").sum() == 15
    assert outcome.passes()[-1] == max(8, -(-15 // rate)) + 1


@pytest.mark.parametrize("scheme", [Mime(), Conventional()], ids=["loaded", "relu"])
def test_thresholds_of_zero(scheme: Mime | Conventional, tmp_path: Path) -> None:
    agree(Case(LAYERS, machine(2, 2, 2), scheme=scheme, thresholds=everywhere(0)), tmp_path)


def test_words_that_saturate_and_thresholds_that_are_just_reached(tmp_path: Path) -> None:
    layers = chain((2, 4, 4), conv(6), conv(8), conv(3))
    outcome = agree(Case(layers, machine(2, 2, 2, 27), thresholds=just_reached), tmp_path)

    assert HIGHEST in outcome.numbers.values["a", 0, "conv3"]


def test_several_images_in_one_pass(tmp_path: Path) -> None:
    # 2 x 2 outputs on 16 rows: four images share a pass, the fifth and sixth the next one.
    layers = chain((2, 2, 2), conv(5), conv(3))
    outcome = agree(Case(layers, machine(4, 4, 2), tasks=("a", "b", "c"), images=2), tmp_path)

    assert {len(tile.images) for tile in outcome.made.sent} == {4, 2}


def test_last_partial_tiles(tmp_path: Path) -> None:
    # 7 x 5 positions on 4 x 4, 5 channels on 4: the last tiles are 3 x 1 positions and one channel wide.
    outcome = agree(Case(chain((3, 7, 5), conv(5), conv(5)), machine(4, 4, 4)), tmp_path)

    shapes = {(len(tile.rows), len(tile.columns), tile.channels) for tile in outcome.made.sent}
    assert (3, 1, (4, 5)) in shapes


def test_fewer_taps_in_a_bank_than_in_the_kernel(tmp_path: Path) -> None:
    agree(Case(chain((2, 5, 5), conv(3), conv(3)), machine(2, 2, 2, 4)), tmp_path)


def test_eight_by_eight_positions(tmp_path: Path) -> None:
    outcome = agree(Case(chain((2, 9, 8), conv(4), conv(3)), machine(8, 8, 2, 18, activation=24)), tmp_path)

    assert outcome.plan.hardware.grid.rows == 64


def test_eight_positions_by_eight_channels(tmp_path: Path) -> None:
    agree(Case(chain((3, 6, 4), conv(12), conv(9)), machine(2, 4, 8, 18, weight=16)), tmp_path)


@pytest.mark.parametrize("side", [2, 4])
def test_pooling_in_place(side: int, tmp_path: Path) -> None:
    layers = chain((2, 9, 10), conv(3), pool(side), conv(2, 1, activation=False))
    agree(Case(layers, machine(4, 4, 2, 18, threshold=16)), tmp_path)


def test_one_threshold_a_channel(tmp_path: Path) -> None:
    layers = chain((2, 3, 3), conv(5), conv(3))
    agree(Case(layers, machine(4, 6, 2), scheme=Mime("channel"), tasks=("a", "b")), tmp_path)


@pytest.mark.parametrize("skipping", ["none", "gate"])
@pytest.mark.parametrize("rate", [1, 4])
def test_without_skipping(skipping: Skipping, rate: int, tmp_path: Path) -> None:
    agree(Case(LAYERS, machine(2, 2, 2, activation=rate), skipping=skipping), tmp_path)


def test_one_bank_of_partial_sums(tmp_path: Path) -> None:
    one_bank = machine(2, 2, 2, 27, {"scratchpad": {"psum_banks": 1}, "compare_cycles": 9})
    outcome = agree(Case(LAYERS, one_bank), tmp_path)

    # A grid with one bank waits for each drain.
    assert outcome.steps.starts["pass"][1] == outcome.steps.ends["job"][0]


def test_tasks_with_weights_of_their_own(tmp_path: Path) -> None:
    agree(Case(LAYERS, machine(2, 2, 2), scheme=Conventional(), tasks=("a", "b"), images=2), tmp_path)


def test_with_a_memory_that_stalls(tmp_path: Path) -> None:
    outcome = agree(Case(LAYERS, machine(2, 2, 2, 9, SLOW, {"writeback_buffers": 1})), tmp_path)

    stalls = sum(row.stalls["dram"] for phase in outcome.recording.ledger.phases for row in phase.rows.values())
    assert stalls > 100


@pytest.mark.parametrize("seed", range(24))
def test_drawn(seed: int, tmp_path: Path) -> None:
    agree(drawn(seed), tmp_path)


@pytest.mark.parametrize(("rate", "cycles"), [(4, 4), (2, 5), (1, 7)])
def test_lockstep_takes_a_pair_before_the_next(rate: int, cycles: int, tmp_path: Path) -> None:
    # Three pairs: the first is set at all four positions, the others at one each. Two cycles for the first pair's words
    # at 2 a cycle, and then one for each of the others; the swap.
    mask = np.zeros((3, 2, 2), dtype=np.bool_)
    mask[0] = mask[1:, 0, 0] = True
    layers = chain((3, 2, 2), conv(3, 1), conv(1, 1))
    case = Case(layers, machine(2, 2, 1, activation=rate), skipping="lockstep", thresholds=exactly(conv1=mask))
    outcome = agree(case, tmp_path)

    assert outcome.numbers.mask("a", 0, "conv1").sum() == 6
    assert outcome.recording.runs[1].phase.cycles[-1] == outcome.passes()[-1] == cycles


def test_lockstep(tmp_path: Path) -> None:
    agree(Case(LAYERS, machine(2, 2, 2, activation=4), skipping="lockstep", thresholds=at_density(0.2)), tmp_path)


def scarcity(prefetch: int) -> Case:
    """Everything waits for something: drains are long, buffers few, the network is narrow, and passes share fills.

    With little *prefetch* passes wait for their fills, with more fills wait for their banks.
    """
    scarce = {"compare_cycles": 40, "writeback_buffers": 1, "activation_block": {"patch": (2, 2), "channels": 2}}
    return Case(
        chain((2, 4, 4), conv(6), conv(8), conv(3)),
        machine(2, 2, 2, 18, SLOW, {"caches": {"lookup_cycles": 1}, "prefetch_passes": prefetch}, scarce, activation=2),
        thresholds=just_reached,
        images=2,
        schedule=Schedule(position_tiles_per_pe=2),
    )


@pytest.mark.parametrize("prefetch", [2, 8])
def test_where_everything_waits_for_something(prefetch: int, tmp_path: Path) -> None:
    agree(scarcity(prefetch), tmp_path)


#: Faults by name: the file, what stands there, what takes its place, and whether cycles or only words show it.
FAULTS = {
    "one clock a pass": ("pe_grid.v", "busy <= working;", "busy <= 0;", "cycles"),
    "fill overtakes a bank": ("weight_loader.v", "fills_retired + 2", "fills_retired + 3", "cycles"),
    "one fill at a time": ("weight_loader.v", "fills_retired + 2", "fills_retired + 1", "cycles"),
    "sums overtake the drain": (
        "pe_grid.v",
        "accumulations_drained < PSUM_BANKS",
        "accumulations_drained < 3",
        "cycles",
    ),
    "pass before its fill": ("pe_grid.v", "fills_done > fills_used", "fills_done >= fills_used", "cycles"),
    "network without limit": ("activation_network.v", "if (reaching >= WORDS) least", "if (0) least", "cycles"),
    "first rows first": ("activation_network.v", "+: 16] > least;", "+: 16] != 0 && granted < WORDS;", "cycles"),
    "a word too few a row": ("activation_network.v", "least != 0 && counts_now", "least > 1 && counts_now", "cycles"),
    "compares a cycle longer": ("comparators.v", ">= COMPARE_CYCLES", "> COMPARE_CYCLES", "cycles"),
    "no write buffer": ("comparators.v", "< WRITE_BUFFERS", "< WRITE_BUFFERS + 1", "cycles"),
    "threshold not reached": ("comparator.v", "value >= threshold", "value > threshold", "cycles"),
    "no norm": ("pe.v", "start = norm", "start = 0", "words"),
    "sums go on": ("pe.v", "else if (begin_sum)", "else if (1'b0)", "words"),
    "logical shift": ("comparator.v", "sum >>> shift", "sum >> shift", "words"),
    "no saturation": ("comparator.v", "assign word = ", "assign word = !fits ? 0 : ", "words"),
    "wrong weight bank": ("pe_grid.v", "mac_bank = !fill_now[0]", "mac_bank = fill_now[0]", "words"),
    "one slot for all": ("pe_grid.v", "sum_index = slot +", "sum_index = 0 +", "words"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_seen(fault: str, tmp_path: Path) -> None:
    name, right, wrong, shown = FAULTS[fault]
    sources = []
    for path in SOURCES:
        text = path.read_text(encoding="ascii")
        assert path.name != name or text.count(right) >= 1
        sources.append(tmp_path / path.name)
        sources[-1].write_text(text.replace(right, wrong) if path.name == name else text, encoding="ascii")

    def compare() -> None:
        for prefetch in (8, 2):
            (cycles_agree if shown == "cycles" else values_agree)(through_both(scarcity(prefetch), tmp_path, sources))

    with pytest.raises(AssertionError):
        compare()


@pytest.mark.parametrize("latency", [0, 1, 2])
def test_the_compiler_has_nothing_to_say(latency: int, tmp_path: Path) -> None:
    assert compile_bench({"LATENCY": latency}, tmp_path / "bench.vvp") == ""


def test_it_synthesises() -> None:
    if shutil.which("yosys") is None:
        pytest.skip("needs yosys, of the package yosys")
    # A grid of few gates; none of them may be a latch, which is what a forgotten case would become.
    small = {"COLUMNS": 1, "BANK_WORDS": 3, "MOST_POOL": 2, "WEIGHT_WORDS": 2, "THRESHOLD_WORDS": 2, "OUTPUT_WORDS": 2}
    script = "; ".join(
        [
            "read_verilog " + " ".join(path.name for path in DESIGN),
            "chparam " + " ".join(f"-set {name} {value}" for name, value in small.items()) + " accelerator",
            "synth -top accelerator -flatten -noabc",
            "check -assert",
            "select -assert-none t:$_DLATCH_*",
        ]
    )
    done = subprocess.run(["yosys", "-q", "-p", script], text=True, capture_output=True, check=False, cwd=RTL)
    assert done.returncode == 0, done.stdout + done.stderr
