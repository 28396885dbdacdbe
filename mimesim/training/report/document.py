"""What a training writes of its results: a report in Markdown, tables as CSV and, with matplotlib, pictures."""

from __future__ import annotations

import sys
from collections.abc import Collection, Sequence
from pathlib import Path

from mimesim.training.config import Method, PacknetMethod, Phase, Schedule
from mimesim.training.files import write_whole
from mimesim.training.report.claims import markdown_table, points, what_it_says
from mimesim.training.report.outcome import Metrics, Outcome
from mimesim.training.report.plots import pictures
from mimesim.training.report.tables import csv_files
from mimesim.training.report.verdict import difference

__all__ = ["report", "write_results"]

_CAPTIONS = {
    "accuracy.png": "Accuracy with 95 % intervals against words of the task's own; methods with almost as many words "
    "as each other are set a little apart. Grey: where MIME claims to be, within 2 points of fine-tuning.",
    "curves.png": "Loss and accuracy on the augmented training images, each a mean over some steps; a dotted line "
    "where the images grow.",
    "sparsity.png": "Share of zeros behind each activation, over the test images.",
}


def write_results(outcome: Outcome, folder: Path) -> Path:
    """Write all of it to *folder* and return the report's path; an ``InputError`` names what cannot be written.

    Without matplotlib the pictures are left out, and a line on stderr says so.
    """
    files: dict[str, str | bytes] = {**csv_files(outcome)}
    try:
        files |= pictures(outcome)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "matplotlib":
            raise
        print("no plots: matplotlib is not installed (pip install 'mimesim[plot]')", file=sys.stderr, flush=True)
    files["results.md"] = report(outcome, files.keys())
    for name, content in files.items():
        write_whole(folder / name, content.encode() if isinstance(content, str) else content)
    return folder / "results.md"


def report(outcome: Outcome, files: Collection[str] = ()) -> str:
    """The report in Markdown; it shows the pictures among *files*, which stand beside it."""
    config = outcome.config
    note = f" {config.note[:1].upper()}{config.note[1:].removesuffix('.')}." if config.note else ""
    lines = [
        f"# Results of {config.name}",
        "",
        f"Written by `mimesim train`; the same numbers as CSV stand beside it.{note}",
        "",
        *_what_was_trained(outcome),
        "",
        "## Accuracy, sparsity and memory",
        "",
        *_accuracy_table(outcome),
        *_picture("accuracy.png", files),
        "",
        "## What it says",
        "",
        *what_it_says(outcome),
        *(["", "## Curves", *_picture("curves.png", files)] if "curves.png" in files else []),
        "",
        "## Sparsity per layer",
        *_picture("sparsity.png", files),
    ]
    for method in outcome.methods:
        lines += ["", f"### {method.name}", "", *_sparsity_table(outcome, method)]
    if any(trials for trials in outcome.trials.values()) or any(m.get("trials") for m in outcome.children.values()):
        lines += ["", "## Trials of the learning rate", "", *_trials(outcome)]
    return "\n".join([*lines, ""])


def _picture(name: str, files: Collection[str]) -> list[str]:
    return ["", f"![{name.partition('.')[0]}]({name})", "", f"*{_CAPTIONS[name]}*"] if name in files else []


# ---- what was trained ------------------------------------------------------------------------------------------------


def _what_was_trained(outcome: Outcome) -> list[str]:
    config, parent = outcome.config, outcome.parent
    network = f"{outcome.network.name} at {config.size_px} px"
    if config.parent.schedule is None:
        origin = f"weights from `{Path(config.parent.weights or '').name}`"
    else:
        origin = (
            f"{outcome.title(config.parent.dataset)}, {parent['train_images']:,} training images, "
            f"{_schedule(config.parent.schedule)}"
        )
    measured = f"; test accuracy {_percent(parent)} % on {parent['images']:,} images" if "accuracy" in parent else ""
    of_children = [outcome.children[task, method.name] for task in outcome.tasks for method in outcome.methods]
    trained = {f"{child['train_images']:,}" for child in of_children}
    tested = {f"{child['images']:,}" for child in of_children}
    lines = [
        f"- Network: {network}.",
        f"- Parent: {origin}{measured}.",
        f"- Children: {_either(trained)} training images each, {_schedule(config.child)}; tested once, on "
        f"{_either(tested)} images.",
    ]
    trials, counts = config.child.trials, {len(method.rates) for method in outcome.methods}
    if trials is None or counts == {1}:
        lines.append("- Learning rates: one per method, given beforehand.")
    else:
        who = (
            "each task by itself" if trials.tasks is None else ", ".join(map(outcome.title, trials.tasks)) + " for all"
        )
        lines.append(
            f"- Learning rates: {_either({str(count) for count in counts})} per method; each trained for "
            f"{100 * trials.share:g} % of the steps on all but a held-out {100 * trials.held_out:g} % of the training "
            f"images, and the most accurate on those was taken ({who})."
        )
    return [*lines, "- ± is half of the 95 % interval that the number of test images allows. One seed."]


def _either(values: Collection[str]) -> str:
    return " or ".join(sorted(values, key=lambda value: (len(value), value)))


def _schedule(schedule: Schedule) -> str:
    return (
        f"{_phases(schedule.phases)}, {schedule.optimiser.capitalize() if schedule.optimiser == 'adam' else 'SGD'} in "
        f"batches of {schedule.batch}, {schedule.rate_course} learning rate"
    )


def _phases(phases: Sequence[Phase]) -> str:
    return ", then ".join(
        f"{phase.epochs:g} epoch{'s' * (phase.epochs != 1)} at {phase.size_px} px" for phase in phases
    )


def _percent(metrics: Metrics) -> str:
    return f"{100 * metrics['accuracy']:.1f} ± {100 * metrics['interval']:.1f}"


# ---- tables ----------------------------------------------------------------------------------------------------------


def _accuracy_table(outcome: Outcome) -> list[str]:
    baseline = outcome.fine_tuning
    listed = any(outcome.paper(task, method) for task in outcome.tasks for method in outcome.methods)
    header = ["task", "method", "accuracy %", *(["paper %"] if listed else [])]
    header += [f"minus {baseline.name}"] if baseline else []
    packed = any(isinstance(method, PacknetMethod) for method in outcome.methods)
    header += ["mean sparsity", *(["paper's"] if listed else []), "own words", "of fine-tuning's", "rate"]
    rows = []
    for task in outcome.tasks:
        for method in outcome.methods:
            metrics, paper = outcome.children[task, method.name], outcome.paper(task, method)
            row = [outcome.title(task), method.name, _percent(metrics)]
            if listed:
                row.append("" if paper is None or paper.test_accuracy is None else f"{100 * paper.test_accuracy:.1f}")
            if baseline:
                other = outcome.children[task, baseline.name]
                row.append("" if method is baseline else points(difference(metrics, other)))
            row.append(f"{outcome.mean_sparsity(task, method):.3f}")
            if listed:
                mean = outcome.paper_mean_sparsity(task, method)
                row.append("" if mean is None else f"{mean:.3f}")
            share = f"{100 * outcome.share_of_fine_tuning(task, method):.1f} %"
            rows.append([*row, f"{outcome.words(task, method):,}", share, f"{metrics['rate']:g}"])
    return [
        *markdown_table(header, rows),
        "",
        "Mean sparsity: of the outputs of convolutions behind an activation"
        + (" (the paper's: of those that it lists). " if listed else ", additions of residuals included. ")
        + "Own words: what only this task needs, its head included: thresholds, weights that are trained or kept, "
        "batch norm (two words per channel) where it is the task's. Pruned weights count without their index."
        + (" Packed tasks: the head, since the weights of all of them are those of one network." if packed else ""),
    ]


def _sparsity_table(outcome: Outcome, method: Method) -> list[str]:
    papers = {task: outcome.paper(task, method) for task in outcome.tasks}
    header = ["layer"]
    for task, paper in papers.items():
        header += [outcome.title(task), "paper"] if paper else [outcome.title(task)]
    rows = []
    for layer in outcome.network.recorded:
        row = [layer]
        for task, paper in papers.items():
            row.append(f"{outcome.children[task, method.name]['sparsity'][layer]:.3f}")
            if paper:
                row.append(f"{paper.sparsity[layer]:.3f}" if layer in paper.sparsity else "")
        rows.append(row)
    return markdown_table(header, rows)


def _trials(outcome: Outcome) -> list[str]:
    """A row per task and method: all rates with what they scored, the chosen one in bold."""
    rows = []
    for task in outcome.tasks:
        for method in outcome.methods:
            chosen = outcome.children[task, method.name]["rate"]
            cells = _scores(outcome, task, method)
            if not cells:
                continue
            shown = [f"**{rate:g}**: {score}" if rate == chosen else f"{rate:g}: {score}" for rate, score in cells]
            ordered = sorted(method.rates)
            edge = {ordered[0]: "lowest", ordered[-1]: "highest"}.get(chosen, "") if len(ordered) > 1 else ""
            rows.append([outcome.title(task), method.name, "; ".join(shown), edge])
    header = ["task", "method", "rate: accuracy % on the held-out images", "chosen is the"]
    return [
        *markdown_table(header, rows),
        "",
        "Where the lowest or the highest rate was chosen, one beyond it might have done better still.",
    ]


def _scores(outcome: Outcome, task: str, method: Method) -> list[tuple[float, str]]:
    """The rates tried and their accuracies: of the trials, or where those are gone of what the child remembers."""
    trials = outcome.trials.get((task, method.name), ())
    if trials:
        return [(trial["rate"], _percent(trial)) for trial in trials]
    shared = outcome.config.child.trials is not None and outcome.config.child.trials.tasks is not None
    remembered = {} if shared else outcome.children[task, method.name].get("trials", {})
    return [(float(rate), f"{100 * accuracy:.1f}") for rate, accuracy in remembered.items()]
