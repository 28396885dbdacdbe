"""The tables of an injection, and the record that makes them mimesim's."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from statistics import mean

from mimesim.faults.outcome import CaseFaults, Place, Tensor, Trial, interval
from mimesim.results.csv_file import Row, render_csv
from mimesim.results.document import FORMAT, FORMAT_VERSION, RUN_JSON

__all__ = ["ACCURACY", "FAULTS", "STORED", "accuracy_rows", "fault_rows", "render_files", "stored_rows"]

FAULTS = (
    *("case", "task", "layer", "place", "tensor", "rate", "bits_per_cell", "seed", "flips"),
    *("mask_bits", "masks_cleared", "masks_set", "changed_share"),
)
ACCURACY = (
    *("case", "task", "place", "tensor", "rate", "bits_per_cell", "seeds", "images", "accuracy_float"),
    *("accuracy_stored", "accuracy", "interval", "difference", "flips", "changed_share"),
)
STORED = (
    *("case", "task", "layer", "word_bits", "weight_words", "weight_fraction_bits", "threshold_words"),
    *("threshold_fraction_bits", "mask_bits", "masks_cleared", "masks_set", "changed_share"),
)


def fault_rows(cases: Sequence[CaseFaults]) -> Iterator[Row]:
    """A row for each layer of each task in each trial."""
    for case in cases:
        for trial in case.trials:
            for one in trial.layers:
                yield {
                    "case": case.case,
                    "task": one.task,
                    "layer": one.layer,
                    "place": trial.place,
                    "tensor": trial.tensor,
                    "rate": trial.rate,
                    "bits_per_cell": trial.bits_per_cell,
                    "seed": trial.seed,
                    "flips": one.flips,
                    "mask_bits": one.bits,
                    "masks_cleared": one.cleared,
                    "masks_set": one.set,
                    "changed_share": _share(one.cleared + one.set, one.bits),
                }


def accuracy_rows(cases: Sequence[CaseFaults]) -> Iterator[Row]:
    """A row for each task at each rate in each place: the mean over seeds beside the base line."""
    for case in cases:
        for place, tensor, rate, cell in dict.fromkeys(map(_what, case.trials)):
            trials = [one for one in case.trials if _what(one) == (place, tensor, rate, cell)]
            for base in case.base:
                found = [trial.right[base.task] / base.images for trial in trials]
                layers = [one for trial in trials for one in trial.layers if one.task == base.task]
                stored = base.right / base.images
                yield {
                    "case": case.case,
                    "task": base.task,
                    "place": place,
                    "tensor": tensor,
                    "rate": rate,
                    "bits_per_cell": cell,
                    "seeds": len(found),
                    "images": base.images,
                    "accuracy_float": base.right_float / base.images,
                    "accuracy_stored": stored,
                    "accuracy": mean(found),
                    "interval": interval(found),
                    "difference": mean(found) - stored,
                    "flips": sum(one.flips for one in layers) / len(found),
                    "changed_share": _share(
                        sum(one.cleared + one.set for one in layers), sum(one.bits for one in layers)
                    ),
                }


def stored_rows(cases: Sequence[CaseFaults]) -> Iterator[Row]:
    """A row for each layer of each task: its words, and what rounding to them does without any fault."""
    for case in cases:
        for one in case.stored:
            yield {
                "case": case.case,
                "task": one.task,
                "layer": one.layer,
                "word_bits": case.word_bits,
                "weight_words": one.weight_words,
                "weight_fraction_bits": one.weight_fraction,
                "threshold_words": one.threshold_words,
                "threshold_fraction_bits": one.threshold_fraction,
                "mask_bits": one.bits,
                "masks_cleared": one.cleared,
                "masks_set": one.set,
                "changed_share": _share(one.cleared + one.set, one.bits),
            }


def render_files(
    cases: Sequence[CaseFaults], settings: Mapping[str, object], pictures: Mapping[str, bytes]
) -> dict[str, str | bytes]:
    """Return the tables, *pictures* and ``run.json`` by name; *settings* is what decided them."""
    files: dict[str, str | bytes] = {
        **pictures,
        "faults.csv": render_csv(FAULTS, fault_rows(cases)),
        "accuracy.csv": render_csv(ACCURACY, accuracy_rows(cases)),
        "stored.csv": render_csv(STORED, stored_rows(cases)),
    }
    document = {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "command": "faults",
        "files": sorted([*files, RUN_JSON]),
        **settings,
        "traces": {case.case: case.trace_digest for case in cases},
    }
    files[RUN_JSON] = json.dumps(document, indent=2, allow_nan=False) + "\n"
    return files


def _what(trial: Trial) -> tuple[Place, Tensor, float, int]:
    return trial.place, trial.tensor, trial.rate, trial.bits_per_cell


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0
