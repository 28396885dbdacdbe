"""What a controller is told: page policy, scheduler, queues, refresh."""

from __future__ import annotations

from dataclasses import dataclass

from mimesim.errors import InputError

__all__ = ["PAGES", "SCHEDULERS", "Settings"]

PAGES = ("open", "closed")
SCHEDULERS = ("fr-fcfs", "fcfs")


@dataclass(frozen=True, slots=True)
class Settings:
    """One controller a channel; ``docs/dram.md`` tells what each setting does.

    *queue* reads wait in the order of arrival, as many writes. With *bank_queue*, so many more wait in a queue of each
    bank, and only they are looked at. Writes are served from *write_high* waiting ones on until
    *write_low* are left; None stands for four and one fifths of the queue. *hit_limit* column commands of one row may
    pass a request for another row of the bank; 0: any number.
    """

    queue: int = 32
    page: str = "open"
    scheduler: str = "fr-fcfs"
    refresh: bool = True
    hit_limit: int = 16
    write_high: int | None = None
    write_low: int | None = None
    bank_queue: int = 0

    def __post_init__(self) -> None:
        """Check what a user may have got wrong; raises :class:`InputError`."""
        for name, chosen, known in (("page", self.page, PAGES), ("scheduler", self.scheduler, SCHEDULERS)):
            if chosen not in known:
                raise InputError(f"--{name}", f"must be {' or '.join(known)}", value=chosen)
        for name, value, least in (
            ("queue", self.queue, 1),
            ("hit-limit", self.hit_limit, 0),
            ("bank-queue", self.bank_queue, 0),
        ):
            if value < least:
                raise InputError(f"--{name}", f"must be at least {least}", value=value)
        low, high = self.watermarks
        if not 0 <= low < high <= self.queue:
            rule = f"must be more than --write-low (here {low}, not negative) and at most --queue (here {self.queue})"
            raise InputError("--write-high", rule, value=high)

    @property
    def watermarks(self) -> tuple[int, int]:
        """Waiting writes at which serving them ends, and at which it begins."""
        high = max(1, self.queue * 4 // 5) if self.write_high is None else self.write_high
        low = min(self.queue // 5, high - 1) if self.write_low is None else self.write_low
        return low, high
