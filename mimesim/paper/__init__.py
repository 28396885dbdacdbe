"""Everything the paper measured, replayed: its claims beside ours, and the questions that it leaves open."""

from __future__ import annotations

import time
from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory

from mimesim.config.workload import Workload
from mimesim.engine import Engine
from mimesim.errors import InputError
from mimesim.paper import explain, measure, questions
from mimesim.paper.claims import CLAIMS, Claim, Masks
from mimesim.paper.lab import DRAW_SEED, DRAWN_IMAGES, ROLES, Lab, Progress
from mimesim.paper.report import Checked, PaperReport
from mimesim.paper.systems import system_rows
from mimesim.results import check_destination
from mimesim.results.writer import write_files

__all__ = ["PaperReport", "run_paper"]


def run_paper(
    workload: Workload,
    out: Path | None = None,
    *,
    jobs: int | None = None,
    progress: Progress | None = None,
    masks: Iterable[Masks] = ("drawn", "recorded"),
    reviewer: bool = True,
    engine: Engine = "auto",
) -> PaperReport:
    """Replay what the paper measured and return its claims beside our values; written to folder *out*, if given.

    ::

        report = run_paper(load_workload("vgg16"), Path("out/paper"))
        rich.print(report)

    *workload* has a case for each of the paper's (conventional without and with skipping, MIME, pruned and stored
    dense), none of which changes the hardware or the schedule. Recorded masks are those of its traces; drawn ones are
    drawn into a temporary folder, for the same network. What the papers of other systems claim stands beside what
    their shipped traces hold. *reviewer* tells whether to answer what the paper leaves open,
    too. Up to *jobs* replays run at a time (one per CPU, if None), by *engine*.

    Raises :class:`InputError` where the workload is not the paper's, or *out* is not ours to write.
    """
    began = time.perf_counter()
    kinds = tuple(dict.fromkeys(masks))
    if not kinds:
        raise InputError("paper", "names neither drawn nor recorded", key="masks")
    if out is not None:
        check_destination(out)
    with TemporaryDirectory(prefix="mimesim-paper-") as folder:
        lab = Lab(workload, Path(folder), jobs, progress, engine)
        claims = [(claim, kind) for kind in kinds for claim in CLAIMS if kind in claim.masks]
        lab.run((spec for claim, kind in claims for spec in measure.specs(lab, claim, kind)), "claims")
        found = tuple(_explained(lab, claims))
        rows: tuple[questions.Answer, ...] = ()
        if reviewer:
            lab.run(questions.needed(lab, kinds), "questions")
            rows = tuple(questions.answers(lab, kinds))
        report = PaperReport(
            checked=found,
            answers=rows,
            sources={kind: _source(lab, kind) for kind in kinds},
            settings={
                "workload": workload.model_dump(mode="json"),
                "cases": {role: case.name for role, case in lab.cases.items()},
                "traces": {case.trace: lab.recorded[case.scheme].digest() for case in lab.cases.values()},
            },
            runs=lab.runs,
            engines=lab.engines,
            seconds=time.perf_counter() - began,
            violations=lab.violations,
            systems=system_rows(),
        )
    if out is not None:
        write_files(report.render_files(), out)
    return report


def _explained(lab: Lab, claims: list[tuple[Claim, Masks]]) -> Iterable[Checked]:
    """Yield every claim with its value; the missed ones with what they hang on."""
    values = {pair: measure.value(lab, *pair) for pair in claims}
    missed = [(claim, kind) for (claim, kind), value in values.items() if value is not None and not claim.holds(value)]
    lab.run(explain.needed(lab, missed), "explanations")
    for (claim, kind), value in values.items():
        if (claim, kind) not in missed:
            yield Checked(claim, kind, value)
            continue
        flips = explain.flipped(lab, claim, kind, missed)
        drawn = values.get((claim, "drawn")) if kind == "recorded" and claim.runs else None
        if drawn is not None:
            flips.insert(0, explain.Flip("drawn masks", drawn, claim.holds(drawn)))
        why = explain.assumption(claim, only_recorded=drawn is not None and claim.holds(drawn))
        yield Checked(claim, kind, value, why, tuple(flips))


def _source(lab: Lab, kind: Masks) -> str:
    if kind == "drawn":
        size = f"{lab.pixels}x{lab.pixels} pixels"
        return f"drawn at the sparsities of Tables II and III, {size}, {DRAWN_IMAGES} images a task, seed {DRAW_SEED}"
    trace = lab.recorded["mime"]
    folders = ", ".join(sorted({lab.workload.traces[lab.cases[role].trace] for role in ROLES}))
    stand_in = "" if trace.manifest.origin == "recorded" else " (a stand-in: their manifest says they are drawn)"
    return f"{folders}, {lab.images(kind)} images a task{stand_in}"
