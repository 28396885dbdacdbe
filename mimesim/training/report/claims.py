"""The section of the report that says, in words, what the numbers of a training show of MIME's claim."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from mimesim.training.config import Method
from mimesim.training.report.outcome import Outcome, is_mime
from mimesim.training.report.verdict import Difference, above_chance, cheaper, claim, compare, difference

__all__ = ["markdown_table", "points", "what_it_says"]

_HOW = (
    "Differences are in points of test accuracy, ± half of their 95 % interval. All methods are tested on the same "
    "images, so they are *paired*: only the images count that one of the two gets right and the other does not. "
    "*Within* 2 points: the whole interval is; *not within*: none of it is; *cannot be told*: both are possible. "
    "Nothing is said of other seeds, and of many comparisons at 95 % one in twenty errs by chance."
)


def what_it_says(outcome: Outcome) -> list[str]:
    """Lines of Markdown, without a heading: first MIME against fine-tuning, then what is cheaper than MIME.

    Every method that is MIME as the paper has it (a threshold per neuron, batch norm frozen) is judged.
    """
    judged = [method for method in outcome.methods if is_mime(method)]
    if not judged:
        return ["No method is MIME as the paper has it (a threshold per neuron, batch norm frozen): nothing to judge."]
    lines = [_HOW]
    for mime in judged:
        lines += ["", *_against_fine_tuning(outcome, mime), "", *_against_cheaper(outcome, mime)]
    return lines


def points(found: Difference) -> str:
    """A difference in points, with its sign."""
    return f"{100 * found.value:+.1f} ± {100 * found.margin:.1f}"


def markdown_table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """The lines of a Markdown table."""
    return [f"| {' | '.join(cells)} |" for cells in (header, ["---"] * len(header), *rows)]


def _against_fine_tuning(outcome: Outcome, mime: Method) -> list[str]:
    baseline = outcome.fine_tuning
    if baseline is None:
        return [
            f"No method fine-tunes all weights: whether `{mime.name}` stays within 2 points of that cannot be told."
        ]
    verdicts: dict[str, list[str]] = {}
    rows = []
    for task in outcome.tasks:
        ours, theirs = outcome.children[task, mime.name], outcome.children[task, baseline.name]
        found = difference(ours, theirs)
        learned = above_chance(outcome, task, baseline)
        verdict = claim(found) if learned else "cannot be told"
        verdicts.setdefault(verdict, []).append(outcome.title(task))
        paper = [row and row.test_accuracy for row in (outcome.paper(task, mime), outcome.paper(task, baseline))]
        listed = "-" if None in paper else f"{100 * ((paper[0] or 0) - (paper[1] or 0)):+.1f}"
        share = f"{outcome.words(task, mime):,} ({100 * outcome.share_of_fine_tuning(task, mime):.1f} %)"
        said = f"**{verdict}**" if learned else f"**{verdict}**: {baseline.name} is not above chance itself"
        rows.append([outcome.title(task), points(found), listed, share, said])
    order = ("within", "not within", "cannot be told")
    said = "; ".join(f"**{verdict}** on {', '.join(verdicts[verdict])}" for verdict in order if verdict in verdicts)
    header = ["task", f"{mime.name} minus {baseline.name}", "paper's", "words (of fine-tuning's)", "within 2 points?"]
    return [f"MIME claims to stay within 2 points of fine-tuning. Here, for `{mime.name}`: {said}.", "",
            *markdown_table(header, rows)]  # fmt: skip


def _against_cheaper(outcome: Outcome, mime: Method) -> list[str]:
    found = {task: cheaper(outcome, task, mime) for task in outcome.tasks}
    if not any(found.values()):
        return [f"No method here has fewer words than `{mime.name}`: whether something cheaper does as well is open."]
    methods = {method.name: method for method in outcome.methods}
    rows = [
        [outcome.title(task), name, _share(outcome, task, methods[name], mime), points(to), f"**{compare(to)}**"]
        for task, controls in found.items()
        for name, to in controls.items()
    ]
    sentences = []
    for task, controls in found.items():
        title, said = outcome.title(task), {name: compare(to) for name, to in controls.items()}
        good = [f"`{name}` ({verdict})" for name, verdict in said.items() if verdict in ("better", "as well")]
        open_ = [f"`{name}`" for name, verdict in said.items() if verdict == "cannot be told"]
        if not said:
            sentences.append(f"{title}: nothing is cheaper.")
        elif good:
            sentences.append(f"{title}: yes, {', '.join(good)}.")
        elif open_:
            sentences.append(f"{title}: cannot be told, {', '.join(open_)} might.")
        else:
            sentences.append(f"{title}: no, all that is cheaper is worse.")
    header = ["task", "cheaper", f"words (of {mime.name}'s)", f"minus {mime.name}", "verdict"]
    return [
        f"Does something with fewer words than `{mime.name}` do as well? {' '.join(sentences)}",
        "",
        *markdown_table(header, rows),
        "",
        "*Better*, *worse*: the whole interval is above, below 0. *As well*: it reaches no further down than 2 points "
        f"below `{mime.name}`.",
    ]


def _share(outcome: Outcome, task: str, method: Method, mime: Method) -> str:
    words = outcome.words(task, method)
    return f"{words:,} ({100 * words / outcome.words(task, mime):.1f} %)"
