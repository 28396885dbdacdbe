"""What came out of virtual networks, as tables that pandas reads without arguments, and in Markdown.

``accuracy.csv``, a row per system, task and level (a system without levels stands at the highest): ``units``, in
order; ``accuracy`` and ``interval`` (half the width of its 95 % interval), fractions of ``test_images``; ``to_dvn``,
accuracy minus that of the virtual network of that task and level, and ``to_dvn_interval``, paired; words of memory:
``block_words`` of the backbone, ``norm_words``, ``head_words``, their sum ``resident_words``, and ``stored_words`` of
the whole system (of ``separate``: of all its networks); ``macs`` of one image.

``changes.csv``, a row per change from one virtual network to another, or from nothing: blocks of weights that come, go
and stay, and the words that are loaded and freed, batch norm and head included.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from mimesim.results.csv_file import Row, render_csv
from mimesim.training.dvn.blocks import Budget
from mimesim.training.dvn.config import DvnConfig
from mimesim.training.dvn.graph import level_name, virtual_network
from mimesim.training.dvn.systems import Network
from mimesim.training.dvn.units import Level, unit_name
from mimesim.training.report.claims import markdown_table
from mimesim.training.report.verdict import difference

__all__ = ["ACCURACY", "CHANGES", "Outcome", "Result", "accuracy_rows", "change_rows", "write_results"]

ACCURACY = (
    *("system", "task", "level", "units", "accuracy", "interval", "test_images", "to_dvn", "to_dvn_interval"),
    *("block_words", "norm_words", "head_words", "resident_words", "stored_words", "macs"),
)
CHANGES = ("before", "after", "blocks_added", "blocks_removed", "blocks_kept", "words_loaded", "words_freed")

_TITLES = {
    "dvn": "virtual networks",
    "random": "virtual networks, units drawn (control)",
    "separate": "a network of its own for each task and level, as large as the level",
    "equal": "a network of its own for each task, together as large as the backbone",
    "trunk": "the whole backbone for all tasks, a batch norm and head for each",
}


@dataclass(frozen=True)
class Result:
    """The test of one virtual network of *network*, its own (task, level) being *own*; *score* has ``accuracy``,
    ``interval``, ``images`` and ``correct``. It stands for *task* at *level*."""

    network: Network
    own: Level
    task: str
    level: int
    score: Mapping[str, Any]


@dataclass(frozen=True)
class Outcome:
    """All that was trained and tested; *train_images* of each task."""

    config: DvnConfig
    networks: tuple[Network, ...]
    results: tuple[Result, ...]
    train_images: Mapping[str, int]


def accuracy_rows(outcome: Outcome) -> Iterator[Row]:
    """The rows of ``accuracy.csv``."""
    stored: dict[str, int] = {}
    for network in outcome.networks:
        stored[network.system] = stored.get(network.system, 0) + Budget(network.backbone).stored()
    ours = {(one.task, one.level): one.score for one in outcome.results if one.network.system == "dvn"}
    for one in outcome.results:
        backbone, system = one.network.backbone, one.network.system
        words = Budget(backbone).words(*one.own)
        graph = virtual_network(backbone, *one.own)
        to = difference(one.score, ours[one.task, one.level]) if system != "dvn" else None
        yield {
            "system": system,
            "task": one.task,
            "level": one.level,
            "units": " ".join(map(unit_name, backbone.assignment.active(*one.own))),
            "accuracy": one.score["accuracy"],
            "interval": one.score["interval"],
            "test_images": one.score["images"],
            "to_dvn": to.value if to else None,
            "to_dvn_interval": to.margin if to else None,
            "block_words": words.blocks,
            "norm_words": words.norm,
            "head_words": words.head,
            "resident_words": words.resident,
            "stored_words": stored[system],
            "macs": sum(graph.macs_dense(node) for node in graph.nodes),
        }


def change_rows(network: Network) -> Iterator[Row]:
    """The rows of ``changes.csv`` of one backbone."""
    budget = Budget(network.backbone)
    virtual = network.backbone.assignment.virtual
    for before in (None, *virtual):
        for after in virtual:
            if before == after:
                continue
            change = budget.change(before, after)
            yield {
                "before": level_name(*before) if before else None,
                "after": level_name(*after),
                "blocks_added": len(change.added),
                "blocks_removed": len(change.removed),
                "blocks_kept": len(change.kept),
                "words_loaded": change.loaded,
                "words_freed": change.freed,
            }


def write_results(outcome: Outcome) -> dict[str, str]:
    """The text of every file by name."""
    rows = list(accuracy_rows(outcome))
    return {
        "accuracy.csv": render_csv(ACCURACY, rows),
        "changes.csv": render_csv(CHANGES, change_rows(outcome.networks[0])),
        "results.md": _report(outcome, rows),
    }


def _report(outcome: Outcome, rows: list[Row]) -> str:
    config = outcome.config
    images = ", ".join(f"{task} {count}" for task, count in outcome.train_images.items())
    note = f" {config.note}" if config.note else ""
    lines = [
        f"# Results of {config.name}",
        "",
        f"Written by `mimesim train`; the same numbers as CSV stand beside it.{note}",
        "",
        f"Backbone {' '.join(map(str, config.features))} at {config.size_px} px, {len(config.tasks)} units, "
        f"{config.levels} levels. {config.epochs:g} epochs, {config.batch} images of each task a step, the same images "
        f"and steps for every system; training images: {images}. Accuracy in % ± half the 95 % interval; words of "
        "weights, batch norm and head; stored: all virtual networks of a system together.",
        "",
    ]
    head = ("task", "level", "units", "accuracy", "against dvn", "resident words", "MACs")
    for system in dict.fromkeys(network.system for network in outcome.networks):
        mine = [row for row in rows if row["system"] == system]
        lines += [f"## {system}: {_TITLES[system]}", "", f"Stored words: {mine[0]['stored_words']:,}.", ""]
        cells = [
            [
                str(row["task"]),
                str(row["level"]),
                str(row["units"]),
                f"{_points(row['accuracy'])} ± {_points(row['interval'])}",
                "" if row["to_dvn"] is None else f"{_points(row['to_dvn'], '+')} ± {_points(row['to_dvn_interval'])}",
                f"{row['resident_words']:,}",
                f"{row['macs']:,}",
            ]
            for row in mine
        ]
        lines += [*markdown_table(head, cells), ""]
    return "\n".join(lines)


def _points(share: object, sign: str = "") -> str:
    assert isinstance(share, float)  # noqa: S101 - a column of fractions
    return f"{100 * share:{sign}.1f}"
