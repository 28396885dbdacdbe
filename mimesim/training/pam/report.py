"""What came out of merging: tables of every combination of tasks, and a report that compares the systems."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import mean

import pandas

from mimesim.training.pam.config import PamConfig
from mimesim.training.pam.count import combinations_of, cost
from mimesim.training.pam.merged import MergedNet
from mimesim.training.pam.partition import Partition

__all__ = ["Measured", "Report", "choose", "combination_table", "partition_table", "write_results"]

#: Of the paper's abstract: how many times fewer multiplications, at most, than what it compares with.
CLAIMS = {"separate": 4.87, "mtz": 2.01}
_TITLES = {
    "separate": "a network for each task, pruned for itself",
    "pam": "merged by information",
    "random": "merged by a random partition of the same sizes",
    "trunk": "one network that all tasks share whole",
    "mtz": "zipped layer by layer, an earlier scheme",
}


@dataclass(frozen=True)
class Measured:
    """A system after some rounds of pruning, and the accuracy of its tasks on held-out and on test images."""

    system: str
    round: int
    net: MergedNet
    held_out: dict[str, float]
    test: dict[str, float]


@dataclass(frozen=True)
class Report:
    """The round chosen of each system, and the text of each file."""

    chosen: dict[str, int]
    files: dict[str, str]


def choose(measured: Sequence[Measured], tolerance: float) -> dict[str, int]:
    """The round of each system that is compared: the last whose mean accuracy on held-out images is at most *tolerance*
    below that of the separate networks before pruning; where none is that good, the best."""
    reference = next(mean(m.held_out.values()) for m in measured if (m.system, m.round) == ("separate", 0))
    chosen: dict[str, int] = {}
    for system in dict.fromkeys(m.system for m in measured):
        of_system = [m for m in measured if m.system == system]
        # accuracies are sums of rounded shares: a hair less is not less
        good = [m for m in of_system if mean(m.held_out.values()) >= reference - tolerance - 1e-9]
        best = good[-1] if good else max(of_system, key=lambda m: mean(m.held_out.values()))
        chosen[system] = best.round
    return chosen


def combination_table(measured: Sequence[Measured], chosen: dict[str, int]) -> pandas.DataFrame:
    """A row for every system, round and combination of tasks.

    ``parameters`` are words, ``macs`` multiplications for an image on which all tasks of the combination run,
    ``accuracy`` the mean over these tasks on test images, ``held_out_accuracy`` that on held-out ones; ``chosen`` marks
    the round that the report compares. ``macs_share`` and ``parameters_share`` are of the chosen separate networks'
    for the same combination.
    """
    rows = []
    for entry in measured:
        for tasks in combinations_of(entry.net.tasks):
            found = cost(entry.net, tasks)
            rows.append({
                "system": entry.system, "round": entry.round, "chosen": chosen[entry.system] == entry.round,
                "combination": "+".join(tasks), "tasks": len(tasks), "parameters": found.parameters,
                "macs": found.macs, "neurons": found.neurons,
                "accuracy": round(mean(entry.test[task] for task in tasks), 6),
                "held_out_accuracy": round(mean(entry.held_out[task] for task in tasks), 6),
            })  # fmt: skip
    table = pandas.DataFrame(rows)
    base = table[(table.system == "separate") & table.chosen].set_index("combination")
    for column in ("parameters", "macs"):
        table[f"{column}_share"] = (table[column] / table.combination.map(base[column])).round(6)
    return table


def partition_table(partition: Partition) -> pandas.DataFrame:
    """A row for every layer and unit: how many neurons; ``dropped`` is what serves no task."""
    rows = [
        {"layer": layer, "unit": unit, "neurons": len(neurons)}
        for layer, here in partition.items()
        for unit, neurons in {**here.units, "dropped": here.dropped}.items()
    ]
    return pandas.DataFrame(rows)


def write_results(
    config: PamConfig, partition: Partition, measured: Sequence[Measured], train_images: int, test_images: int
) -> Report:
    """Choose the rounds, and write ``combinations.csv``, ``partition.csv`` and ``results.md``."""
    chosen = choose(measured, config.tolerance)
    table = combination_table(measured, chosen)
    groups = partition_table(partition)
    text = _document(config, table, groups, measured, chosen, train_images, test_images)
    csv = {"combinations.csv": table, "partition.csv": groups}
    files = {name: frame.to_csv(index=False, lineterminator="\n") for name, frame in csv.items()}
    return Report(chosen, files | {"results.md": text})


def _document(
    config: PamConfig, table: pandas.DataFrame, groups: pandas.DataFrame, measured: Sequence[Measured],
    chosen: dict[str, int], train_images: int, test_images: int,
) -> str:  # fmt: skip
    pruning, single, merged = config.pruning, config.single, config.merged
    reference = mean(measured[0].held_out.values())
    lines = [
        f"# {config.name}: merged networks", "",
        *([config.note, ""] if config.note else []),
        f"Budget: {train_images} training images, {single.epochs:g} epochs for each network, {merged.epochs:g} after"
        f" merging, {pruning.rounds} rounds of pruning ({pruning.method}, {pruning.neurons} neurons of the merged"
        f" networks) of {pruning.fit.epochs:g} epochs each; seed {config.seed}. Accuracies are on {test_images} test"
        " images, means over the tasks that run.", "",
        "Compared are the smallest networks whose mean accuracy on held-out training images is at most"
        f" {config.tolerance * 100:g} points below that of the separate networks before pruning ({reference:.4f}).", "",
        "| system | | round | held-out accuracy |", "|---|---|---|---|",
    ]  # fmt: skip
    for system, number in chosen.items():
        (entry,) = (m for m in measured if (m.system, m.round) == (system, number))
        found = mean(entry.held_out.values())
        below = " (none is good enough; the best)" if found < reference - config.tolerance - 1e-9 else ""
        lines.append(f"| {system} | {_TITLES[system]} | {number} | {found:.4f}{below} |")
    lines += [
        "",
        "| tasks | system | parameters | MACs | MACs of separate / its | accuracy |",
        "|---|---|---|---|---|---|",
    ]
    compared = table[table.chosen]
    for tasks in dict.fromkeys(compared.combination):
        for row in compared[compared.combination == tasks].to_dict("records"):
            lines.append(
                f"| {tasks} | {row['system']} | {row['parameters']:,} | {row['macs']:,} | {1 / row['macs_share']:.2f} |"
                f" {row['accuracy']:.4f} |"
            )
    lines += ["", _claims(compared), "", "Neurons by layer:", "", _groups(groups), ""]
    return "\n".join(lines)


def _claims(compared: pandas.DataFrame) -> str:
    """The paper's largest factors beside those found here."""
    macs = compared.pivot_table(index="combination", columns="system", values="macs", sort=False)
    names = {"separate": "Separately pruned networks take", "mtz": "The zipped network takes",
             "trunk": "A fully shared trunk takes"}  # fmt: skip
    found = []
    for other, what in names.items():
        if other in macs:
            factor = macs[other] / macs["pam"]
            claim = f"the paper claims up to {CLAIMS[other]}" if other in CLAIMS else "the paper compares with none"
            found.append(
                f"{what} {factor.min():.2f} ({factor.idxmin()}) to {factor.max():.2f} times ({factor.idxmax()}) the"
                f" MACs of the merged network; {claim}."
            )
    return " ".join(found)


def _groups(groups: pandas.DataFrame) -> str:
    wide = groups.pivot_table(index="layer", columns="unit", values="neurons", sort=False)
    lines = ["| layer | " + " | ".join(wide.columns) + " |", "|---" * (len(wide.columns) + 1) + "|"]
    lines += [f"| {layer} | " + " | ".join(f"{int(count)}" for count in row) + " |" for layer, row in wide.iterrows()]
    return "\n".join(lines)
