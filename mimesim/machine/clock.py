"""The clock of a run: SimPy's environment, whose time is a whole number of accelerator cycles."""

from __future__ import annotations

from simpy import Environment

__all__ = ["Clock"]


class Clock(Environment):
    """A SimPy environment in which every delay is whole, so that the time is."""

    @property
    def cycle(self) -> int:
        """The current accelerator cycle."""
        # To SimPy any number is a time; here nothing waits for a fraction of a cycle.
        return self._now  # type: ignore[return-value]

    @property
    def events(self) -> int:
        """How many events were scheduled so far."""
        # SimPy numbers events as it schedules them and has no public count; to ask uses up a number, which harms none.
        return next(self._eid)
