"""Try the faults, write down which were found: ``python -m benchmarks.mutation``."""

from __future__ import annotations

import argparse
from pathlib import Path

from benchmarks.mutation.explained import EXPLAINED
from benchmarks.mutation.fault import Fault
from benchmarks.mutation.hand_made import HAND_MADE
from benchmarks.mutation.sampled import SEED, sample
from benchmarks.mutation.trial import SUITES, Outcome, try_all
from benchmarks.revision import revision

RESULTS = Path(__file__).with_name("RESULTS.md")


def main() -> None:
    """Try hand-made faults and sampled mutants; exits with 1 if one was neither found nor explained."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.mutation", description=__doc__)
    parser.add_argument("--sampled", type=int, default=100, metavar="N", help="mutants to sample (default: 100)")
    parser.add_argument("--jobs", type=int, default=2, help="how many to try at a time (default: 2)")
    parser.add_argument("--only", metavar="TEXT", default="", help="only faults with this in their name or path")
    parser.add_argument("--write", action="store_true", help=f"write {RESULTS.name}")
    arguments = parser.parse_args()

    def chosen(faults: list[Fault]) -> list[Fault]:
        return [fault for fault in faults if arguments.only in fault.name or arguments.only in fault.path]

    hand_made, mutants = chosen(HAND_MADE), chosen(sample(arguments.sampled))
    done = 0

    def tell(outcome: Outcome) -> None:
        nonlocal done
        done += 1
        what = outcome.test or "NOT FOUND"
        print(f"{done}/{len(hand_made) + len(mutants)} {_name(outcome.fault)}: {what}", flush=True)

    outcomes = try_all([*hand_made, *mutants], arguments.jobs, tell)
    parts = outcomes[: len(hand_made)], outcomes[len(hand_made) :]
    if arguments.write:
        RESULTS.write_text(report(*parts), encoding="utf-8")
    open_ones = [each for each in outcomes if not each.found and _changed(each.fault) not in EXPLAINED]
    print(*(f"{len([o for o in part if o.found])} of {len(part)} found" for part in parts), sep="; ")
    print(*(f"neither found nor explained: {_name(each.fault)}" for each in open_ones), sep="\n")
    raise SystemExit(bool(open_ones))


def report(hand_made: list[Outcome], mutants: list[Outcome]) -> str:
    """Return the text of ``RESULTS.md``."""
    found = [sum(each.found for each in part) for part in (hand_made, mutants)]
    suites = ", ".join(path for suite in SUITES for path in suite)
    survivors = [each for each in (*hand_made, *mutants) if not each.found]
    explained = [each for each in survivors if _changed(each.fault) in EXPLAINED]
    lines = [
        "# Faults put in, faults found",
        "",
        f"Written by `python -m benchmarks.mutation --write` of revision {revision()}. Tests: {suites}.",
        "",
        f"- Faults made by hand: {found[0]} of {len(hand_made)} found.",
        f"- Mutants of `mimesim/machine`, `schedule` and `schemes`, made by cosmic-ray and sampled with seed {SEED}:",
        f"  {found[1]} of {len(mutants)} found.",
        f"- Of the {len(survivors)} faults not found, {len(explained)} are explained below.",
        "",
        "## Made by hand",
        "",
        "| fault | where | found by |",
        "|---|---|---|",
        *(f"| {o.fault.name} | `{o.fault.path}:{o.fault.line}` | {_test(o)} |" for o in hand_made),
        "",
        "## Not found",
        "",
        *(
            f"- `{_name(each.fault)}`: {_change(each.fault)}\n  {EXPLAINED.get(_changed(each.fault), '**open**')}"
            for each in survivors
        ),
        *([] if survivors else ["None."]),
        "",
        "## Sampled",
        "",
        "| mutant | change | found by |",
        "|---|---|---|",
        *(f"| `{_name(o.fault)}` | {_change(o.fault)} | {_test(o)} |" for o in mutants),
        "",
    ]
    return "\n".join(lines)


def _name(fault: Fault) -> str:
    return f"{fault.path.removeprefix('mimesim/')}:{fault.line} {fault.name}"


def _changed(fault: Fault) -> str:
    """Return what tells a mutant from others whatever stands above it: its file, and what the change leaves."""
    return f"{fault.path.removeprefix('mimesim/')}: {' '.join(fault.after.split())}"


def _test(outcome: Outcome) -> str:
    return f"`{outcome.test.removeprefix('tests/')}`" if outcome.found else "**not found**"


def _change(fault: Fault) -> str:
    before, after = (" ".join(text.split()).replace("|", "\\|") for text in (fault.before, fault.after))
    return f"`{before}` → `{after}`"


if __name__ == "__main__":
    main()
