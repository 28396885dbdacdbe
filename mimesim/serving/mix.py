"""The mix: which share of the requests each task has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isfinite

from mimesim.config.explain import suggest
from mimesim.errors import InputError

__all__ = ["Mix", "even_mix", "mix_name", "parse_mix", "skewed_mix"]

#: Share by task, of every task of the workload; the sum is 1.
Mix = Mapping[str, float]

#: How far written shares may be from 1 in sum, for thirds are not written exactly.
_SLACK = 1e-6


def even_mix(tasks: Sequence[str]) -> Mix:
    """Return equal shares."""
    return {task: 1 / len(tasks) for task in tasks}


def skewed_mix(tasks: Sequence[str], share: float, where: str = "--shares") -> Mix:
    """Return *share* for the first task; the others have equal parts of the rest."""
    if not isfinite(share) or not 0 <= share <= 1:
        raise InputError(where, "must be from 0 to 1", value=share)
    if len(tasks) == 1 and share != 1:
        raise InputError(where, "must be 1: the workload has one task", value=share)
    rest = (1 - share) / (len(tasks) - 1) if len(tasks) > 1 else 0.0
    return {task: share if number == 0 else rest for number, task in enumerate(tasks)}


def parse_mix(text: str, tasks: Sequence[str], where: str = "--mix") -> Mix:
    """Return the mix that *text* says: ``cifar10=0.7,cifar100=0.3``. A task that it does not name gets no requests.

    Raises :class:`InputError` for an unknown or repeated task, what is no share, and shares that do not sum to 1.
    """
    shares: dict[str, float] = {}
    for part in text.split(","):
        task, equals, number = part.strip().partition("=")
        if not equals:
            raise InputError(where, "must be TASK=SHARE,TASK=SHARE,...", value=text)
        if task not in tasks:
            raise InputError(where, f"the workload has no such task; {suggest(task, tasks)}", value=task)
        if task in shares:
            raise InputError(where, "names the same task twice", value=task)
        try:
            shares[task] = float(number)
        except ValueError:
            raise InputError(where, "must be a number from 0 to 1", key=task, value=number) from None
        if not isfinite(shares[task]) or not 0 <= shares[task] <= 1:
            raise InputError(where, "must be a number from 0 to 1", key=task, value=number)
    total = sum(shares.values())
    if abs(total - 1) > _SLACK:
        raise InputError(where, f"the shares must sum to 1, these sum to {total:.6g}", value=text)
    return {task: shares.get(task, 0.0) / total for task in tasks}


def mix_name(mix: Mix) -> str:
    """Return the mix in one word for tables, shares to three digits."""
    return "/".join(f"{share:.3g}" for share in mix.values())
