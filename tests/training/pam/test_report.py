"""Which rounds are compared, and what the tables say of them."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import pytest
import torch

from mimesim.training.pam.config import PamConfig
from mimesim.training.pam.count import cost
from mimesim.training.pam.merge import merge, side_by_side, single, trunk
from mimesim.training.pam.partition import LayerPartition
from mimesim.training.pam.report import Measured, choose, combination_table, write_results
from tests.training.pam.networks import SIZE, mixed, small, two


@cache
def measured() -> list[Measured]:
    """Two rounds of three systems; the second prunes one shared neuron, or one of each network."""
    models = two()
    nets = [single(task, model, SIZE) for task, model in models.items()]
    merged = merge(models, mixed(models), SIZE)
    torch.manual_seed(0)
    whole = trunk(small(1, 3), {"a": 3, "b": 4}, SIZE)
    held = {
        ("separate", 0): (0.9, 0.8), ("separate", 1): (0.88, 0.8), ("pam", 0): (0.86, 0.84), ("pam", 1): (0.8, 0.86),
        ("trunk", 0): (0.6, 0.5), ("trunk", 1): (0.7, 0.3),
    }  # fmt: skip
    starts = {"separate": side_by_side(nets), "pam": merged, "trunk": whole}
    smaller = {
        "separate": side_by_side([net.select({("conv2", "shared"): range(3)}) for net in nets]),
        "pam": merged.select({("conv2", "shared"): [0]}),
        "trunk": whole.select({("conv2", "shared"): [0, 1]}),
    }
    found = []
    for (system, number), accuracy in held.items():
        net = smaller[system] if number else starts[system]
        test = {"a": accuracy[0] - 0.05, "b": accuracy[1] - 0.05}
        found.append(Measured(system, number, net, dict(zip("ab", accuracy, strict=True)), test))
    return found


def test_the_smallest_of_equal_accuracy_is_compared() -> None:
    assert choose(measured(), 0.01) == {"separate": 1, "pam": 0, "trunk": 0}
    assert choose(measured(), 0.02) == {"separate": 1, "pam": 1, "trunk": 0}
    assert choose(measured(), 0.0) == {"separate": 0, "pam": 0, "trunk": 0}
    assert choose(measured(), 0.9) == {"separate": 1, "pam": 1, "trunk": 1}


def test_the_table_says_what_each_combination_costs() -> None:
    entries = measured()
    table = combination_table(entries, choose(entries, 0.02))
    assert len(table) == 6 * 3
    assert list(table.combination[:3]) == ["a", "b", "a+b"]
    both = table[(table.system == "pam") & (table["round"] == 1) & (table.combination == "a+b")].iloc[0]
    pam = next(entry.net for entry in entries if (entry.system, entry.round) == ("pam", 1))
    base = next(entry.net for entry in entries if (entry.system, entry.round) == ("separate", 1))
    assert both.macs == cost(pam, ["a", "b"]).macs
    assert both.parameters == cost(pam, ["a", "b"]).parameters
    assert both.accuracy == pytest.approx((0.75 + 0.81) / 2)
    assert both.macs_share == pytest.approx(cost(pam, "ab").macs / cost(base, "ab").macs, abs=1e-6)
    assert both.chosen
    assert table.chosen.sum() == 9


def test_the_report_names_budget_claims_and_shortfalls() -> None:
    fit = {"epochs": 2}
    config = PamConfig.model_validate({
        "system": "pam", "name": "mine", "dataset": "digits", "tasks": [{"name": "a"}, {"name": "b"}],
        "single": fit, "merged": fit, "pruning": {"rounds": 1, "fit": fit}, "results": "out", "note": "A note.",
    })  # fmt: skip
    entries = measured()
    partition = {"conv1": LayerPartition((0, 1), {"a": (2,), "b": ()}, (3, 4, 5))}
    report = write_results(config, partition, entries, 90, 10)
    assert report.files == write_results(config, partition, entries, 90, 10).files
    text = report.files["results.md"]
    assert "A note." in text
    assert "Budget: 90 training images, 2 epochs for each network" in text
    assert "the paper claims up to 4.87." in text
    assert "the paper compares with none." in text
    assert "2.01" not in text  # said of the earlier scheme, which is not among the systems
    trunk = next(entry for entry in entries if entry.system == "trunk")
    zipped = write_results(config, partition, [*entries, replace(trunk, system="mtz")], 90, 10).files["results.md"]
    factor = cost(trunk.net, "ab").macs / cost(next(e.net for e in entries if e.system == "pam"), "ab").macs
    assert f"The zipped network takes {factor:.2f}" in zipped or f"to {factor:.2f} times" in zipped
    assert "the paper claims up to 2.01." in zipped
    assert "| trunk | one network that all tasks share whole | 0 | 0.5500 (none is good enough; the best) |" in text
    assert "| conv1 | 2 | 1 | 0 | 3 |" in text
    assert report.files["partition.csv"].splitlines()[:2] == ["layer,unit,neurons", "conv1,shared,2"]
