"""Converters and validators of single values, resolved once per field.

Canonical values reach a field unchanged. Only types that no driver and no codec can produce are converted:
models and containers of models (from decoded JSON and composites), enums (from their labels), tuples and sets
(from arrays).
"""

from __future__ import annotations

import datetime
import re
import typing
from collections import abc
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, get_args, get_origin

import msgspec

from sqlspec.core._schema import (
    describe,
    is_enum,
    is_model,
    is_pydantic,
    is_typed_dict,
    loaded_pydantic,
    members,
    plain,
    type_name,
    typed_dict_fields,
    unwrapped,
)
from sqlspec.exceptions import MappingError
from sqlspec.values import Interval

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ("accepts", "converter", "leaf_classes", "pydantic_refusal", "refusal_of", "validator")

# Tests under construction, by the id of their type.
_Predicates: TypeAlias = "dict[int, tuple[Any, Callable[[Any], bool]]]"

_NONE = type(None)
_COLLECTED: dict[Any, type] = {
    tuple: tuple,
    set: set,
    frozenset: frozenset,
    abc.Set: frozenset,
    abc.MutableSet: set,
}
_LISTS = frozenset({list, abc.Sequence, abc.MutableSequence, abc.Collection, abc.Iterable})
# What msgspec says in words of the annotation alone, and where it says so; other texts may quote the value.
_TELLING = ("Expected ", "Object missing required field ")
_PLACE = re.compile(r"Invalid .* - at (`\$[^`]*`)", re.DOTALL)
_DICTS = frozenset({dict, abc.Mapping, abc.MutableMapping})


def converter(kind: Any, name: str) -> Callable[[Any], Any] | None:
    """Return what turns a canonical value into the annotated type, or `None` when it is used as it is.

    Args:
        kind: The annotation. NULL is the caller's business: the converter is not called with `None`.
        name: Name of the field, for messages.

    Raises:
        MappingError: The annotation needs a conversion that does not exist.
    """
    if not _convertible(kind, ()):
        return None
    some = [member for member in members(kind) if member is not _NONE]
    if len(some) == 1:
        only = some[0]
        if is_enum(only):
            return typing.cast("Callable[[Any], Any]", only)
        collection = _COLLECTED.get(get_origin(only) or only)
        if collection is not None and not any(_convertible(arg, ()) for arg in get_args(only)):
            return partial(_collect, collection)
    if _mentions_pydantic(kind, ()):
        return typing.cast("Callable[[Any], Any]", loaded_pydantic().TypeAdapter(kind).validate_python)
    return _msgspec(kind, name)


def validator(kind: Any, name: str) -> Callable[[Any], Any] | None:
    """Return what checks and converts one value for `validate=True`; `None` where `leaf_classes` say it all.

    Constraints in `msgspec.Meta` are checked. The callable raises `TypeError` or `ValueError` for a value
    that does not conform.

    Raises:
        MappingError: The annotation cannot be checked.
    """
    steps: list[Callable[[Any], Any]] = []
    convert = converter(kind, name)
    if convert is not None:
        steps.append(convert)
    # Whatever builds models or enums checks what it builds; a collection is merely rewrapped.
    unchecked = convert is None or (isinstance(convert, partial) and convert.func is _collect)
    if unchecked and leaf_classes(kind) is None:
        steps.append(partial(_require, _predicate(kind, {})))
    if unchecked and _constrained(kind, ()):
        steps.append(_msgspec(kind, name))
    if not steps:
        return None
    return steps[0] if len(steps) == 1 else partial(_chain, tuple(steps))


def leaf_classes(kind: Any) -> tuple[type, ...] | None:
    """Return the classes of a type that is one plain class or a union of such; `None` for any other.

    `object` stands for `Any`. `NoneType` is left out.
    """
    classes: list[type] = []
    for member in members(kind):
        if member is _NONE:
            continue
        member = object if member is Any else get_origin(member) or member
        if not isinstance(member, type) or _convertible(member, ()):
            return None
        if member in _LISTS or member in _DICTS or is_typed_dict(member):
            return None
        classes.append(member)
    return tuple(classes)


def accepts(given: type, wanted: type) -> bool:
    """Tell whether values of one class conform to another.

    As `issubclass`, except where Python's class tree is wider than SQL's types: a bool is no int and a
    datetime no date. An int is a float, as in annotations (PEP 484).
    """
    if wanted is int:
        return issubclass(given, int) and not issubclass(given, bool)
    if wanted is datetime.date:
        return issubclass(given, datetime.date) and not issubclass(given, datetime.datetime)
    if wanted is float:
        return issubclass(given, (float, int)) and not issubclass(given, bool)
    return issubclass(given, wanted)


def refusal_of(error: Exception, kind: Any) -> str:
    """Return what a converter or validator found wrong, and where in the value, without a word of the value itself.

    Empty where that cannot be told.
    """
    if _mentions_pydantic(kind, ()) and isinstance(error, loaded_pydantic().ValidationError):
        where = typing.cast("Any", error).errors(include_url=False, include_context=False, include_input=False)[0]
        return pydantic_refusal(where["type"], where["loc"], kind)
    # With a cause the words are those of the class itself, such as of its `__post_init__`.
    if not isinstance(error, msgspec.ValidationError) or error.__cause__ is not None:
        return ""
    text = str(error)
    if text.startswith(_TELLING):
        return text[0].lower() + text[1:].replace(" - at `", " at `")
    found = _PLACE.fullmatch(text)
    return f"refused at {found[1]}" if found else ""


def pydantic_refusal(reason: str, path: Sequence[Any], kind: Any) -> str:
    """Return what pydantic found wrong, and where: what is no name of a field may be a key of the value."""
    known = _names(kind, ())
    steps = [f".{step}" if step in known else f"[{step}]" if isinstance(step, int) else "[...]" for step in path]
    return f"{reason} at `${''.join(steps)}`" if steps else reason


def _names(kind: Any, seen: tuple[Any, ...]) -> set[str]:
    """Return the names that the models of an annotation give to their fields."""
    if any(kind is outer for outer in seen):
        return set()
    found: set[str] = set()
    for member in members(kind):
        parts: list[Any] = [] if get_origin(member) is Literal else list(get_args(member))
        origin = get_origin(member) or member
        if is_model(origin) or is_typed_dict(origin):
            with suppress(MappingError):  # pydantic resolves annotations that nobody else can
                for field in describe(member).fields:
                    found |= {field.name, *field.aliases}
                    parts.append(field.type if field.declared is None else field.declared)
        for part in parts:
            found |= _names(part, (*seen, kind))
    return found


def _convertible(kind: Any, seen: tuple[Any, ...]) -> bool:
    # Aliases may be recursive (JSON documents): a type inside itself adds nothing.
    if any(kind is outer for outer in seen):
        return False
    seen = (*seen, kind)
    for member in members(kind):
        origin, args = get_origin(member) or member, get_args(member)
        if is_enum(origin) or is_model(origin) or origin in _COLLECTED:
            return True
        if origin in _DICTS and args and plain(args[0]) not in (str, Any):
            return True
        inner = args if origin is not Literal else ()
        if is_typed_dict(origin):
            inner = tuple(field.type for field in typed_dict_fields(origin))
        if any(_convertible(part, seen) for part in inner):
            return True
    return False


def _mentions_pydantic(kind: Any, seen: tuple[Any, ...]) -> bool:
    if any(kind is outer for outer in seen):
        return False
    seen = (*seen, kind)
    return any(
        is_pydantic(get_origin(member) or member)
        or (get_origin(member) is not Literal and any(_mentions_pydantic(arg, seen) for arg in get_args(member)))
        for member in members(kind)
    )


def _constrained(kind: Any, seen: tuple[Any, ...]) -> bool:
    if any(kind is outer for outer in seen):
        return False
    if any(isinstance(note, msgspec.Meta) for note in getattr(kind, "__metadata__", ())):
        return True
    seen = (*seen, kind)
    inner = unwrapped(kind)
    if inner is not kind:
        return _constrained(inner, seen)
    return get_origin(kind) is not Literal and any(_constrained(arg, seen) for arg in get_args(kind))


def _msgspec(kind: Any, name: str) -> partial[Any]:
    # Keys of JSON objects are strings, whatever the annotation says. Objects that have the annotated type
    # already, such as the Decimals in a composite, pass through.
    convert = partial(msgspec.convert, type=kind, str_keys=True)
    try:
        convert(object())
    except msgspec.ValidationError:
        pass
    except (TypeError, NameError) as error:
        raise MappingError(
            f"cannot map a column to the field {name!r}: {error}; "
            "annotate it with a type that can be told from the value, or with Any"
        ) from error
    return partial(_with_durations, kind, convert)


def _with_durations(kind: Any, convert: Callable[[Any], Any], value: Any) -> Any:
    try:
        return convert(value)
    except msgspec.ValidationError:
        # msgspec takes no subclass for a timedelta, so that an Interval fits no such field inside a composite.
        intervals: dict[int, tuple[datetime.timedelta, Interval]] = {}
        plain_value = _with_timedeltas(value, intervals)
        if not intervals:
            raise

    def back(wanted: Any, given: Any) -> Any:
        if wanted is Interval and id(given) in intervals:
            return intervals[id(given)][1]
        if isinstance(given, get_origin(wanted) or wanted):
            return given
        raise TypeError(f"a {type(given).__name__} does not conform to the annotation")

    return msgspec.convert(plain_value, type=kind, str_keys=True, dec_hook=back)


def _with_timedeltas(value: Any, intervals: dict[int, tuple[datetime.timedelta, Interval]]) -> Any:
    """Return a value with a timedelta for each interval that is one exactly; those with months are none."""
    if isinstance(value, dict):
        return {key: _with_timedeltas(item, intervals) for key, item in value.items()}
    if value.__class__ is list or value.__class__ is tuple:
        return value.__class__(_with_timedeltas(item, intervals) for item in value)
    if value.__class__ is not Interval or value.months:
        return value
    duration = datetime.timedelta(value.days, value.seconds, value.microseconds)
    intervals[id(duration)] = (duration, value)
    return duration


def _collect(collection: type, value: Any) -> Any:
    # Not for strings, which every collection would take to pieces.
    if isinstance(value, (list, tuple)):
        return value if type(value) is collection else collection(value)
    raise TypeError(f"an array expected, {type(value).__name__} found")


def _chain(steps: tuple[Callable[[Any], Any], ...], value: Any) -> Any:
    for step in steps:
        value = step(value)
    return value


def _require(conforms: Callable[[Any], bool], value: Any) -> Any:
    if not conforms(value):
        raise TypeError(f"a {type(value).__name__} does not conform to the annotation")
    return value


def _predicate(kind: Any, known: _Predicates) -> Callable[[Any], bool]:
    if id(kind) in known:
        # A recursive alias: by the time that a value is tested the outer test is complete.
        def later(value: Any) -> bool:
            return known[id(kind)][1](value)

        return later
    known[id(kind)] = (kind, _never)
    tests = [_member_predicate(member, known) for member in members(kind)]
    test = tests[0] if len(tests) == 1 else lambda value: any(test(value) for test in tests)
    # With the type itself, so that no other gets its id.
    known[id(kind)] = (kind, test)
    return test


def _never(value: Any) -> bool:
    return False


def _member_predicate(kind: Any, known: _Predicates) -> Callable[[Any], bool]:
    origin, args = get_origin(kind) or kind, get_args(kind)
    if kind is Any:
        return lambda value: True
    if origin is Literal:
        allowed = [(type(arg), arg) for arg in args]
        return lambda value: (type(value), value) in allowed
    if is_typed_dict(origin):
        return _keys_predicate(origin, known)
    if origin in _DICTS and args:
        key_test, value_test = (_predicate(arg, known) for arg in args)
        return lambda value: (
            isinstance(value, dict) and all(key_test(key) and value_test(item) for key, item in value.items())
        )
    if origin is tuple and args and args[-1] is not Ellipsis:
        items = [_predicate(arg, known) for arg in args]
        return lambda value: (
            isinstance(value, tuple)
            and len(value) == len(items)
            and all(test(item) for test, item in zip(items, value, strict=True))
        )
    if (origin in _LISTS or origin in _COLLECTED) and args:
        item_test = _predicate(args[0], known)
        return lambda value: isinstance(value, origin) and all(map(item_test, value))
    if not isinstance(origin, type):
        raise MappingError(
            f"cannot validate values of {type_name(kind)}: it is not a class; use another annotation or validate=False"
        )
    return lambda value: accepts(type(value), origin)


def _keys_predicate(kind: Any, known: _Predicates) -> Callable[[Any], bool]:
    fields = [(field.name, field.required, _predicate(field.type, known)) for field in typed_dict_fields(kind)]
    return lambda value: (
        isinstance(value, dict)
        and all(test(value[name]) if name in value else not required for name, required, test in fields)
    )
