"""Binding: from what the user gave to the tuple of values that a statement's `$1`, `$2`, ... take.

The rules never depend on the data, only on Python types and on the statement:

* several arguments, or one tuple, are the positional sequence;
* one list is the sequence, unless the statement has exactly one positional placeholder: then it is the value;
* one mapping, or keywords, give the values of named placeholders; for positional ones a mapping is a value;
* everything else (arrays, Structs, dataclasses) is one value.

What stands in quotes or comments is text: no placeholder there is replaced. Outside of them `%%` stands for `%` in a
statement with `%s`, and `??` for the operator `?` in one with `?`.

Errors are raised before anything is sent, and name counts and names, never values.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from copy import deepcopy
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from operator import attrgetter, itemgetter
from types import NoneType
from typing import TYPE_CHECKING, Any, cast
from uuid import UUID

from sqlspec.exceptions import ParameterError, SQLSpecError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ("AMBIGUOUS", "RowsError", "bind_named", "bind_positional", "iter_bound")

AMBIGUOUS = frozenset({tuple, list, dict})
"""Types of a lone argument that may be a container of parameters rather than a parameter."""

_COLLECTIONS = (list, tuple)
_NO_PLACEHOLDERS = "the statement has no placeholders (what stands in quotes is text)"
_UNCHANGEABLE = frozenset({NoneType, bool, int, float, str, bytes, Decimal, UUID, date, datetime, time, timedelta})

_RESERVED = frozenset({"timeout", "schema_type", "validate", "chunk_size"})


class RowsError(SQLSpecError):
    """The caller's rows raised an error of their own. Never leaves the package: the caller gets that error.

    Wrapped, it cannot be taken for a failure of the connection.

    Attributes:
        error: What the rows raised.
    """

    def __init__(self, error: Exception) -> None:
        super().__init__(f"cannot read the rows of parameters: {type(error).__name__} raised")
        self.error = error


def bind_positional(arity: int, params: tuple[Any, ...], named: Mapping[str, Any]) -> Sequence[Any]:
    """Return the values for `arity` positional placeholders.

    Raises:
        ParameterError: The count differs, or keywords were given.
    """
    if named:
        given = ", ".join(sorted(named))
        if arity == 0:
            raise ParameterError(f"keyword parameters given ({given}): {_NO_PLACEHOLDERS}")
        raise ParameterError(
            f"keyword parameters given ({given}): the statement has positional placeholders; "
            "pass values in order or write :name placeholders"
        )
    values: Sequence[Any] = params
    if len(params) == 1:
        kind = params[0].__class__  # exactly: a NamedTuple is a value, such as a path or a composite
        if kind is tuple or (kind is list and arity != 1):
            values = cast("Sequence[Any]", params[0])
    if len(values) != arity:
        raise ParameterError(_count_message(arity, len(values)))
    return values


def bind_named(names: tuple[str, ...], params: tuple[Any, ...], named: Mapping[str, Any]) -> tuple[Any, ...]:
    """Return the values for named placeholders, in the order of `names`.

    Raises:
        ParameterError: A name is missing or unused, or values were given without names.
    """
    source: Mapping[str, Any] = named
    if params:
        if len(params) != 1 or not isinstance(params[0], Mapping):
            listing = ", ".join(names)
            raise ParameterError(
                f"parameters without names given: the statement has named placeholders ({listing}); "
                "pass one mapping or keywords"
            )
        if named:
            raise ParameterError("a mapping and keyword parameters given: the source is ambiguous; pass one of them")
        source = cast("Mapping[str, Any]", params[0])
    missing = [name for name in names if name not in source]
    if missing:
        reserved = sorted(_RESERVED.intersection(missing))
        advice = f"pass a mapping, because {reserved[0]}= is an option of the call" if reserved else "pass them"
        raise ParameterError(f"missing parameters: {', '.join(missing)}; {advice}")
    if len(source) != len(names):
        unused = sorted(str(key) for key in source if key not in names)
        raise ParameterError(f"unused parameters: {', '.join(unused)}; the statement has {', '.join(names)}")
    return tuple(map(source.__getitem__, names))


def iter_bound(arity: int, names: tuple[str, ...] | None, rows: Iterable[Any]) -> Iterator[Sequence[Any]]:
    """Yield the bound values of each row given to `execute_many`.

    A row is a tuple or list for positional placeholders; a mapping, or an object with attributes of those
    names, such as a NamedTuple, for named ones; and a bare value when there is exactly one positional placeholder.

    What is yielded stays as it is: rows are sent later than they are read, and an iterator may use a list or a dict
    again for its next row.

    Raises:
        ParameterError: A row does not fit; the message gives its number, counted from 0.
        RowsError: The iterable raised an error of its own.
    """
    if isinstance(rows, (str, bytes, Mapping)) or not isinstance(rows, Iterable):
        kind = type(rows).__name__
        raise ParameterError(f"cannot iterate over rows of parameters: {kind} given; pass a list of rows")
    bind = _positional_row(arity) if names is None else _named_row(names)
    lazy = rows.__class__ not in _COLLECTIONS
    width = arity if names is None else -1
    values: Sequence[Any]
    refusal = None
    try:
        for index, row in enumerate(rows):
            if row.__class__ is tuple and len(row) == width:  # the usual row, without a call
                values = row
            else:
                try:
                    values = bind(row)
                except ParameterError as error:
                    refusal = ParameterError(f"row {index}: {error.message}")
                    raise refusal from None
            yield _kept(values) if lazy else values
    except Exception as error:  # also one of ours: it comes from another session, and says nothing of this one
        if error is refusal:
            raise
        raise RowsError(error) from error


def _kept(values: Sequence[Any]) -> Sequence[Any]:
    """Return values that whoever has made them cannot change any more."""
    for value in values:
        if value.__class__ not in _UNCHANGEABLE:
            return tuple([value if value.__class__ in _UNCHANGEABLE else _copied(value) for value in values])
    return values if values.__class__ is tuple else tuple(values)


def _copied(value: Any) -> Any:
    kind = value.__class__
    try:
        # No copy is made of a view by `deepcopy`, and what it shows may be filled anew for each row.
        return memoryview(value.tobytes()) if kind is memoryview else deepcopy(value)
    except Exception:  # what cannot be copied is not what is filled anew, but what is around it may be
        if kind is list or kind is tuple:
            return kind(map(_copied, value))
        return {key: _copied(item) for key, item in value.items()} if kind is dict else value


def _positional_row(arity: int) -> Callable[[Any], Sequence[Any]]:
    def bind(row: Any) -> Sequence[Any]:
        if row.__class__ is list and arity != 1 and len(row) == arity:
            return cast("Sequence[Any]", row)
        if isinstance(row, tuple) and arity != 1:  # a NamedTuple is a row, where it cannot be the one value
            row = tuple(row)
        return bind_positional(arity, (row,), {})

    return bind


def _named_row(names: tuple[str, ...]) -> Callable[[Any], Sequence[Any]]:
    # Of one name these would give the bare value.
    items = itemgetter(*names, *names[:1])
    attributes = attrgetter(*names, *names[:1])

    def bind(row: Any) -> Sequence[Any]:
        if row.__class__ is dict and len(row) == len(names):
            try:
                values: tuple[Any, ...] = items(row)
            except KeyError:
                pass  # said below
            else:
                return values[:-1]
        if isinstance(row, Mapping):
            return bind_named(names, (row,), {})
        fields = getattr(row, "_fields", None) if isinstance(row, tuple) else None
        if fields is None and isinstance(row, (tuple, list, str, bytes)):
            return bind_named(names, (row, None), {})
        if fields is not None:
            for name in names:
                if name not in fields:  # which `count` and `index` of any tuple are not
                    raise _no_attribute(row, name)
        try:
            values = attributes(row)
        except AttributeError as error:
            raise _no_attribute(row, error.name) from None
        return values[:-1]

    return bind


def _no_attribute(row: Any, name: str | None) -> ParameterError:
    kind = type(row).__name__
    return ParameterError(f"missing parameters: {kind} has no attribute {name}; pass an object that has it")


def _count_message(arity: int, given: int) -> str:
    plural = "parameter" if arity == 1 else "parameters"
    if arity == 0:
        return f"{given} {'parameter' if given == 1 else 'parameters'} given: {_NO_PLACEHOLDERS}"
    return f"{arity} {plural} expected: {given} given; pass one value for each placeholder"
