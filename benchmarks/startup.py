"""How long ``mimesim run`` keeps a terminal waiting before it shows something."""

from __future__ import annotations

import os
import pty
import subprocess
import time
from pathlib import Path

from benchmarks.measure import PYTHON

__all__ = ["first_progress"]


def first_progress(workload: Path, out: Path) -> tuple[float, float]:
    """Return the seconds to the first text on the terminal, and to the first bar of a case."""
    ours, theirs = pty.openpty()
    began = time.perf_counter()
    process = subprocess.Popen(
        [PYTHON, "-m", "mimesim", "run", str(workload), "--out", str(out)], stdout=subprocess.DEVNULL, stderr=theirs
    )
    os.close(theirs)
    shown, first, bar = b"", 0.0, 0.0
    while not bar:
        try:
            text = os.read(ours, 10_000)
        except OSError:
            text = b""
        if not text:
            raise RuntimeError(f"mimesim ended without showing progress:\n{shown.decode(errors='replace')}")
        shown += text
        first = first or time.perf_counter() - began
        bar = time.perf_counter() - began if b"case-1" in shown else 0.0
    # All that was asked is known.
    process.kill()
    process.wait()
    os.close(ours)
    return first, bar
