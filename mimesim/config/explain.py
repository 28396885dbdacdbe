"""Turn what pydantic found wrong into one error that says where, which key, which value and which rule."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from typing import Any, TypeVar, get_args, get_origin

from pydantic import BaseModel, ValidationError

from mimesim.config.origin import KeyPath, Origin, dotted
from mimesim.errors import InputError

__all__ = ["check", "suggest"]

Model = TypeVar("Model", bound=BaseModel)

_RULES = {
    "missing": "is required",
    "int_type": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_type": "must be a plain number; the key's name tells its unit",
    "float_parsing": "must be a plain number; the key's name tells its unit",
    "finite_number": "must be a finite number",
    "string_type": "must be text (put it in quotes if it looks like something else)",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "tuple_type": "must be a list",
    "list_type": "must be a list",
    "dict_type": "must be a mapping (key: value)",
    "model_type": "must be a mapping (key: value)",
    "string_pattern_mismatch": "may hold letters, digits, '-', '_' and '.' only, a letter or '_' first",
}


def check(model: type[Model], data: object, origin: Origin, prefix: KeyPath = ()) -> Model:
    """Return *data* as a *model*; raises :class:`InputError` for the first thing that is wrong.

    *prefix* is the way to *data* in the file that *origin* describes.
    """
    try:
        return model.model_validate(data, context=origin)
    except ValidationError as error:
        raise _explain(error, model, origin, prefix) from None
    except RecursionError:
        raise InputError(origin.where(prefix), "refers to itself", key=dotted(prefix)) from None


def suggest(name: object, known: Iterable[str]) -> str:
    """Return ``did you mean 'x'?``, or the list of what is known where nothing is close."""
    known = list(known)
    close = get_close_matches(str(name), known, n=1, cutoff=0.6)
    return f"did you mean {close[0]!r}?" if close else f"known: {', '.join(known) or 'none'}"


def _explain(error: ValidationError, model: type[BaseModel], origin: Origin, prefix: KeyPath) -> InputError:
    found = error.errors(include_url=False)
    # A misspelt key is also a missing one: the misspelling is what to show.
    first = min(found, key=lambda entry: entry["type"] != "extra_forbidden")
    loc = tuple(first["loc"])
    shown: Any = None
    if first["type"] == "extra_forbidden":
        rule = f"unknown key; {suggest(loc[-1], _known_keys(model, loc[:-1]))}"
    else:
        rule = _rule(first["type"], first.get("ctx", {}), loc, first["msg"])
        if first["type"] == "literal_error" and isinstance(first["input"], str):
            close = get_close_matches(first["input"], _choices(first["ctx"]["expected"]), n=1)
            rule += f"; did you mean {close[0]!r}?" if close else ""
        if first["type"] != "missing" and isinstance(first["input"], str | int | float):
            shown = first["input"]
    # pydantic marks what is wrong with a mapping's key, rather than its value, by '[key]'.
    path = prefix + tuple(part for part in loc if part != "[key]")
    return InputError(origin.where(path), rule, key=dotted(path), value=shown)


def _rule(kind: str, context: Mapping[str, Any], loc: Sequence[str | int], message: str) -> str:
    if kind == "missing" and loc and isinstance(loc[-1], int):
        return "is missing: the list is too short"
    if kind in _RULES:
        return _RULES[kind]
    if kind == "greater_than_equal":
        return f"must be at least {context['ge']}"
    if kind == "greater_than":
        return f"must be more than {context['gt']:g}"
    if kind in ("less_than_equal", "less_than"):
        return f"must be {'less than' if kind == 'less_than' else 'at most'} {context.get('le', context.get('lt'))}"
    if kind == "too_short":
        return f"must have at least {context['min_length']} entr{'y' if context['min_length'] == 1 else 'ies'}"
    if kind == "too_long":
        return f"must have at most {context['max_length']} entries"
    if kind == "literal_error":
        return f"must be {context['expected']}"
    message = message.removeprefix("Value error, ").removeprefix("Input should ")
    return message[:1].lower() + message[1:]


def _choices(expected: str) -> list[str]:
    return [part.strip().strip("'") for part in expected.replace(" or ", ",").split(",")]


def _known_keys(model: Any, loc: Sequence[str | int]) -> list[str]:
    """Return the keys that may stand at *loc*, a place inside data for *model*."""
    for part in loc:
        if isinstance(model, type) and issubclass(model, BaseModel):
            model = model.model_fields[str(part)].annotation
        elif get_origin(model) is dict:
            model = get_args(model)[1]
        else:
            model = get_args(model)[0]
    return list(model.model_fields) if isinstance(model, type) and issubclass(model, BaseModel) else []
