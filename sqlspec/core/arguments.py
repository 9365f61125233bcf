"""What the arguments of public calls may be: each check says what is wrong with an argument before anything is sent."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Sized
from inspect import iscoroutinefunction
from typing import Any, TypeGuard

from sqlspec.exceptions import ParameterError

__all__ = (
    "MAX_NAME_BYTES",
    "MOST",
    "callback",
    "choice",
    "columns_of",
    "flag",
    "is_whole",
    "items_of",
    "not_as_needed",
    "texts",
    "whole",
)

MAX_NAME_BYTES = 63
"""Longest name in bytes: NAMEDATALEN - 1 of a standard build (PostgreSQL manual, 4.1.1)."""

MOST = 2**31 - 1
"""The largest number of rows that the server's protocol can be asked for at a time."""


def choice(name: str, value: Any, known: Iterable[str]) -> None:
    """Refuse what is none of the known words.

    Raises:
        ParameterError: It is another text, or no text.
    """
    if not isinstance(value, str) or value not in known:
        raise ParameterError(f"{name} must be one of {', '.join(known)}: another value was given")


def flag(name: str, value: Any) -> bool:
    """Return the truth of an argument.

    Raises:
        ParameterError: It has none, like an array of several values.
    """
    try:
        return bool(value)
    except Exception as error:
        raise ParameterError(f"{name} must be true or false: {type(value).__name__} given") from error


def callback(name: str, value: Any) -> None:
    """Refuse what cannot be called in between pieces of work; `None` is fine.

    Raises:
        ParameterError: It is no function, or one that must be awaited.
    """
    if value is not None and (not callable(value) or iscoroutinefunction(value)):
        raise ParameterError(f"{name} must be a plain function of one argument: it is called in between pieces")


def is_whole(value: Any, least: int, most: int = MOST) -> TypeGuard[int]:
    """Tell whether a value is an integer within limits; `True` is none."""
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most


def whole(name: str, value: Any, least: int, advice: str = "pass one") -> int:
    """Return a number that the server can be asked for.

    Raises:
        ParameterError: It is no integer, or too small or large.
    """
    if not is_whole(value, least):
        raise ParameterError(f"{name} must be an integer of at least {least}, and less than 2**31; {advice}")
    return value


def items_of(name: str, value: Any, what: str) -> list[Any]:
    """Return what is in an iterable.

    Raises:
        ParameterError: It is a text or a mapping, or cannot be iterated over.
    """
    if not isinstance(value, (str, bytes, Mapping)):
        try:
            return list(value)
        except TypeError:
            pass
    raise ParameterError(f"{name} must be a list of {what}: {type(value).__name__} given; pass one")


def texts(name: str, value: Any, what: str = "names") -> tuple[str, ...]:
    """Return the texts in an iterable.

    Raises:
        ParameterError: It is a text itself, or cannot be iterated over, or holds something else than text.
    """
    found = items_of(name, value, what)
    for item in found:
        if not isinstance(item, str):
            raise ParameterError(f"{name} must be a list of {what}: it holds {type(item).__name__}; pass text")
    return tuple(found)


def columns_of(columns: Sequence[str] | Mapping[str, str] | None) -> Sequence[str] | Mapping[str, str] | None:
    """Return the choice of a source's columns.

    Raises:
        ParameterError: It is neither names nor a mapping of names.
    """
    if columns is None:
        return None
    if isinstance(columns, Mapping):
        return dict(zip(texts("columns", list(columns)), texts("columns", list(columns.values())), strict=True))
    # What is used up by reading it would be empty for whoever reads it next.
    return texts("columns", columns if isinstance(columns, Sized) else None)


def not_as_needed(message: str) -> ParameterError:
    """Return the error for a file or table that is not as a call needs it, which may be right another time."""
    error = ParameterError(message)
    error.of_state = True
    return error
