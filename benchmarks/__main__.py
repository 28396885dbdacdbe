"""Measure, print a table, write it down: ``python -m benchmarks --help``."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from benchmarks.checks import CHECKS
from benchmarks.measure import machine
from benchmarks.section import Options, Section

SIZES = (32, 64, 128, 224)
RESULTS = Path(__file__).with_name("RESULTS.md")


def main() -> None:
    """Run the chosen measurements; exits with 1 if a target is missed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measure mimesim's speed and memory.")
    parser.add_argument(
        "--scale-sim", type=Path, metavar="PYTHON", help="a Python that has scalesim 3.0.0 and numpy < 2"
    )
    parser.add_argument("--only", nargs="+", choices=CHECKS, metavar="NAME", help=f"some of: {', '.join(CHECKS)}")
    parser.add_argument(
        "--sizes", nargs="+", type=int, default=SIZES, metavar="PX", help="input sizes (default: all four)"
    )
    parser.add_argument("--repeats", type=int, default=5, help="how often to repeat what is short (default: 5)")
    arguments = parser.parse_args()
    chosen = arguments.only or list(CHECKS)
    # Nothing absolute: SCALE-Sim and mimesim run in folders of their own.
    python = arguments.scale_sim.absolute() if arguments.scale_sim else None
    sections = []
    with tempfile.TemporaryDirectory() as folder:
        options = Options(Path(folder), arguments.repeats, tuple(sorted(arguments.sizes)), python)
        for name in chosen:
            print(f"measuring {name} ...", flush=True)
            sections.append(CHECKS[name](options))
            for line in sections[-1].details:
                print(f"  {line}")
    print(*table(sections), sep="\n")
    if list(chosen) == list(CHECKS) and options.sizes == SIZES and python:
        RESULTS.write_text(report(sections), encoding="utf-8")
        print(f"\nwritten to {RESULTS.relative_to(Path.cwd()) if RESULTS.is_relative_to(Path.cwd()) else RESULTS}")
    raise SystemExit(any(not check.met for section in sections for check in section.checks))


def table(sections: list[Section]) -> list[str]:
    """Return all checks as a table in Markdown."""
    lines = ["| what | measured | target | met |", "|---|---|---|---|"]
    for section in sections:
        for check in section.checks:
            met = ("yes" if check.met else "**no**") if check.target else ""
            lines.append(f"| {check.what} | {check.measured} | {check.target} | {met} |")
    return lines


def report(sections: list[Section]) -> str:
    """Return the text of ``RESULTS.md``."""
    lines = [
        "# Measured",
        "",
        f"By `make bench` on {machine()}. Every ratio was taken in one run.",
        "",
        *table(sections),
        "",
        "Rows *compiled* are what `mimesim run` does where numba is installed (`--engine auto`, the default);",
        "rows *simpy* are the reference, and what the core alone does. Results are the same.",
    ]
    for section in sections:
        lines += ["", f"## {section.title}", "", *section.details]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
