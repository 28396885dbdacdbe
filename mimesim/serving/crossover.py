"""Where shared weights beat weights of each task's own: the best case and policy of either side, stream by stream."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from mimesim.results.csv_file import Cell, Row, as_number
from mimesim.serving.settings import Outcome, Stream
from mimesim.serving.tables import whole_row

__all__ = ["CROSSOVER", "METRICS", "SIDES", "TIE", "Verdict", "crossover_rows", "verdicts"]

#: What sides are compared by, and whether less of it is better.
METRICS: Mapping[str, bool] = {"latency_p95_ms": True, "energy_per_request": True, "throughput_per_s": False}
SIDES = ("shared", "separate")
#: A factor of less than this decides nothing: percentiles are no better than to half of it.
TIE = 1.001

_SIDE = ("case", "policy", "value", "rejected_share")
CROSSOVER = (
    *("load", "rate_per_s", "mix", "metric", "winner", "factor"),
    *(f"{side}_{column}" for side in SIDES for column in _SIDE),
)


class Verdict(NamedTuple):
    """One metric of one stream: which side has the better best, how many times better, and the best of each side."""

    stream: Stream
    metric: str
    winner: str
    factor: float
    best: dict[str, dict[str, Cell]]

    @property
    def gain(self) -> float:
        """How many times better shared weights are: below 1 where they are worse."""
        return 1 / self.factor if self.winner == SIDES[1] else self.factor


def verdicts(outcomes: Sequence[Outcome]) -> Iterator[Verdict]:
    """Yield a verdict for every stream and metric; none where the workload has cases of one side only."""
    for number in dict.fromkeys(outcome.stream.number for outcome in outcomes):
        rows: dict[str, list[dict[str, Cell]]] = {side: [] for side in SIDES}
        found = [outcome for outcome in outcomes if outcome.stream.number == number]
        for outcome in found:
            rows[SIDES[0] if outcome.shared else SIDES[1]].append(whole_row(outcome))
        for metric, less in METRICS.items():
            best = {side: _best(rows[side], metric, less) for side in SIDES if any(row[metric] for row in rows[side])}
            if len(best) == len(SIDES):
                yield _verdict(found[0].stream, metric, less, best)


def crossover_rows(outcomes: Sequence[Outcome]) -> Iterator[Row]:
    """Yield a row for every verdict."""
    for stream, metric, winner, factor, best in verdicts(outcomes):
        row: dict[str, Cell] = {"load": stream.load, "rate_per_s": stream.rate_per_s, "mix": stream.mix}
        row |= {"metric": metric, "winner": winner, "factor": factor}
        for side, found in best.items():
            row |= {f"{side}_case": found["case"], f"{side}_policy": found["policy"], f"{side}_value": found[metric]}
            row[f"{side}_rejected_share"] = as_number(found["rejected"]) / as_number(found["arrived"])
        yield row


def _best(rows: Sequence[dict[str, Cell]], metric: str, less: bool) -> dict[str, Cell]:
    having = [row for row in rows if row[metric]]
    # Of equals the first, in the workload's order.
    return min(having, key=lambda row: as_number(row[metric]) if less else -as_number(row[metric]))


def _verdict(stream: Stream, metric: str, less: bool, best: dict[str, dict[str, Cell]]) -> Verdict:
    shared, separate = (as_number(best[side][metric]) for side in SIDES)
    gain = separate / shared if less else shared / separate
    factor = max(gain, 1 / gain)
    winner = "tie" if factor < TIE else SIDES[0] if gain > 1 else SIDES[1]
    return Verdict(stream, metric, winner, factor, best)
