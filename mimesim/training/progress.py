"""How far a training is: a bar on a terminal, plain lines elsewhere, and the curve that is kept."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

__all__ = ["Curve", "Meter"]

Curve = list[dict[str, float]]
"""Rows of step, size_px, loss, train_accuracy and rate, each a mean over the steps since the last row."""

EVERY = 20


class Meter:
    """Follows one fit of *total* steps from step *start* on; *curve* holds the rows so far. All output is to stderr."""

    def __init__(self, name: str, total: int, start: int, curve: Curve) -> None:
        """Draw nothing until the block is entered."""
        self.curve = curve
        self._name, self._total, self._start, self._step = name, total, start, start
        self._loss, self._right, self._images, self._steps = 0.0, 0, 0, 0
        self._all_images, self._started = 0, time.monotonic()
        console = Console(stderr=True)
        self._plain = not console.is_terminal
        self._progress = Progress(
            TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
            TimeRemainingColumn(), TextColumn("{task.fields[state]}"), console=console, disable=self._plain,
        )  # fmt: skip
        self._bar = self._progress.add_task(name, total=total, completed=start, state="")

    def __enter__(self) -> Self:
        """Start the bar and the clock."""
        self._progress.start()
        self._started = time.monotonic()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Leave the bar as it stands."""
        self._progress.stop()

    def add(self, loss: float, right: int, images: int, *, flush: bool, size_px: int, rate: float) -> None:
        """Book one step; every 20 steps, or where *flush* ends a phase, a row is added to the curve."""
        self._step += 1
        self._steps += 1
        self._loss += loss
        self._right += right
        self._images += images
        self._all_images += images
        self._progress.advance(self._bar)
        if not flush and self._step % EVERY:
            return
        mean, accuracy = self._loss / self._steps, self._right / self._images
        row = {"step": self._step, "size_px": size_px, "loss": mean, "train_accuracy": accuracy, "rate": rate}
        self.curve.append(row)
        state = f"loss {mean:.3f}, accuracy {accuracy:.3f}"
        self._progress.update(self._bar, state=state)
        if self._plain:
            elapsed = max(time.monotonic() - self._started, 1e-9)
            speed = self._all_images / elapsed
            left = elapsed / (self._step - self._start) * (self._total - self._step) / 60
            where = f"{self._name} {self._step}/{self._total} at {size_px} px"
            print(f"{where}: {state}, {speed:.0f} images/s, {left:.0f} min left", file=sys.stderr, flush=True)
        self._loss, self._right, self._images, self._steps = 0.0, 0, 0, 0
