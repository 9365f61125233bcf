"""Introspection of schema types: which fields a class has, and what their annotations allow.

attrs and pydantic classes are recognised by the attributes that those packages leave on them, so neither is
imported unless the application has imported it to define the class.
"""

from __future__ import annotations

import dataclasses
import inspect
import sys
import types
import typing
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any, Literal, NewType, TypeVar, Union, get_args, get_origin

import msgspec

from sqlspec.exceptions import MappingError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = (
    "Field",
    "Schema",
    "allows_none",
    "describe",
    "has_generated_new",
    "is_model",
    "is_pydantic",
    "members",
    "plain",
    "type_name",
    "unwrapped",
)

Form = Literal["call", "dict", "tuple", "scalar", "pydantic", "pydantic_root"]

_QUALIFIERS = frozenset({"Required", "NotRequired", "ReadOnly", "Final", "ClassVar"})
_NONE = type(None)


@dataclass(frozen=True, slots=True)
class Field:
    """One field that a row can fill.

    Attributes:
        name: The attribute or key, as the class declares it.
        argument: What the constructor (or, for a dict, the key) calls it.
        type: The resolved annotation; `Any` when there is none.
        required: The class has no default for it.
        keyword_only: The constructor takes it by keyword only.
        aliases: Declared renames; a column of such a name fills the field too.
        shared: Its alias may name a column that fills another field as well (a path into a document).
        declared: The annotation, for messages, where `type` says that somebody else checks it.
    """

    name: str
    argument: str
    type: Any
    required: bool
    keyword_only: bool = False
    aliases: tuple[str, ...] = ()
    shared: bool = False
    declared: Any = None


@dataclass(frozen=True, slots=True)
class Schema:
    """What rows are mapped to.

    Attributes:
        form: `"call"`: `make` is called with the values. `"dict"`, `"tuple"`: a row is built by a display.
            `"scalar"`: the value of the only column. `"pydantic"`: dicts that a `TypeAdapter` then validates;
            `"pydantic_root"`: likewise, from the value of the only column.
        name: For messages.
        make: The class to call; for the pydantic forms the class to validate.
        fields: In the order of the constructor. Empty, with `item`, when the columns decide.
        item: Type of the values when the columns decide which there are: per column, or one for all.
    """

    form: Form
    name: str
    make: Any = None
    fields: tuple[Field, ...] = ()
    item: Any = Any


def type_name(kind: Any) -> str:
    """Return how a type is written, for messages."""
    if isinstance(kind, type) and not get_args(kind):
        return kind.__qualname__.rpartition("<locals>.")[2]
    try:
        return str(kind).replace("typing.", "")
    except (ValueError, RecursionError):  # no type at all, and one that cannot even be shown
        return f"a {type(kind).__name__}"


def plain(kind: Any) -> Any:
    """Return a type without qualifiers, metadata, aliases and `NewType`; a type variable gives its bound."""
    while (inner := unwrapped(kind)) is not kind:
        kind = inner
    return kind


def unwrapped(kind: Any) -> Any:
    """Return a type without the outermost of what `plain` takes off; one that is plain as it is."""
    origin = get_origin(kind)
    if origin is typing.Annotated or getattr(origin, "_name", None) in _QUALIFIERS:
        return get_args(kind)[0]
    if isinstance(kind, NewType):
        return kind.__supertype__
    if isinstance(kind, dataclasses.InitVar):
        return kind.type
    if isinstance(kind, TypeVar):
        return kind.__bound__ if kind.__bound__ is not None else Any
    if type(kind).__name__ == "TypeAliasType":
        return kind.__value__
    if type(origin).__name__ == "TypeAliasType":
        return origin.__value__[get_args(kind)]
    return kind


def members(kind: Any) -> tuple[Any, ...]:
    """Return the members of a union, each `plain` and none a union; any other type alone."""
    kind = plain(kind)
    if get_origin(kind) in (Union, types.UnionType):
        return tuple(member for part in get_args(kind) for member in members(part))
    return (_NONE if kind is None else kind,)


def allows_none(kind: Any) -> bool:
    """Tell whether `None` is a value of the type."""
    return any(
        member is Any
        or member is object
        or member is _NONE
        or (get_origin(member) is Literal and None in get_args(member))
        for member in members(kind)
    )


def is_pydantic(kind: Any) -> bool:
    """Tell whether a class is a pydantic model or a pydantic dataclass (version 2)."""
    return isinstance(kind, type) and hasattr(kind, "__pydantic_validator__")


def is_model(kind: Any) -> bool:
    """Tell whether a class is built from named fields: Struct, dataclass, attrs, pydantic or NamedTuple.

    The package's own value types are not: they are canonical values, whatever they are made with.
    """
    if not isinstance(kind, type) or kind.__module__ == "sqlspec.values":
        return False
    return (
        issubclass(kind, msgspec.Struct)
        or is_pydantic(kind)
        or hasattr(kind, "__dataclass_fields__")
        or hasattr(kind, "__attrs_attrs__")
        or (issubclass(kind, tuple) and hasattr(kind, "_fields"))
    )


def describe(schema_type: Any) -> Schema:
    """Describe a schema type.

    Raises:
        MappingError: It is not a type, or its annotations cannot be resolved.
    """
    kind = plain(schema_type)
    if kind is None:
        return Schema("dict", "dict")
    origin, args = get_origin(kind) or kind, get_args(kind)
    name = type_name(kind)
    if origin is dict:
        return Schema("dict", name, item=args[1] if args else Any)
    if origin is tuple:
        return Schema("tuple", name, item=args or Any)
    describer = _describer(origin)
    if describer is not None:
        return describer(kind, origin, name)
    if not isinstance(origin, type) and kind is not Any and not args:
        raise MappingError(
            f"cannot map rows to a schema type: {type(kind).__name__} given, which is not a type; "
            "pass a class, such as a Struct, a dataclass, dict, tuple or int"
        )
    return Schema("scalar", name, item=schema_type)


def typed_dict_fields(kind: Any) -> tuple[Field, ...]:
    """Return the keys of a TypedDict as fields."""
    return _typed_dict(kind, kind, type_name(kind)).fields


def is_typed_dict(kind: Any) -> bool:
    """Tell whether a class is a TypedDict, of `typing` or `typing_extensions`."""
    return isinstance(kind, type) and issubclass(kind, dict) and hasattr(kind, "__required_keys__")


def has_generated_new(kind: Any) -> bool:
    """Tell whether a class is a named tuple whose constructor does nothing but make the tuple."""
    return (
        kind.__init__ is object.__init__
        and type(kind) is type
        and issubclass(kind, tuple)
        and "_tuple_new" in getattr(kind.__new__, "__globals__", ())
    )


def is_enum(kind: Any) -> bool:
    """Tell whether a type is an Enum class."""
    return isinstance(kind, type) and issubclass(kind, Enum)


def _describer(origin: Any) -> Callable[[Any, Any, str], Schema] | None:
    if is_typed_dict(origin):
        return _typed_dict
    if not is_model(origin):
        return None
    if is_pydantic(origin):
        return _pydantic
    if issubclass(origin, msgspec.Struct):
        return _struct
    if issubclass(origin, tuple):
        return _named_tuple
    return _attrs if hasattr(origin, "__attrs_attrs__") else _dataclass


def _struct(kind: Any, origin: Any, name: str) -> Schema:
    try:
        infos = msgspec.structs.fields(kind)
    except (NameError, AttributeError, TypeError) as error:
        raise _unresolved(name, error) from error
    fields = tuple(
        Field(
            info.name,
            info.name,
            info.type,
            info.required,
            # What can be matched by position is what the constructor takes by position.
            info.name not in origin.__match_args__,
            () if info.encode_name == info.name else (info.encode_name,),
        )
        for info in infos
    )
    return Schema("call", name, origin, fields)


def _dataclass(kind: Any, origin: Any, name: str) -> Schema:
    return Schema("call", name, origin, tuple(_parameters(origin, _hints(kind, origin, name))))


def _attrs(kind: Any, origin: Any, name: str) -> Schema:
    hints = _hints(kind, origin, name)
    attributes = {attribute.alias: attribute for attribute in origin.__attrs_attrs__ if attribute.init}
    # A converter takes values of another type than the annotation names: what it allows is its own business.
    arguments = {
        alias: Any if attribute.converter is not None else hints.get(attribute.name, Any)
        for alias, attribute in attributes.items()
    }
    return Schema(
        "call",
        name,
        origin,
        tuple(
            dataclasses.replace(field, name=attributes[field.name].name, aliases=(field.name,))
            if field.name in attributes and attributes[field.name].name != field.name
            else field
            for field in _parameters(origin, {**hints, **arguments})
        ),
    )


def _parameters(origin: Any, hints: dict[str, Any]) -> Iterator[Field]:
    # The signature is the truth for generated and hand-written constructors: init=False, InitVar, kw_only.
    parameters = list(inspect.signature(origin.__init__).parameters.values())[1:]
    for parameter in parameters:
        if parameter.kind in (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD):
            continue
        yield Field(
            parameter.name,
            parameter.name,
            hints.get(parameter.name, Any),
            parameter.default is inspect.Parameter.empty,
            parameter.kind is inspect.Parameter.KEYWORD_ONLY,
        )


def _named_tuple(kind: Any, origin: Any, name: str) -> Schema:
    hints = _hints(kind, origin, name)
    return Schema(
        "call",
        name,
        origin,
        tuple(
            Field(field, field, hints.get(field, Any), field not in origin._field_defaults) for field in origin._fields
        ),
    )


def _typed_dict(kind: Any, origin: Any, name: str) -> Schema:
    fields: list[Field] = []
    for key, hint in _hints(kind, origin, name).items():
        # `__required_keys__` is wrong where annotations are strings: then only the resolved hint tells.
        qualifiers = set(_qualifiers(hint))
        required = key in origin.__required_keys__ and "NotRequired" not in qualifiers
        fields.append(Field(key, key, hint, required or "Required" in qualifiers))
    return Schema("dict", name, fields=tuple(fields), make=origin)


def _qualifiers(hint: Any) -> Iterator[str]:
    while (origin := get_origin(hint)) is not None:
        qualifier = getattr(origin, "_name", None)
        if origin is not typing.Annotated and qualifier not in _QUALIFIERS:
            return
        yield str(qualifier)
        hint = get_args(hint)[0]


def _pydantic(kind: Any, origin: Any, name: str) -> Schema:
    if getattr(origin, "__pydantic_root_model__", False):
        return Schema("pydantic_root", name, kind)
    config = getattr(origin, "model_config", None) or getattr(origin, "__pydantic_config__", None) or {}
    by_alias = config.get("validate_by_alias", True) is not False
    fields: list[Field] = []
    for field, info in origin.__pydantic_fields__.items():
        if getattr(info, "init", None) is False:
            continue
        aliases, shared = _pydantic_aliases(info.validation_alias) if by_alias else ((), False)
        # Values go through the validators as they are, NULL too: the model alone knows what it takes.
        fields.append(
            Field(field, field, Any, info.is_required(), aliases=aliases, shared=shared, declared=info.annotation)
        )
    return Schema("pydantic", name, kind, tuple(fields))


def _pydantic_aliases(alias: Any) -> tuple[tuple[str, ...], bool]:
    names: list[str] = []
    shared = False
    for choice in getattr(alias, "choices", (alias,)):
        path = getattr(choice, "path", None)
        if path is not None:
            # The first step of a path is the column; pydantic itself walks the rest inside the document.
            shared = True
            choice = path[0]
        if isinstance(choice, str):
            names.append(choice)
    return tuple(names), shared


def _hints(kind: Any, origin: Any, name: str) -> dict[str, Any]:
    try:
        hints = typing.get_type_hints(origin, include_extras=True)
    except (NameError, AttributeError, TypeError) as error:
        raise _unresolved(name, error) from error
    stands_for = _arguments(kind, origin)
    if any(stands_for.values()):
        # A TypedDict has no base but dict, and repeats what stands in those that it was made of.
        lineage = tuple(stands_for) if is_typed_dict(origin) else origin.__mro__

        def owner(key: str) -> Any:
            return next((each for each in lineage if key in getattr(each, "__annotations__", ())), origin)

        hints = {key: _substitute(hint, stands_for.get(owner(key), {})) for key, hint in hints.items()}
    return hints


def _arguments(kind: Any, origin: Any) -> dict[Any, dict[Any, Any]]:
    """Return what the type variables of a class stand for, behind those of each of its bases."""
    found = {origin: dict(zip(getattr(origin, "__parameters__", ()), get_args(kind), strict=False))}
    for base in origin.__dict__.get("__orig_bases__", origin.__bases__):
        above = get_origin(base) or base
        if isinstance(above, type) and above not in (object, typing.Generic, typing.Protocol):
            found = {**_arguments(_substitute(base, found[origin]), above), **found}
    return found


def _substitute(hint: Any, values: dict[Any, Any]) -> Any:
    if isinstance(hint, TypeVar):
        return values.get(hint, hint)
    parameters = getattr(hint, "__parameters__", ())
    if parameters and get_origin(hint) is not None:
        return hint[tuple(values.get(parameter, parameter) for parameter in parameters)]
    return hint


def _unresolved(name: str, error: Exception) -> MappingError:
    return MappingError(
        f"cannot map rows to {name}: its annotations do not resolve ({error}); "
        "import the names that they use at run time, not only for type checking"
    )


def loaded_pydantic() -> Any:
    """Return the pydantic module; a pydantic class exists, so it is loaded."""
    return sys.modules["pydantic"]
