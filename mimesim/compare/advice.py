"""Which scheme to take under which constraint: sentences of which every number is in the tables."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from mimesim.accuracy import Difference
from mimesim.compare.growth import Growth
from mimesim.compare.point import Point, compare_accuracy
from mimesim.compare.words import amount, kib, listed, percent, points_below

__all__ = ["Advice", "Constraints", "Evidence", "advise"]


@dataclass(frozen=True, slots=True)
class Constraints:
    """What a designer asks for: at most *max_loss* below the best mean accuracy, a fraction, as measured.

    *storage* in bytes and *floor*, a mean accuracy, ask for two more lines; *ahead* is the number of tasks that
    storage is extrapolated to.
    """

    max_loss: float = 0.02
    storage: int | None = None
    floor: float | None = None
    ahead: int = 10


@dataclass(frozen=True, slots=True)
class Evidence:
    """Points by what was replayed: all tasks *together* (mixed, or on one image), *apart*, and *single* images.

    *single* holds points for every case: one of each task, or one of all. *added* are parts of the hardware in which a
    case differs from the first. *together_is* and *unit* are words for it.
    """

    together: Sequence[Point]
    apart: Sequence[Point]
    single: Sequence[Sequence[Point]]
    growth: Sequence[Growth]
    added: Mapping[str, Sequence[str]]
    together_is: str
    unit: str
    clock_mhz: float


@dataclass(frozen=True, slots=True)
class Advice:
    """One line: for this *aim* take one of *cases*, for the reasons *told*; *named*: which name them."""

    aim: str
    cases: tuple[str, ...]
    told: str
    named: bool = False

    @property
    def text(self) -> str:
        """The line as one sentence."""
        names = "" if self.named else f"{' or '.join(self.cases) or 'none'}. "
        return f"{self.aim}: {names}{self.told}"


#: A cost of a point, and how to tell it.
Cost = tuple[Callable[[Point], float], Callable[[float], str]]


def advise(evidence: Evidence, asked: Constraints) -> list[Advice]:
    """Return the lines for *evidence* under the constraints *asked* for; the first is about accuracy."""
    points = evidence.together
    energy: Cost = (lambda point: point.values.energy, lambda value: f"{amount(value, evidence.unit)} per image")
    found: list[Advice] = []
    pool = [point for point in points if point.accuracy is not None]
    if pool:
        found.append(_most_accurate("Most accurate in the mean", pool))
        if missing := [point.case for point in points if point.accuracy is None]:
            told = f"the traces of {listed(missing)} do not say; left out below."
            found.append(Advice("Accuracy unknown", tuple(missing), told, named=True))
    else:
        told = "no trace says how accurate its networks are; the lines below go by cost alone."
        found.append(Advice("Accuracy unknown", (), told, named=True))
        pool = list(points)
    allowed, limit = _allowed(pool, asked.max_loss)
    for aim, group, cost in _aims(evidence, energy):
        by_case = {point.case: point for point in group}
        found.append(_cheapest(f"{aim}{limit}", [by_case[point.case] for point in allowed], pool, cost, asked.max_loss))
    found += _storage(evidence, allowed, pool, asked, limit)
    if pool[0].accuracy is not None:
        if asked.floor is not None:
            found.append(_floor(pool, asked.floor, energy))
        found.append(_stairs(f"Least energy, {evidence.together_is}", pool, energy))
        found += [_stairs(aim, known, cost) for aim, known, cost in _sizes(evidence.growth, asked.ahead, pool)]
    return [_with_parts(line, evidence.added) for line in found]


def _with_parts(line: Advice, added: Mapping[str, Sequence[str]]) -> Advice:
    """Return *line*, which says of the cases it takes what else than the scheme they differ in."""
    parts = [f"{case} ({', '.join(added[case])})" for case in line.cases if case in added]
    more = f" Not on quite the same hardware: {listed(parts)}." if parts else ""
    return replace(line, told=f"{line.told}{more}")


def _aims(evidence: Evidence, energy: Cost) -> Iterator[tuple[str, Sequence[Point], Cost]]:
    """Yield what is to be least, of which points, counted how."""
    together = evidence.together_is
    yield f"Least energy, {together}", evidence.together, energy
    if evidence.apart:
        yield "Least energy, one task after the other", evidence.apart, energy
    words: Cost = (lambda point: point.values.dram_words, lambda value: f"{amount(value, 'words')} per image")
    yield f"Least DRAM traffic, {together}", evidence.together, words
    rate: Cost = (
        lambda point: point.values.cycles,
        lambda value: f"{amount(value, 'cycles')} per image, {evidence.clock_mhz * 1e6 / value:.1f} images/s",
    )
    yield f"Highest throughput, {together}", evidence.together, rate
    if evidence.single:
        cycles: dict[str, list[float]] = {}
        for points in evidence.single:
            for point in points:
                cycles.setdefault(point.case, []).append(point.values.cycles)
        latency: Cost = (
            lambda point: max(cycles[point.case]),
            lambda value: f"{value / (1000 * evidence.clock_mhz):.3g} ms",
        )
        worst = " (of the slowest task)" if len(evidence.single) > 1 else ""
        yield f"Least latency of a single image{worst}", evidence.together, latency


def _allowed(pool: Sequence[Point], max_loss: float) -> tuple[list[Point], str]:
    """Return the points that lose no more, as measured, and the words for it."""
    if pool[0].accuracy is None:
        return list(pool), ""
    best = _best(pool)
    allowed = [point for point in pool if _loss(best, point).value <= max_loss + 1e-12]
    return allowed, f", at most {100 * max_loss:g} points below the best accuracy"


def _best(pool: Sequence[Point]) -> Point:
    return max(pool, key=lambda point: point.accuracy or 0.0)


def _loss(best: Point, point: Point) -> Difference:
    found = compare_accuracy(best, point)
    if found is None:
        raise ValueError("points without accuracy are left out before")
    return found


def _alike(point: Point, others: Sequence[Point]) -> list[Point]:
    """Return those of *others* whose accuracy cannot be told from that of *point*."""
    found = []
    for other in others:
        apart = compare_accuracy(point, other) if other is not point else None
        if apart is not None and apart.low <= 0 <= apart.high:
            found.append(other)
    return found


def _most_accurate(aim: str, pool: Sequence[Point]) -> Advice:
    best = _best(pool)
    alike = sorted(_alike(best, pool), key=lambda point: -(point.accuracy or 0))
    told = f"{best.case} measured {percent(best)}"
    if alike:
        told += "; not told apart from it: " + listed([f"{point.case} {percent(point)}" for point in alike])
    return Advice(aim, tuple(point.case for point in (best, *alike)), f"{told}.")


def _cheapest(aim: str, allowed: Sequence[Point], pool: Sequence[Point], cost: Cost, max_loss: float) -> Advice:
    of, tell = cost
    least = min(of(point) for point in allowed)
    chosen = [point for point in allowed if of(point) == least]
    first = chosen[0]
    told = tell(least)
    if first.accuracy is None:
        others = sorted((of(point), point.case) for point in allowed if point not in chosen)
        told += f"; next {others[0][1]} with {tell(others[0][0])}" if others else ""
        return Advice(aim, tuple(point.case for point in chosen), f"{told}.")
    best = _best(pool)
    told += f", {percent(first)}{_standing(best, first, pool, max_loss)}"
    alike = sorted(_alike(first, [point for point in allowed if point not in chosen]), key=of)
    if alike:
        told += "; not told apart from it in accuracy: " + listed([f"{one.case} ({tell(of(one))})" for one in alike])
    return Advice(aim, tuple(point.case for point in chosen), f"{told}.")


def _standing(best: Point, point: Point, pool: Sequence[Point], max_loss: float) -> str:
    """Return how far *point* is below *best*, whether that is within what was asked for, and its weakest task."""
    loss = _loss(best, point)
    if point.case == best.case or loss == Difference(0.0, 0.0):
        return " (the best)"
    told = f", {points_below(loss)} {best.case}"
    if loss.low <= max_loss < loss.high:
        told += f" (within {100 * max_loss:g} as measured, not for sure)"
    if len(point.tested) > 1:
        falls = []
        for task, one, others in zip(
            point.replay.tasks, point.tested, zip(*(other.tested for other in pool), strict=True), strict=True
        ):
            falls.append((max(other.accuracy or 0.0 for other in others) - (one.accuracy or 0.0), task))
        fall, task = max(falls)
        told += f"; its weakest task, {task}, is {100 * fall:.1f} below the best there"
    return told


def _storage(
    evidence: Evidence, allowed: Sequence[Point], pool: Sequence[Point], asked: Constraints, limit: str
) -> Iterator[Advice]:
    growth = {one.case: one for one in evidence.growth}
    count = len(evidence.growth[0].counted)
    for aim, known, cost in _sizes(evidence.growth, asked.ahead, allowed):
        yield _cheapest(f"{aim}{limit}", known, pool, cost, asked.max_loss)
    if asked.storage is None:
        return
    aim = f"Within {kib(asked.storage)} for {count} task{'s' if count > 1 else ''}"
    fitting = [point for point in pool if growth[point.case].counted[-1] <= asked.storage]
    if not fitting:
        least = min(pool, key=lambda point: growth[point.case].counted[-1])
        told = f"The smallest, {least.case}, needs {kib(growth[least.case].counted[-1])}."
        yield Advice(aim, (), told)
    elif fitting[0].accuracy is None:
        sizes = [f"{point.case} ({kib(growth[point.case].counted[-1])})" for point in fitting]
        yield Advice(aim, tuple(point.case for point in fitting), f"They need {listed(sizes)}.")
    else:
        line = _most_accurate(aim, fitting)
        more = growth[line.cases[0]].fits(asked.storage)
        room = "" if more is None or more <= count else f" There is room for {more} tasks of it, extrapolated."
        needs = f" {line.cases[0]} needs {kib(growth[line.cases[0]].counted[-1])}."
        yield Advice(aim, line.cases, f"{line.told}{needs}{room}")


def _sizes(growth: Sequence[Growth], ahead: int, pool: Sequence[Point]) -> Iterator[tuple[str, Sequence[Point], Cost]]:
    """Yield what storage is called, for which of *pool* it is known, and what it costs: for all tasks, and *ahead*."""
    counted = len(growth[0].counted)
    for count in (counted, ahead) if ahead > counted else (counted,):
        sizes = {one.case: size for one in growth if (size := one.bytes_for(count)) is not None}
        if known := [point for point in pool if point.case in sizes]:
            note = ", extrapolated" if count > counted else ""
            aim = f"Least storage for {count} task{'s' if count > 1 else ''}{note}"
            yield aim, known, (partial(_looked_up, sizes), kib)


def _looked_up(sizes: Mapping[str, int], point: Point) -> float:
    return float(sizes[point.case])


def _floor(pool: Sequence[Point], floor: float, cost: Cost) -> Advice:
    of, tell = cost
    aim = f"Least energy with at least {100 * floor:g} % in the mean"
    enough = [point for point in pool if (point.accuracy or 0) >= floor]
    if not enough:
        best = _best(pool)
        return Advice(aim, (), f"The best, {best.case}, measured {percent(best)}.")
    chosen = min(enough, key=of)
    sure = [point for point in enough if (point.accuracy or 0) - (point.interval or 0) >= floor]
    told = f"{tell(of(chosen))}, {percent(chosen)}"
    if chosen not in sure:
        told += ", which is above the floor as measured, not for sure"
        cheapest = min(sure, key=of, default=None)
        told += f"; for sure: {cheapest.case}, {tell(of(cheapest))}, {percent(cheapest)}" if cheapest else ""
    return Advice(aim, (chosen.case,), f"{told}.")


def _stairs(aim: str, pool: Sequence[Point], cost: Cost) -> Advice:
    """Return, for every floor of accuracy, what costs the least as measured."""
    of, tell = cost
    steps: list[Point] = []
    for point in sorted(pool, key=lambda one: (of(one), -(one.accuracy or 0))):
        if not steps or (point.accuracy or 0) > (steps[-1].accuracy or 0):
            steps.append(point)
    told = "; ".join(f"up to {100 * (step.accuracy or 0):.1f} % {step.case} ({tell(of(step))})" for step in steps)
    cases = tuple(one.case for one in steps)
    return Advice(f"{aim}, by floor of accuracy as measured", cases, f"{told}.", named=True)
