"""Turn what pydantic found wrong into one error that says where, which key, which value and which rule."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from types import UnionType
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError

from mimesim.config.origin import KeyPath, Origin, dotted
from mimesim.errors import InputError

__all__ = ["check", "suggest"]

Model = TypeVar("Model", bound=BaseModel)

_RULES = {
    "missing": "is required",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
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
        rule = f"unknown key; {_moved(model, loc) or suggest(loc[-1], _known_keys(model, loc[:-1]))}"
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
    message = message.removeprefix("Value error, ")
    if message.startswith("Input should "):
        return f"must {message.removeprefix('Input should ')}"
    return message[:1].lower() + message[1:]


def _choices(expected: str) -> list[str]:
    return [part.strip().strip("'") for part in expected.replace(" or ", ",").split(",")]


def _known_keys(model: Any, loc: Sequence[str | int]) -> list[str]:
    """Return the keys that may stand at *loc*, a place inside data for *model*."""
    for part in loc:
        models = _models(model)
        if len(models) > 1:
            # pydantic puts the name of the union's member, by its discriminator, into the way to an entry
            model = next(each for each in models if part in _names(each))
        elif models:
            model = models[0].model_fields[str(part)].annotation
        elif get_origin(model) is dict:
            model = get_args(model)[1]
        else:
            model = get_args(model)[0]
    found = _models(model)
    return list(found[0].model_fields) if len(found) == 1 else []


def _moved(model: Any, loc: Sequence[str | int]) -> str:
    """Return where the key at *loc* went, if an earlier version had it there: the models around it may know."""
    for place, part in enumerate(loc):
        found = _models(model)
        if len(found) != 1 or part not in found[0].model_fields:
            break
        model = found[0].model_fields[str(part)].annotation
        below = ".".join(map(str, loc[place + 1 :]))
        for owner in _models(model):
            if place_now := getattr(owner, "MOVED", {}).get(below):
                return f"it is now {place_now}"
    return ""


def _models(annotation: Any) -> list[type[BaseModel]]:
    """Return the models that an entry may be: one, or the members of a union."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    if get_origin(annotation) is Annotated:
        return _models(get_args(annotation)[0])
    if get_origin(annotation) in (Union, UnionType):
        return [model for each in get_args(annotation) for model in _models(each)]
    return []


def _names(model: type[BaseModel]) -> set[Any]:
    """Return what may stand in the fields of *model* that allow one text only, as a discriminator does."""
    return {
        value
        for field in model.model_fields.values()
        if get_origin(field.annotation) is Literal and len(get_args(field.annotation)) == 1
        for value in get_args(field.annotation)
    }
