"""Settings of values and of the statement cache: the part of a config that is not the connection."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any, Literal, TypeVar

from sqlspec.exceptions import ImproperConfigurationError
from sqlspec.postgres.codec import CodecOptions

__all__ = ("DriverFeatures", "checked_observers", "features_of")

F = TypeVar("F", bound="DriverFeatures")


@dataclass(frozen=True, slots=True, kw_only=True)
class DriverFeatures:
    """How values are converted; the same on every adapter. An equal `dict` may be given instead.

    Attributes:
        json_serializer: Turns a Python value into JSON text; default msgspec's, with exact big integers.
        json_deserializer: Turns JSON text into a Python value; the same default.
        infinity: `"error"`: reading an infinite date or timestamp raises `DataError`. `"clamp"`: it reads as
            `date.max`, `date.min`, `datetime.max` or `datetime.min`.
        naive_datetimes: What a `datetime` without time zone means for `timestamptz`: `"error"` refuses it,
            `"utc"` and `"local"` say where it is from.
        vector_format: pgvector values as `"list"` of floats or as `"numpy"` float32 arrays.
        enable_pgvector: Convert pgvector's types; `False` leaves them as text.
    """

    json_serializer: Callable[[Any], str | bytes] | None = None
    json_deserializer: Callable[[str | bytes], Any] | None = None
    infinity: Literal["error", "clamp"] = "error"
    naive_datetimes: Literal["error", "utc", "local"] = "error"
    vector_format: Literal["list", "numpy"] = "list"
    enable_pgvector: bool = True

    def codec_options(self) -> CodecOptions:
        """Return the part that concerns the codecs."""
        return CodecOptions(
            json_serializer=self.json_serializer,
            json_deserializer=self.json_deserializer,
            infinity=self.infinity,
            naive_datetimes=self.naive_datetimes,
            vector_format=self.vector_format,
            enable_pgvector=self.enable_pgvector,
            money_scale=None,
        )


_CHOICES: dict[str, tuple[str, ...]] = {
    "infinity": ("error", "clamp"),
    "naive_datetimes": ("error", "utc", "local"),
    "vector_format": ("list", "numpy"),
}


def features_of(given: F | Mapping[str, Any] | None, kind: type[F]) -> F:
    """Return the features as an object, from an object or an equal mapping.

    Raises:
        ImproperConfigurationError: A key or a choice is unknown; the message names the nearest valid one.
    """
    if given is None:
        given = kind()
    elif isinstance(given, Mapping):
        known = [field.name for field in fields(kind)]
        for key in given:
            if key not in known:
                raise ImproperConfigurationError(f"unknown driver feature {key!r}: {_nearest(key, known)}")
        given = kind(**given)
    elif not isinstance(given, kind):
        raise ImproperConfigurationError(
            f"driver_features must be a {kind.__name__} or a dict: {type(given).__name__} given"
        )
    for key, choices in _CHOICES.items():
        choice = getattr(given, key)
        if not isinstance(choice, str) or choice not in choices:
            raise ImproperConfigurationError(
                f"driver feature {key!r} has no such choice; use one of {', '.join(choices)}"
            )
    for key in ("json_serializer", "json_deserializer"):
        function = getattr(given, key)
        if function is not None and not callable(function):
            raise ImproperConfigurationError(f"driver feature {key!r} must be a function: give one, or leave it out")
    if not isinstance(given.enable_pgvector, bool):
        raise ImproperConfigurationError("driver feature 'enable_pgvector' must be True or False: give one of them")
    return given


def checked_observers(given: Iterable[Any]) -> tuple[Any, ...]:
    """Return the observers of a config.

    Raises:
        ImproperConfigurationError: They are no iterable, or one of them cannot be called.
    """
    try:
        found = tuple(given)
    except TypeError:
        found = (None,)
    if not all(map(callable, found)):
        raise ImproperConfigurationError("observers must be a list of functions that take an event")
    return found


def _nearest(key: object, known: list[str]) -> str:
    close = difflib.get_close_matches(str(key), known, n=1)
    return f"did you mean {close[0]!r}?" if close else f"use one of {', '.join(known)}"
