"""Whether MIME's claim holds in a training, and whether something cheaper does as well: judged by intervals.

The claim is that a network with learned thresholds stays within 2 points of the fine-tuned one. It is judged by the
95 % interval of the difference of the two test accuracies, taken as proportions of independent samples. The methods
are tested on the same images, so the difference is in truth known better than that (a paired test would need which
images each of them gets right): the intervals err towards *cannot be told*.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from mimesim.training.config import Method
from mimesim.training.outcome import Metrics, Outcome

__all__ = ["CLAIM", "Claim", "Control", "Difference", "above_chance", "cheaper", "claim", "compare", "difference"]

#: How far below fine-tuning MIME claims to stay at most, as a fraction: 2 points.
CLAIM = 0.02

Claim = Literal["within", "not within", "cannot be told"]
Control = Literal["better", "as well", "worse", "cannot be told"]


@dataclass(frozen=True)
class Difference:
    """A difference of two accuracies and half the width of its 95 % interval, as fractions."""

    value: float
    margin: float

    @property
    def low(self) -> float:
        """The lower end of the interval."""
        return self.value - self.margin

    @property
    def high(self) -> float:
        """The upper end of the interval."""
        return self.value + self.margin


def difference(one: Metrics, other: Metrics) -> Difference:
    """Accuracy of *one* minus that of *other*, unpaired.

    The standard error is that of two binomials, sqrt(p(1 - p) / n + q(1 - q) / m), in which one success and one
    failure are added to each sample (as Agresti and Caffo do, The American Statistician 54, 2000): 0 of 20 is no
    certainty. At 2,000 images that changes nothing that is printed.
    """
    variance = 0.0
    for metrics in (one, other):
        images = metrics["images"] + 2
        share = (metrics["accuracy"] * metrics["images"] + 1) / images
        variance += share * (1 - share) / images
    return Difference(one["accuracy"] - other["accuracy"], 1.96 * math.sqrt(variance))


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
