"""The errors a user can cause, each with the place, the value and the rule that was broken."""

from __future__ import annotations

__all__ = ["InputError", "MimesimError"]


class MimesimError(Exception):
    """Base of every error that mimesim raises on purpose; the command line prints it and exits with 2."""


class InputError(MimesimError):
    """Something a user wrote or supplied breaks a rule.

    *where* is the file or option, *key* the entry in it (dotted, or a layer or task name), *value* what stands there
    and *rule* what must hold. The message reads ``where: key = value: rule``.
    """

    def __init__(self, where: str, rule: str, *, key: str | None = None, value: object = None) -> None:
        self.where = where
        self.key = key
        self.value = value
        self.rule = rule
        parts = [where]
        if key is not None:
            parts.append(key if value is None else f"{key} = {value!r}")
        elif value is not None:
            parts.append(repr(value))
        super().__init__(": ".join([*parts, rule]))

    def __reduce__(self) -> tuple[object, ...]:
        """Travel between processes: an exception would otherwise be rebuilt from its message alone."""
        return _rebuild, (self.where, self.rule, self.key, self.value)


def _rebuild(where: str, rule: str, key: str | None, value: object) -> InputError:
    return InputError(where, rule, key=key, value=value)
