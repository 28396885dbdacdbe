"""Install the oldest versions that setup.cfg allows, test them, write down what came of it."""

from __future__ import annotations

import argparse
import subprocess
from pathlib import Path

from benchmarks.oldest.bounds import ROOT, extras, pins
from benchmarks.oldest.environment import installed, make, python_in
from benchmarks.oldest.report import report
from benchmarks.oldest.trial import all_tests, run_tests, try_others
from benchmarks.revision import revision

RESULTS = Path(__file__).with_name("RESULTS.md")
#: With --core: replaying and its timelines. What the others test is not installed, or, as the pages' examples, takes
#: minutes that CI has spent on the newest versions.
CORE = ("pytest", "hypothesis", "--editable", ".[timeline]")
BEYOND_CORE = ("tests/training", "tests/report", "tests/test_docs.py")
#: Holds the page against the bounds; a page about to be written need not agree yet.
OF_THE_PAGE = "tests/test_oldest.py::test_every_lower_bound_was_tested"


def main() -> None:
    """Make the environment and run the tests there; exits with 1 if a test failed, or something else did not work."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.oldest", description=__doc__)
    parser.add_argument("tests", nargs="*", metavar="TEST", help="only these paths, for pytest (default: everything)")
    parser.add_argument("--environment", type=Path, default=ROOT / ".oldest", metavar="FOLDER", help="where to install")
    parser.add_argument("--core", action="store_true", help="of the extras only the timeline")
    parser.add_argument("--keep", action="store_true", help="test the environment that is there")
    parser.add_argument("--jobs", type=int, default=2, help="how many parts of the tests at a time (default: 2)")
    parser.add_argument("--write", action="store_true", help=f"write {RESULTS.name}; needs all tests and extras")
    arguments = parser.parse_args()
    if arguments.write and (arguments.tests or arguments.core):
        parser.error("--write takes all tests and extras")

    folder = arguments.environment
    # Before hours of tests, not after: what is written is of the revision that was tested.
    tested_revision = revision()
    if not arguments.keep:
        print(f"installing the oldest versions in {folder} ...", flush=True)
        everything = ("setuptools", "--editable", f".[{','.join(extras())}]")
        make(folder, CORE if arguments.core else everything)
    chosen = arguments.tests or [path for path in all_tests() if not (arguments.core and path in BEYOND_CORE)]
    tested = run_tests(folder, chosen, [] if arguments.core else [f"--deselect={OF_THE_PAGE}"], arguments.jobs)
    tried = [] if arguments.core or arguments.tests else try_others(folder)
    if arguments.write:
        text = report(tested_revision, _python(folder), pins(), installed(folder), tested, tried)
        RESULTS.write_text(text, encoding="utf-8")
        print(f"written to {RESULTS.relative_to(ROOT)}")
    print(f"on the oldest versions: {tested}")
    broken = [each.what for each in tried if not each.works]
    for what in broken:
        print(f"does not work: {what}")
    raise SystemExit(bool(tested.failed or broken))


def _python(folder: Path) -> str:
    command = [str(python_in(folder)), "-c", "import platform; print(platform.python_version())"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


if __name__ == "__main__":
    main()
