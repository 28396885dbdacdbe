"""Whole runs that were worked out by hand from ``docs/machine.md``; the arithmetic is in the comments."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings

from mimesim.config.schedule import Schedule
from mimesim.errors import InputError
from mimesim.network import Network, Node

from . import OracleCase, OracleImage, simulate
from .bench import bench
from .strategies import Scenario, scenarios

DENSE = OracleCase("none", weights_shared=True, thresholds=None)


def single(inputs: tuple[int, int, int], outputs: tuple[int, int, int], **conv: object) -> Network:
    fields: dict[str, object] = {"name": "conv", "kind": "conv", "inputs": ("image",), "shape": outputs} | conv
    return Network(name="single", nodes=(Node(name="image", kind="input", shape=inputs), Node.model_validate(fields)))


def image(task: str = "a", **masks: np.ndarray) -> OracleImage:
    return OracleImage(task, masks)


def test_one_multiplication() -> None:
    hardware = bench(
        noc={"weight_words_per_cycle": 1, "fill_words_per_cycle": 1, "latency_cycles": 1},
        timing={"t_rcd": 2, "t_rp": 2, "t_cl": 3, "t_cwl": 2, "t_rtw": 2},
        dram={"burst_bytes": 2},
    )
    result = simulate(single((1, 1, 1), (1, 1, 1)), [[image()]], ["a"], hardware, Schedule(), DENSE)
    # Bursts of one word. Addresses: weight 0, norm 1, image 2, output 3; all in row 0 of bank 0.
    #  0..1  lookup of the weights; request of 2 bursts granted in 1: activate 1, columns 3 and 4, data 6..8.
    #        The port needs 1 + 2 = 3: complete in 8.
    #  1..2  lookup of the activations; granted in 2, row open, bus free at 8: column 5, data 8..9: complete in 9.
    #  8..11 fill: 2 words at 1 a cycle + 1 of latency.
    # 11..13 the pass: 1 + 1 to swap.
    # 13..15 the drain: 1 to compare, 1 word out. Its write is granted in 15: column 15, data 17..18.
    assert result.cycles == 18
    (phase,) = result.phases
    assert (phase.start_cycle, phase.end_cycle, phase.busy_cycles, phase.macs) == (0, 18, 2, 1)
    assert phase.stalls == {"cache": 2, "dram": 7, "noc": 2, "drain": 5}
    assert result.busy == {"controller": 2, "dram": 4, "noc": 3, "pe_grid": 2, "cmp": 2}
    assert result.bursts == {("weights", "read"): 2, ("activations", "read"): 1, ("outputs", "write"): 1}
    assert result.words == {
        ("dram", "weights", "read"): 1,
        ("dram", "norm", "read"): 1,
        ("dram", "activations", "read"): 1,
        ("dram", "outputs", "write"): 1,
        ("cache", "weights", "write"): 1,
        ("cache", "norm", "write"): 1,
        ("cache", "activations", "write"): 1,
        ("cache", "weights", "read"): 1,
        ("cache", "norm", "read"): 1,
        ("cache", "activations", "read"): 1,
        ("reg", "weights", "write"): 2,
        ("reg", "weights", "read"): 1,
        ("reg", "activations", "write"): 1,
        ("reg", "activations", "read"): 1,
        ("reg", "psums", "read"): 1,
        ("reg", "psums", "write"): 1,
        ("reg", "outputs", "read"): 1,
    }


@pytest.mark.parametrize(("banks", "cycles", "drain"), [(2, 39, 30), (1, 43, 34)])
def test_partial_sum_banks(banks: int, cycles: int, drain: int) -> None:
    # Three output channels on one column: three accumulations of one pass, each with a drain of 10 + 1 cycles.
    hardware = bench(psum_banks=banks, compare_cycles=10)
    result = simulate(single((1, 1, 1), (3, 1, 1)), [[image()]], ["a"], hardware, Schedule(), DENSE)
    # Lookups 0..1 (weights 0), 1..2 (image), 2..3 and 3..4 (weights 1 and 2); each request is complete a cycle later.
    # Fills 2..3, 4..5, 5..6 (the last waits for pass 0, whose bank it takes). Pass 0: 3..5, job 0: 5..16.
    # 2 banks: pass 1: 5..7, job 1: 16..27; pass 2 waits for job 0: 16..18, job 2: 27..38, its write 38..39.
    # 1 bank:  pass 1 waits for job 0: 16..18, job 1: 18..29; pass 2: 29..31, job 2: 31..42, its write 42..43.
    # All outputs are in one block, which only job 2 completes.
    assert result.cycles == cycles
    assert result.phases[0].stalls == {"cache": 2, "dram": 1, "noc": 0, "drain": drain}
    assert result.bursts["outputs", "write"] == 1
    assert result.busy["cmp"] == 33


def barrier_network() -> tuple[Network, OracleImage]:
    network = Network(
        name="barrier",
        nodes=(
            Node(name="image", kind="input", shape=(1, 1, 2)),
            Node(name="wide", kind="conv", inputs=("image",), shape=(8, 1, 2), activation=True),
            Node(name="narrow", kind="conv", inputs=("wide",), shape=(1, 1, 2)),
        ),
    )
    mask = np.zeros((8, 1, 2), dtype=bool)
    mask[:4, 0, 0] = mask[4:, 0, 1] = True
    return network, image(wide=mask)


@pytest.mark.parametrize(("barrier", "length", "busy"), [("pass", 15, 10), ("tile", 12, 7)])
def test_barrier(barrier: str, length: int, busy: int) -> None:
    # `narrow` runs in two chunks of 4 channels; row 0 has work in the first only, row 1 in the second only.
    network, masked = barrier_network()
    hardware = bench(positions=(1, 2), bank=4)
    case = OracleCase("per_position", weights_shared=True, thresholds=None)
    schedule = Schedule.model_validate({"barrier": barrier})
    result = simulate(network, [[masked]], ["a"], hardware, schedule, case)
    phase = result.phases[1]
    # E: end of the first phase; by then the weights of the first chunk have been fetched and filled.
    # E..E+1 lookup of the activations: 8 non-zeros + 1 of bitmap, one burst, complete in E+2 = S, the first start.
    # E+1..E+2 lookup of the second chunk's weights, complete in E+3, filled E+3..E+4: ready(second) = S+2.
    # pass: S..S+5 and S+5..S+10. tile: row 0 ends at S+5 and S+6, row 1 at S+1 and max(S+1, S+2) + 5 = S+7;
    #       the network (8 words a cycle) at S+2 and S+4: busy until S+7.
    # Then the drain: 1 to compare + 1 for 2 words, and 1 cycle to write.
    assert phase.end_cycle - phase.start_cycle == length
    assert phase.busy_cycles == busy
    assert phase.stalls == {"cache": 1, "dram": 1, "noc": 0, "drain": 3}
    assert phase.macs == 8


def test_thresholds_and_compressed_outputs() -> None:
    # Two images of different tasks with shared weights on a 1 x 2 grid share each pass of the 1 x 1 outputs.
    network = single((1, 1, 1), (2, 1, 1), activation=True)
    masks = [np.array([[[True]], [[False]]]), np.array([[[False]], [[False]]])]
    batch = [image(task, conv=mask) for task, mask in zip("ab", masks, strict=True)]
    hardware = bench(positions=(1, 2), channels=2, compare_cycles=3, noc={"threshold_words_per_cycle": 3})
    case = OracleCase("gate", weights_shared=True, thresholds="neuron")
    result = simulate(network, [batch], ["a", "b"], hardware, Schedule(), case)
    # One pass. Weights 0..1, complete 2 (2 weights + 2 norms in one burst); the rest is looked up in 1..2.
    # Two images in one request, granted in 2: data 2..4. The port is slower by nothing: complete in 4.
    # Two threshold blocks in one request of the same cycle: data 4..6, port 2 + 2: complete in 6.
    # Fill 2..3 (4 words at 8 a cycle). Pass 4..6: 1 + 1. Drain from 6: thresholds 2 x 2 words at 3 a cycle: 2,
    # compare 3, out (1 + 1) + (0 + 1) = 3 words: 1; so 6..12. Two writes of one burst in one request: 12..14.
    assert result.cycles == 14
    assert result.busy == {"controller": 2, "dram": 7, "noc": 1, "pe_grid": 2, "cmp": 6}
    assert result.phases[0].stalls == {"cache": 2, "dram": 2, "noc": 0, "drain": 8}
    assert result.phases[0].macs == 4
    words = result.words
    assert words["dram", "thresholds", "read"] == words["cache", "thresholds", "read"] == 4
    assert (words["dram", "outputs", "write"], words["dram", "mask", "write"]) == (1, 2)
    assert words["reg", "outputs", "read"] == 4
    assert words["reg", "activations", "write"] == 4
    assert ("dram", "mask", "read") not in words


def test_skipping_modes_count_differently() -> None:
    # A 3 x 3 window with padding 1 over a 1 x 1 image: 1 of 9 taps is inside.
    network = single((1, 1, 1), (1, 1, 1), kernel=(3, 3), padding=(1, 1))
    busy = {}
    for skipping in ("none", "gate", "lockstep", "per_position"):
        case = OracleCase(skipping, weights_shared=True, thresholds=None)
        result = simulate(network, [[image()]], ["a"], bench(bank=9), Schedule(), case)
        assert result.words["cache", "activations", "read"] == result.phases[0].macs == 1
        busy[skipping] = result.phases[0].busy_cycles
        # A bank of 9 taps: one pass; all of its PE-cycles are accounted for.
        assert sum(result.phases[0].balance.values()) + 1 == busy[skipping]
    assert busy == {"none": 10, "gate": 10, "lockstep": 2, "per_position": 2}


def test_too_small_a_cache_is_an_error() -> None:
    hardware = bench(caches={"weights_kib": 16 / 1024})
    with pytest.raises(InputError):
        simulate(single((1, 1, 1), (1, 1, 1)), [[image()]], ["a"], hardware, Schedule(), DENSE)


def run(scenario: Scenario, *, skip_idle: bool = True) -> dict[str, object]:
    result = simulate(
        scenario.network,
        scenario.batches,
        scenario.tasks,
        scenario.hardware,
        scenario.schedule,
        scenario.case,
        skip_idle=skip_idle,
    )
    return dataclasses.asdict(result)


@settings(max_examples=25, deadline=None)
@given(scenarios(most_layers=2, channels=6, size=5))
def test_leaping_over_idle_cycles_changes_nothing(scenario: Scenario) -> None:
    assert run(scenario) == run(scenario, skip_idle=False)


@settings(max_examples=25, deadline=None)
@given(scenarios())
def test_every_cycle_and_every_multiplication_is_accounted_for(scenario: Scenario) -> None:
    result = simulate(
        scenario.network, scenario.batches, scenario.tasks, scenario.hardware, scenario.schedule, scenario.case
    )
    end = 0
    for phase in result.phases:
        assert phase.start_cycle == end
        end = phase.end_cycle
        assert phase.busy_cycles + sum(phase.stalls.values()) == end - phase.start_cycle
        assert min([*phase.stalls.values(), *phase.balance.values()]) >= 0
        assert phase.macs + sum(phase.balance.values()) == scenario.hardware.grid.pes * phase.busy_cycles
        if scenario.case.skipping == "none":
            most = len(phase.images) * scenario.network.macs_dense(phase.operation)
            # Tensors that an image does not have are not multiplied.
            assert phase.macs <= most if scenario.case.units else phase.macs == most
    assert result.cycles == end
    assert sum(phase.macs for phase in result.phases) == result.words.get(("reg", "psums", "write"), 0)
