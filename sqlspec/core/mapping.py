"""Row mappers: functions from raw rows to objects, generated for one schema type and one set of columns.

Everything that can be decided once is decided when a mapper is built: which column fills which field, which
values need a conversion, which must not be NULL. What is left per row is one call with positional arguments; how it
is made, `_making` says.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import partial
from operator import itemgetter
from types import GenericAlias
from typing import TYPE_CHECKING, Any, cast

from sqlspec.core._convert import accepts, converter, leaf_classes, pydantic_refusal, refusal_of, validator
from sqlspec.core._making import Shape, Value, rows_maker
from sqlspec.core._schema import Field, Schema, allows_none, describe, has_generated_new, loaded_pydantic, type_name
from sqlspec.exceptions import MappingError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from sqlspec.core.result import Column, RowShape

__all__ = ("build_mapper",)

_LISTED_COLUMNS = 30


def build_mapper(
    schema_type: Any,
    columns: Sequence[Column],
    *,
    validate: bool = False,
    row_shape: RowShape = "tuple",
) -> Callable[[Sequence[Any]], list[Any]]:
    """Build the function that turns raw rows into objects.

    A field takes the column of its own name, else of its declared rename or alias, else the only one that is
    equal to either apart from case and underscores. Columns that no field takes are ignored. A field that no
    column fills gets its default.

    Values are the canonical ones and reach a field unchanged and unchecked, with three exceptions: models and
    containers of models are built from decoded JSON and composites, enums from their values, and tuples and
    sets from arrays. `validate=True` checks every value against its annotation as well; pydantic models
    always do. NULL is checked without it.

    Args:
        schema_type: Struct, dataclass, attrs class, NamedTuple, TypedDict, pydantic model, `dict` (also as
            `None`), `tuple`, or any other type for the value of the only column.
        columns: The result's columns, in order.
        validate: Check every value against the annotation of its field.
        row_shape: `"tuple"`: a row unpacks by position. `"mapping"`: a row is a dict by column name.

    Returns:
        A function from a sequence of rows to a list. It raises `MappingError` for NULL in a field that does
        not allow `None`, and for a value that does not convert; the message names field and row, counted
        from 0.

    Raises:
        MappingError: A required field has no column, a name occurs twice among columns or matches, the type
            is none that rows can be mapped to, or a conversion does not exist.
    """
    names = [str.__str__(column.name) for column in columns]
    schema = describe(schema_type)
    if row_shape == "mapping":
        _require_distinct(schema, names)
        if schema.form == "dict" and not schema.fields and schema.item is Any:
            return list
    mapper = _build(schema, names, validate)
    return mapper if row_shape == "tuple" else _from_mappings(mapper, names)


def _from_mappings(mapper: Callable[[Sequence[Any]], list[Any]], names: list[str]) -> Callable[..., list[Any]]:
    if len(names) > 1:
        take = itemgetter(*names)
        return lambda rows: mapper(list(map(take, rows)))
    return lambda rows: mapper([tuple(row[name] for name in names) for row in rows])


@dataclass(frozen=True, slots=True)
class _Slot:
    """One field and the column that fills it."""

    field: Field
    index: int
    column: str
    argument: str
    nullable: bool
    convert: Callable[[Any], Any] | None
    classes: tuple[type, ...] | None


def _build(schema: Schema, names: list[str], validate: bool) -> Callable[[Sequence[Any]], list[Any]]:
    if schema.form != "tuple" and schema.form != "scalar":
        _require_distinct(schema, names)
    slots = [_slot(*match, validate) for match in _matches(schema, names)]
    explain = _Explainer(schema.name, slots)
    mapper = rows_maker(_shape(schema, slots, len(names)), explain)
    return _validated_by_pydantic(schema, slots, mapper, explain) if schema.form.startswith("pydantic") else mapper


def _slot(field: Field, index: int, column: str, argument: str, validate: bool) -> _Slot:
    return _Slot(
        field,
        index,
        column,
        argument,
        allows_none(field.type),
        (validator if validate else converter)(field.type, field.name),
        leaf_classes(field.type) if validate else None,
    )


# Matching


def _require_distinct(schema: Schema, names: list[str]) -> None:
    for name, count in Counter(names).items():
        if count > 1:
            raise MappingError(
                f"cannot map rows to {schema.name}: {count} columns are named {name!r}; "
                "give each its own name with AS, or take rows as tuples",
                column=name,
            )


def _matches(schema: Schema, names: list[str]) -> list[tuple[Field, int, str, str]]:
    if schema.form in ("scalar", "pydantic_root"):
        if len(names) != 1:
            raise MappingError(
                f"cannot map rows to {schema.name}: one column expected, {len(names)} found "
                f"({_listing(names)}); select one column or give a type with fields"
            )
        kind = Any if schema.form == "pydantic_root" else schema.item
        return [(Field(names[0], names[0], kind, True, declared=schema.make), 0, names[0], names[0])]
    if schema.fields or schema.make is not None:
        return _matched_by_name(schema, names)
    return [
        (Field(name, name, kind, True), index, name, name)
        for index, (name, kind) in enumerate(zip(names, _item_types(schema, names), strict=True))
    ]


def _item_types(schema: Schema, names: list[str]) -> Iterable[Any]:
    items = schema.item
    if not isinstance(items, tuple):
        return [items] * len(names)
    if len(items) == 2 and items[1] is Ellipsis:
        return [items[0]] * len(names)
    if len(items) != len(names):
        raise MappingError(
            f"cannot map rows to {schema.name}: {len(items)} columns expected, {len(names)} found "
            f"({_listing(names)}); give one type for each column"
        )
    return items


def _matched_by_name(schema: Schema, names: list[str]) -> list[tuple[Field, int, str, str]]:
    positions = {name: index for index, name in enumerate(names)}
    found: dict[str, tuple[int, str]] = {
        field.name: (positions[field.name], _argument(schema, field))
        for field in schema.fields
        if field.name in positions
    }
    taken = {index: name for name, (index, _) in found.items()}
    for field in schema.fields:
        alias = next((alias for alias in field.aliases if alias in positions), None)
        if field.name in found or alias is None:
            continue
        rival = taken.get(positions[alias])
        if rival is not None and not field.shared:
            raise MappingError(
                f"cannot map rows to {schema.name}: the column {alias!r} is the name of the field {rival!r} "
                f"and the alias of {field.name!r}; select them under different names",
                column=alias,
            )
        found[field.name] = (positions[alias], _argument(schema, field, alias))
        taken[positions[alias]] = field.name
    free = [name for name in names if positions[name] not in taken]
    loose = _matched_loosely(schema, [field for field in schema.fields if field.name not in found], free)
    for field_name, (column, argument) in loose.items():
        found[field_name] = (positions[column], argument)
    for field in schema.fields:
        if field.required and field.name not in found:
            raise MappingError(
                f"cannot map rows to {schema.name}: no column for the required field {field.name!r} among "
                f"{_listing(names)}; select it, or give the field a default",
                column=field.name,
            )
    return [
        (field, index, names[index], argument)
        for field in schema.fields
        if field.name in found
        for index, argument in (found[field.name],)
    ]


def _matched_loosely(schema: Schema, fields: list[Field], free: list[str]) -> dict[str, tuple[str, str]]:
    """Match the fields that are left by names without case and underscores: `user_id`, `userId`, `USERID`."""
    columns: dict[str, list[str]] = {}
    for name in free:
        columns.setdefault(_fold(name), []).append(name)
    found: dict[str, tuple[str, str]] = {}
    owners: dict[str, str] = {}
    for field in fields:
        spellings = {_fold(spelling): spelling for spelling in (*field.aliases, field.name)}
        near = {column: spelling for key, spelling in spellings.items() for column in columns.get(key, ())}
        if not near:
            continue
        column, spelling = next(iter(near.items()))
        rival = owners.get(column)
        if len(near) > 1 or rival is not None:
            seen = f"the fields {rival!r} and {field.name!r}" if rival else f"the columns {_listing(list(near))}"
            raise MappingError(
                f"cannot map rows to {schema.name}: {seen} differ from their counterpart only by case and "
                "underscores; select one under the exact name of its field"
            )
        owners[column] = field.name
        found[field.name] = (
            column,
            _argument(schema, field, spelling if spelling in field.aliases else None),
        )
    return found


def _argument(schema: Schema, field: Field, alias: str | None = None) -> str:
    # pydantic looks for a field under its alias only; every other constructor knows just one name.
    if schema.form == "pydantic":
        return alias or next(iter(field.aliases), field.argument)
    return field.argument


def _fold(name: str) -> str:
    return name.replace("_", "").casefold()


def _listing(names: list[str]) -> str:
    shown = ", ".join(map(repr, names[:_LISTED_COLUMNS]))
    return f"{shown}, ..." if len(names) > _LISTED_COLUMNS else shown or "no columns"


# Making


def _shape(schema: Schema, slots: list[_Slot], width: int) -> Shape:
    """Return what is made of a row; of a pydantic model, what it validates."""
    if schema.form in ("scalar", "pydantic_root"):
        return Shape("scalar", None, _values(slots), width, schema.name)
    if schema.form == "tuple":
        return Shape("tuple", None, _values(slots), width, schema.name)
    if schema.form in ("dict", "pydantic"):
        return Shape("dict", None, _values(slots, 0), width, schema.name)
    by_field = {slot.field.name: slot for slot in slots}
    positional = 0
    for field in schema.fields:
        if field.keyword_only or field.name not in by_field:
            break
        positional += 1
    slots = [by_field[field.name] for field in schema.fields if field.name in by_field]
    named = positional == len(schema.fields) and has_generated_new(schema.make)
    return Shape("named" if named else "call", schema.make, _values(slots, positional), width, schema.name)


def _values(slots: list[_Slot], positional: int | None = None) -> tuple[Value, ...]:
    """Return the values of slots, of which all, or the first few, are passed by position."""
    return tuple(
        Value(
            slot.index,
            None if positional is None or number < positional else slot.argument,
            slot.nullable,
            slot.convert,
            None if slot.classes is None or object in slot.classes else partial(_admits, slot.classes),
        )
        for number, slot in enumerate(slots)
    )


def _admits(classes: tuple[type, ...], given: type) -> bool:
    return any(accepts(given, wanted) for wanted in classes)


# Checks


class _Explainer:
    """Finds what is wrong with rows that did not map. Slow, and called on failure only."""

    __slots__ = ("_name", "_slots")

    def __init__(self, name: str, slots: list[_Slot]) -> None:
        self._name = name
        self._slots = slots

    def __call__(self, rows: Sequence[Any], error: Exception | None = None) -> None:
        """Raise a `MappingError` for the first wrong value.

        Returns when `error` came from elsewhere, such as the `__post_init__` of a class: the caller then
        raises it again.
        """
        if isinstance(error, MappingError):
            return
        for number, row in enumerate(rows):
            values = tuple(row)
            for slot in self._slots:
                self._examine(slot, number, values[slot.index])

    def _examine(self, slot: _Slot, number: int, value: Any) -> None:
        if value is None:
            if slot.nullable:
                return
            raise self.null(slot, number)
        try:
            if slot.classes is not None and not any(accepts(type(value), wanted) for wanted in slot.classes):
                raise TypeError(f"a {type(value).__name__} does not conform to the annotation")
            if slot.convert is not None:
                slot.convert(value)
        except Exception as error:
            raise self.misfit(slot, number, value, refusal_of(error, slot.field.type)) from error

    def null(self, slot: _Slot, number: int) -> MappingError:
        return MappingError(
            f"cannot map row {number} to {self._name}: the column {slot.column!r} is NULL and the field "
            f"{_declared(slot.field)} does not allow None; "
            "allow it in the annotation, or exclude it in the statement",
            column=slot.column,
        )

    def misfit(self, slot: _Slot, number: int, value: Any, refusal: str) -> MappingError:
        # The cause may quote the value, so it stays out of the message.
        return MappingError(
            f"cannot map row {number} to {self._name}: the column {slot.column!r} holds a value of type "
            f"{type(value).__name__} that does not fit the field {_declared(slot.field)}"
            f"{f': {refusal}' if refusal else ''}; change the annotation, or cast in the statement",
            column=slot.column,
        )


def _declared(field: Field) -> str:
    return f"{field.name!r} ({type_name(field.type if field.declared is None else field.declared)})"


def _validated_by_pydantic(
    schema: Schema,
    slots: list[_Slot],
    to_dicts: Callable[[Sequence[Any]], list[Any]],
    explain: _Explainer,
) -> Callable[[Sequence[Any]], list[Any]]:
    pydantic = loaded_pydantic()
    validate = pydantic.TypeAdapter(GenericAlias(list, (schema.make,))).validate_python
    failure = pydantic.ValidationError
    by_argument: dict[Any, _Slot] = {slot.argument: slot for slot in slots}

    def map_validated(rows: Sequence[Any]) -> list[Any]:
        try:
            return cast("list[Any]", validate(to_dicts(rows)))
        except failure as error:
            where = error.errors(include_url=False, include_context=False, include_input=False)[0]
            number, *path = where["loc"]
            slot = slots[0] if schema.form == "pydantic_root" else by_argument.get(path[0] if path else None)
            if slot is None:
                raise MappingError(
                    f"cannot map row {number} to {schema.name}: the model refused it ({where['type']}); "
                    "see the cause for the reason"
                ) from error
            value = tuple(rows[number])[slot.index]
            declared = slot.field.declared
            if value is None and not allows_none(declared):
                raise explain.null(slot, number) from error
            inside = () if schema.form == "pydantic_root" else path[1:]
            raise explain.misfit(slot, number, value, pydantic_refusal(where["type"], inside, declared)) from error

    return map_validated
