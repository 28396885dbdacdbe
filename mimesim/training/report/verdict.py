"""Whether MIME's claim holds in a training, and whether something cheaper does as well: judged by intervals.

The claim is that a network with learned thresholds stays within 2 points of the fine-tuned one. It is judged by the
95 % interval of the difference of the two test accuracies. The methods are tested on the same images, so the images
that only one of the two gets right are all that matters.
"""

from __future__ import annotations

import math
from typing import Literal

from mimesim import accuracy
from mimesim.accuracy import Difference
from mimesim.training.config import Method
from mimesim.training.report.outcome import Metrics, Outcome

__all__ = ["CLAIM", "Claim", "Control", "Difference", "above_chance", "cheaper", "claim", "compare", "difference"]

#: How far below fine-tuning MIME claims to stay at most, as a fraction: 2 points.
CLAIM = 0.02

Claim = Literal["within", "not within", "cannot be told"]
Control = Literal["better", "as well", "worse", "cannot be told"]


def difference(one: Metrics, other: Metrics) -> Difference:
    """Accuracy of *one* minus that of *other*, image by image where both say which of the same images they got right.

    Paired, with shares p and q of the images that only one and only the other gets right, the standard error is
    sqrt((p + q - (p - q)^2) / n), with one image added to each (Bonett and Price, Journal of Educational and
    Behavioral Statistics 37, 2012). Otherwise it is :func:`mimesim.accuracy.difference`. At 2,000 images the
    additions change nothing that is printed.
    """
    if one.get("correct") and other.get("correct") and one["images"] == other["images"]:
        first, second = int(one["correct"], 16), int(other["correct"], 16)
        images = one["images"] + 2
        only_one, only_other = (
            ((own & ~rest).bit_count() + 1) / images for own, rest in ((first, second), (second, first))
        )
        return Difference(
            one["accuracy"] - other["accuracy"],
            accuracy.NORMAL * math.sqrt((only_one + only_other - (only_one - only_other) ** 2) / images),
        )
    return accuracy.difference([(one["accuracy"], one["images"])], [(other["accuracy"], other["images"])])


def claim(found: Difference) -> Claim:
    """Whether the difference of MIME to fine-tuning is within 2 points: so says the whole interval, or none of it."""
    if found.low >= -CLAIM:
        return "within"
    return "not within" if found.high < -CLAIM else "cannot be told"


def compare(found: Difference) -> Control:
    """What the difference of a control to MIME says. As well: better or not, it is surely within 2 points of MIME."""
    if found.low > 0:
        return "better"
    if found.low >= -CLAIM:
        return "as well"
    return "worse" if found.high < 0 else "cannot be told"


def cheaper(outcome: Outcome, task: str, than: Method) -> dict[str, Difference]:
    """The methods with fewer words of their own than the method *than*, and their differences to it, by name."""
    limit = outcome.words(task, than)
    reference = outcome.children[task, than.name]
    return {
        method.name: difference(outcome.children[task, method.name], reference)
        for method in outcome.methods
        if outcome.words(task, method) < limit
    }


def above_chance(outcome: Outcome, task: str, method: Method) -> bool:
    """Whether the method's accuracy lies above that of guessing by more than its interval."""
    metrics = outcome.children[task, method.name]
    chance = 1 / outcome.classes[task]
    # the interval at chance itself: that of an accuracy of 0 has no width
    return bool(metrics["accuracy"] > chance + 1.96 * math.sqrt(chance * (1 - chance) / metrics["images"]))
