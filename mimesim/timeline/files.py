"""One file for all cases of a run: each writes a piece of its own, which are strung together when all have ended."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from mimesim.errors import InputError
from mimesim.timeline.events import TICKS, Events, Window
from mimesim.timeline.perfetto import check_installed, write_timeline

__all__ = ["Timelines"]


@dataclass(frozen=True)
class Timelines:
    """What is to be recorded of a run, and where it goes; *cases* are all, if empty.

    Raises :class:`InputError` where the format's package is missing, or a file cannot be written.
    """

    path: Path
    window: Window = field(default_factory=Window)
    cases: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        """Refuse where the package is missing."""
        check_installed(self.path)

    def records(self, case: str) -> bool:
        """Return whether *case* is recorded."""
        return not self.cases or case in self.cases

    def write(self, number: int, case: str, events: Events) -> int | None:
        """Write the piece of case *number*; return the cycle in which its recording reached the limit, if it did."""
        try:
            write_timeline(self._piece(number), number, case, events)
        except OSError as error:
            raise self._refused(error) from None
        return None if events.cut is None else events.cut // TICKS

    @contextmanager
    def joined(self, cases: Sequence[str]) -> Iterator[None]:
        """Around a run of *cases*: string their pieces together at its end; an interrupted run leaves none behind."""
        unknown = sorted(self.cases - set(cases))
        if unknown:
            raise InputError("timeline", f"must be a case: {', '.join(cases)}", key="case", value=unknown[0])
        pieces = [self._piece(number) for number, case in enumerate(cases) if self.records(case)]
        whole = self.path.with_name(f".{self.path.name}.whole")
        try:
            # Whoever may not write here hears of it before the run, not after it.
            self.path.parent.mkdir(parents=True, exist_ok=True)
            whole.touch()
        except OSError as error:
            raise self._refused(error) from None
        try:
            yield
            with whole.open("wb") as file:
                for path in pieces:
                    with path.open("rb") as piece:
                        shutil.copyfileobj(piece, file)
            whole.replace(self.path)
        except OSError as error:
            raise self._refused(error) from None
        finally:
            for path in (*pieces, whole):
                path.unlink(missing_ok=True)

    def _refused(self, error: OSError) -> InputError:
        return InputError(str(self.path), f"cannot be written ({error.strerror})")

    def _piece(self, number: int) -> Path:
        return self.path.with_name(f".{self.path.name}.{number}")
