"""What a case did in one replay, by image, and how accurate its networks are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from mimesim.accuracy import Difference, difference, interval
from mimesim.config.energy import Energy
from mimesim.results.summary import summary_rows
from mimesim.trace import Trace

if TYPE_CHECKING:
    from mimesim.compare.suite import Replay
    from mimesim.simulation import CaseResult
from mimesim.results.csv_file import as_number

__all__ = ["COSTS", "Point", "Tested", "Values", "compare_accuracy", "points_of"]

#: What of a point is better if it is less.
COSTS = ("energy", "bytes_stored", "dram_words", "cycles")


class Tested(NamedTuple):
    """The accuracy of one task, a fraction, and the test images behind it; None where the trace does not say."""

    accuracy: float | None
    images: int | None


@dataclass(frozen=True, slots=True)
class Values:
    """What one case took, each number by image; an image on which several tasks run is one.

    *bytes_stored* are the parameters of the replay's tasks in all memories, *bytes_envm* those in on-chip non-volatile
    memory; *energy* is under the workload's accounting. *words_envm* were read from on-chip non-volatile memory.
    """

    bytes_stored: int
    bytes_envm: int
    energy: float
    energy_paper: float
    energy_full: float
    dram_words: float
    words_envm: float
    cycles: float
    images_per_second: float
    macs: float


@dataclass(frozen=True, slots=True)
class Point:
    """One case in one replay: *tested* has an entry for each of the replay's tasks.

    *networks* tells whose masks they are: points of equal ones have one accuracy.
    """

    case: str
    scheme: str
    skipping: str
    replay: Replay
    images: int
    batch: int
    networks: tuple[str, ...]
    tested: tuple[Tested, ...]
    values: Values

    @property
    def accuracy(self) -> float | None:
        """The mean accuracy over the tasks, a fraction; None unless all are known."""
        known = [one.accuracy for one in self.tested if one.accuracy is not None]
        return sum(known) / len(known) if len(known) == len(self.tested) else None

    @property
    def interval(self) -> float | None:
        """Half the width of the 95 % interval of :attr:`accuracy`; None unless all test images are known."""
        known = _measured(self)
        return interval(known) if len(known) == len(self.tested) else None

    def cost(self, name: str) -> float:
        """Return one of :data:`COSTS`."""
        return float(getattr(self.values, name))


def compare_accuracy(one: Point, other: Point) -> Difference | None:
    """Return the mean accuracy of *one* minus that of *other*; None where one of them is not known.

    The same networks have the same accuracy. Without test images the accuracies count as exact.
    """
    if one.accuracy is None or other.accuracy is None:
        return None
    if one.networks == other.networks:
        return Difference(0.0, 0.0)
    mine, theirs = _measured(one), _measured(other)
    if len(mine) < len(one.tested) or len(theirs) < len(other.tested):
        return Difference(one.accuracy - other.accuracy, 0.0)
    return difference(mine, theirs)


def points_of(
    replay: Replay, results: Sequence[CaseResult], traces: Sequence[Trace], energy: Energy, *, same_images: bool
) -> list[Point]:
    """Return the point of each of *results*, which replayed *traces*."""
    points = []
    for result, row, trace in zip(results, summary_rows(results, energy), traces, strict=True):
        entries = [trace.entry(task) for task in replay.tasks]
        shown = {image.image_id for image in result.images} if same_images else result.images
        images, ledger, number = len(shown), result.ledger, {key: as_number(cell, 0) for key, cell in row.items()}
        seconds = ledger.cycles / (result.hardware.clock_mhz * 1e6)
        batches = [image.batch for image in result.images]
        values = Values(
            bytes_stored=int(number["bytes_stored"]),
            bytes_envm=ledger.envm_words.total() * result.hardware.word_bits // 8,
            energy=number["energy_total"] / images,
            energy_paper=number["energy_total_paper"] / images,
            energy_full=number["energy_total_full"] / images,
            dram_words=number["dram_words"] / images,
            words_envm=sum(words for (level, _, _), words in ledger.words().items() if level == "envm") / images,
            cycles=ledger.cycles / images,
            images_per_second=images / seconds,
            macs=number["macs"] / images,
        )
        points.append(
            Point(
                case=result.case,
                scheme=result.scheme,
                skipping=result.skipping,
                replay=replay,
                images=images,
                batch=max(batches.count(batch) for batch in set(batches)),
                networks=(trace.digest(), *(entry.file for entry in entries)),
                tested=tuple(Tested(entry.test_accuracy, entry.test_images) for entry in entries),
                values=values,
            )
        )
    return points


def _measured(point: Point) -> list[tuple[float, int]]:
    return [(one.accuracy, one.images) for one in point.tested if one.accuracy is not None and one.images is not None]
