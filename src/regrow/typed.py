"""Arguments of a wrong type, told in one line by the annotations of who takes them."""

from __future__ import annotations

import os
import reprlib
from collections.abc import Callable, Sequence
from functools import wraps
from numbers import Integral, Real
from types import NoneType, UnionType
from typing import Any, ParamSpec, TypeVar, Union, get_args, get_origin, get_type_hints

from regrow.errors import UsageError

P = ParamSpec("P")
R = TypeVar("R")


def typed(function: Callable[P, R]) -> Callable[P, R]:
    """Let a function raise UsageError for keyword arguments that are not of the type that it states.

    Paths and devices may stand for their names, and lists for tuples.
    """

    @wraps(function)
    def checked(*args: P.args, **kwargs: P.kwargs) -> R:
        hints = get_type_hints(function)
        for name, value in kwargs.items():
            kwargs[name] = of_type(name, value, hints.get(name, Any))
        return function(*args, **kwargs)

    return checked


def check_fields(options: Any) -> None:
    """UsageError where a field of a dataclass is not of the type that it states."""
    for name, hint in get_type_hints(type(options)).items():
        of_type(name, getattr(options, name), hint)


def of_type(name: str, value: Any, hint: Any) -> Any:
    """A value as an annotation has it. UsageError for another type; what is not known to be one passes.

    Args:
        name: of the argument, for the message.
        value: what was given.
        hint: bool, int, float, str, a path, a class, something to call, a tuple of int, or one of these or None; others
            are not looked into.
    """
    options = get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)
    kinds = [kind for kind in options if kind is not NoneType and get_origin(kind) is not os.PathLike]
    if len(kinds) > 1 or (value is None and NoneType in options):
        return value
    words, made = _as(kinds[0], value)
    if words:
        raise UsageError(f"{name} {reprlib.repr(value)}: must be {words}")
    return made


def _as(kind: Any, value: Any) -> tuple[str, Any]:
    """What a value of a kind must be, in words, where it is not; else the value."""
    if kind is bool:
        right = type(value).__name__ in ("bool", "bool_") or (isinstance(value, Integral) and value in (0, 1))
        return ("" if right else "True or False"), value
    if kind is int:
        return ("" if isinstance(value, Integral) else "a whole number"), value
    if kind is float:
        return ("" if isinstance(value, Real) else "a number"), value
    if kind is str:
        if isinstance(value, os.PathLike):
            value = os.fsdecode(value)
        elif f"{type(value).__module__}.{type(value).__name__}" == "torch.device":
            value = str(value)
        return ("" if isinstance(value, str) else "text"), value
    if get_origin(kind) is tuple and set(get_args(kind)) == {int}:
        count = len(get_args(kind))
        right = isinstance(value, Sequence) and len(value) == count and all(isinstance(n, Integral) for n in value)
        return ("", tuple(value)) if right else (f"{count} whole numbers, such as (641, 427)", value)
    if get_origin(kind) is Callable:
        return ("" if callable(value) else "something to call"), value
    plain = isinstance(kind, type) and kind is not Any and get_origin(kind) is None
    return (f"a regrow.{kind.__name__}" if plain and not isinstance(value, kind) else ""), value
