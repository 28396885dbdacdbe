"""The tables of ``mimesim paper``, as data, as CSV and to be read."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

from mimesim.paper.claims import CLAIMS, Claim, Masks, claims_digest
from mimesim.paper.explain import Flip
from mimesim.paper.questions import Answer
from mimesim.paper.systems import SYSTEM_COLUMNS, SystemRow, systems_table
from mimesim.results.csv_file import Row, render_csv
from mimesim.results.document import FORMAT, RUN_JSON

if TYPE_CHECKING:
    from rich.console import RenderableType

__all__ = ["CLAIM_COLUMNS", "REVIEWER_COLUMNS", "Checked", "PaperReport", "Share"]

CLAIM_COLUMNS = ("figure", "layer", "quantity", "masks", "paper_low", "paper_high", "value", "in_band", "note")
REVIEWER_COLUMNS = ("question", "setting", "masks", "quantity", "value", "note")

#: The figures whose checks the design's sketch was counted on, and how they are called.
SKETCH_FIGURES = ("Fig. 5", "Fig. 6", "Fig. 8", "Fig. 9")
SKETCH = "Figs. 5, 6, 8, 9: energy ratios"


@dataclass(frozen=True)
class Checked:
    """A claim on one kind of masks, with our value (None: the trace does not tell) and, if it is missed, why."""

    claim: Claim
    masks: Masks
    value: float | None
    assumption: str = ""
    flips: tuple[Flip, ...] = ()

    @property
    def holds(self) -> bool | None:
        """Whether the value lies in the band."""
        return None if self.value is None else self.claim.holds(self.value)

    @property
    def nearly(self) -> bool | None:
        """Whether the value lies in the band or within 5 % of it."""
        return None if self.value is None else self.claim.nearly(self.value)

    @property
    def note(self) -> str:
        """What to know about the value: why it misses the band, or why it had to hit it."""
        if self.value is None:
            return "the trace holds no accuracy"
        parts = []
        if self.claim.kind == "remark":
            parts.append("a remark of the paper, band ours")
        if self.claim.by_construction:
            parts.append("drawn so")
        if not self.holds:
            parts.append(self.assumption)
            flips = [f"{flip.name}: {flip.value:.3g}{' (in band)' if flip.holds else ''}" for flip in self.flips]
            parts += [f"flipped: {', '.join(flips)}"] if flips else []
        return "; ".join(part for part in parts if part)

    def row(self) -> Row:
        """Return the row of ``claims.csv``."""
        return {
            "figure": self.claim.figure,
            "layer": self.claim.layer,
            "quantity": self.claim.quantity,
            "masks": self.masks,
            "paper_low": self.claim.low,
            "paper_high": self.claim.high,
            "value": self.value,
            "in_band": None if self.holds is None else str(self.holds),
            "note": self.note,
        }


@dataclass(frozen=True, slots=True)
class Share:
    """How many checks of a group lie in their bands."""

    group: str
    masks: Masks
    checks: int
    strict: int
    near: int

    @classmethod
    def of(cls, group: str, masks: Masks, checked: Iterable[Checked]) -> Share:
        """Count those of *checked* that are on *masks* and have a value."""
        rows = [row for row in checked if row.masks == masks and row.value is not None]
        return cls(group, masks, len(rows), sum(bool(row.holds) for row in rows), sum(bool(row.nearly) for row in rows))


@dataclass(frozen=True)
class PaperReport:
    """Everything that ``mimesim paper`` found; prints itself with rich.

    *sources* says where the masks of each kind come from, *violations* which conservation laws a replay broke,
    *systems* what the papers of other systems claim beside what their shipped traces hold,
    *engines* how many replays each engine did.
    """

    checked: tuple[Checked, ...]
    answers: tuple[Answer, ...]
    sources: dict[Masks, str]
    settings: dict[str, object]
    runs: int
    seconds: float
    violations: tuple[str, ...] = ()
    systems: tuple[SystemRow, ...] = ()
    engines: dict[str, int] = field(default_factory=dict)
    files: tuple[str, ...] = field(default=("claims.csv", "reviewer.csv", "systems.csv", RUN_JSON))

    def shares(self) -> list[Share]:
        """Return the share in band per figure, of the checks that the sketch was counted on, and of all."""
        free = [row for row in self.checked if not row.claim.by_construction]
        groups = [(figure, [row for row in self.checked if row.claim.figure == figure]) for figure in _figures()]
        sketch = [row for row in free if row.claim.figure in SKETCH_FIGURES and row.claim.measure == "energy"]
        groups += [
            (SKETCH, sketch),
            ("all that give a number", [row for row in free if row.claim.kind == "number"]),
            ("all but what was drawn so", free),
        ]
        return [Share.of(name, masks, rows) for name, rows in groups for masks in self.sources]

    def render_files(self) -> dict[str, str]:
        """Return the text of each file by name."""
        document = {
            "format": FORMAT,
            "format_version": 1,
            "kind": "paper",
            "balanced": not self.violations,
            "violations": list(self.violations),
            "files": sorted(self.files),
            "claims_sha256": claims_digest(),
            "masks": self.sources,
            **self.settings,
            "shares": [
                {
                    "group": s.group,
                    "masks": s.masks,
                    "checks": s.checks,
                    "in_band": s.strict,
                    "within_5_percent": s.near,
                }
                for s in self.shares()
            ],
            "measured": {"runs": self.runs, "engines": self.engines, "wall_seconds": round(self.seconds, 3)},
        }
        answers: list[Row] = [{column: getattr(row, column) for column in REVIEWER_COLUMNS} for row in self.answers]
        return {
            "claims.csv": render_csv(CLAIM_COLUMNS, [row.row() for row in self.checked]),
            "reviewer.csv": render_csv(REVIEWER_COLUMNS, answers),
            "systems.csv": render_csv(SYSTEM_COLUMNS, [asdict(row) for row in self.systems]),
            RUN_JSON: json.dumps(document, indent=2, allow_nan=False, ensure_ascii=False) + "\n",
        }

    def __rich__(self) -> RenderableType:
        """Return both tables, the misses and the shares, for a console."""
        from rich.console import Group

        return Group(*self._parts())

    def _parts(self) -> Iterator[RenderableType]:
        yield from (f"{masks} masks: {source}" for masks, source in self.sources.items())
        yield ""
        yield self._claims_table()
        yield ""
        yield from self._misses()
        yield ""
        yield self._answers_table()
        yield ""
        yield systems_table(self.systems)
        yield ""
        yield self._shares_table()
        state = "all books balance" if not self.violations else f"{len(self.violations)} conservation laws are broken"
        yield f"{self.runs} replays in {self.seconds:.0f} s; {state}"

    def _claims_table(self) -> RenderableType:
        from rich.table import Table

        kinds = list(self.sources)
        table = Table(title="The paper's claims", title_justify="left", pad_edge=False, box=None)
        for column in ("figure", "layer", "quantity"):
            table.add_column(column)
        for column in ("paper", *kinds):
            table.add_column(column, justify="right", no_wrap=True)
        for rows in self._paired():
            first = next(iter(rows.values()))
            cells = [_cell(rows.get(kind)) for kind in kinds]
            table.add_row(first.claim.figure, first.claim.layer, first.claim.quantity, _band(first.claim), *cells)
        return table

    def _paired(self) -> Iterator[dict[Masks, Checked]]:
        """Yield the checks of each quantity by masks; the sparsities that were drawn so stay in the CSV."""
        grouped: dict[tuple[str, str, str], dict[Masks, Checked]] = {}
        for row in self.checked:
            if row.claim.by_construction and row.claim.measure == "sparsity":
                continue
            grouped.setdefault((row.claim.figure, row.claim.layer, row.claim.quantity), {})[row.masks] = row
        yield from grouped.values()

    def _misses(self) -> Iterator[RenderableType]:
        """Yield a table for each assumption that claims are missed by, with what flips make of them."""
        from rich.table import Table
        from rich.text import Text

        by_assumption: dict[str, list[Checked]] = {}
        for row in self.checked:
            if row.holds is False:
                by_assumption.setdefault(row.assumption, []).append(row)
        if by_assumption:
            yield "Out of band, and why"
        for assumption, rows in by_assumption.items():
            yield Text(f"\n- {assumption}", style="bold")
            flips = list(dict.fromkeys(flip.name for row in rows for flip in row.flips))
            table = Table(pad_edge=False, box=None)
            for column in ("figure", "layer", "quantity", "masks"):
                table.add_column(column)
            for column in ("paper", "ours", *flips):
                table.add_column(column, justify="right")
            for row in rows:
                cells = {flip.name: f"{flip.value:.3f} {'in ' if flip.holds else 'out'}" for flip in row.flips}
                claim = row.claim
                head = (claim.figure, claim.layer, claim.quantity, row.masks, _band(claim), f"{row.value:.3f}")
                table.add_row(*head, *(cells.get(name, "-") for name in flips))
            yield table

    def _answers_table(self) -> RenderableType:
        from rich.table import Table

        table = Table(title="What the paper leaves open", title_justify="left", pad_edge=False, box=None)
        for column in ("question", "setting", "quantity"):
            table.add_column(column)
        kinds = list(self.sources)
        for kind in kinds:
            table.add_column(kind, justify="right")
        table.add_column("note", ratio=1)
        grouped: dict[tuple[str, str, str], dict[Masks, Answer]] = {}
        for row in self.answers:
            grouped.setdefault((row.question, row.setting, row.quantity), {})[row.masks] = row
        question = ""
        for key, rows in grouped.items():
            values = [f"{rows[kind].value:.2f}" if kind in rows else "" for kind in kinds]
            shown = key[0] if key[0] != question else ""
            question = key[0]
            table.add_row(shown, key[1], key[2], *values, next(iter(rows.values())).note)
        return table

    def _shares_table(self) -> RenderableType:
        from rich.table import Table

        table = Table(title="In band", title_justify="left", pad_edge=False, box=None)
        for column in ("checks of", "masks"):
            table.add_column(column)
        for column in ("checks", "in band", "or within 5 %"):
            table.add_column(column, justify="right")
        for share in self.shares():
            if share.checks:
                part = [f"{n} ({n / share.checks:.0%})" for n in (share.strict, share.near)]
                table.add_row(share.group, share.masks, str(share.checks), *part)
        return table


def _figures() -> Sequence[str]:
    return list(dict.fromkeys(claim.figure for claim in CLAIMS))


def _band(claim: Claim) -> str:
    if claim.low is None:
        return f"{'<' if claim.exclusive else '<='} {claim.high:g}"
    if claim.high is None:
        return f"{'>' if claim.exclusive else '>='} {claim.low:g}"
    return f"{claim.low:g}" if claim.low == claim.high else f"{claim.low:g} to {claim.high:g}"


def _cell(row: Checked | None) -> str:
    if row is None or row.value is None:
        return "-"
    colour = "green" if row.holds else "yellow" if row.nearly else "red"
    return f"[{colour}]{row.value:.3f} {'in ' if row.holds else 'out'}[/{colour}]"
