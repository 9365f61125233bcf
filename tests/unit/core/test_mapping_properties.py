"""Mappers against a plain oracle, for random classes, columns, rows and options."""

from __future__ import annotations

import dataclasses
import keyword
from collections.abc import Sequence
from typing import Any, NamedTuple, TypedDict, cast

import attrs
import msgspec
import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sqlspec.core.mapping import build_mapper
from sqlspec.core.result import Column
from sqlspec.exceptions import MappingError

pytestmark = pytest.mark.usefixtures("making")

DEFAULT = "the default"


class FieldSpec(NamedTuple):
    name: str
    nullable: bool
    required: bool


def make_class(form: str, fields: Sequence[FieldSpec]) -> Any:
    kinds = {field.name: str | None if field.nullable else str for field in fields}
    ordered = sorted(fields, key=lambda field: not field.required)
    if form == "struct":
        return msgspec.defstruct(
            "made",
            [(f.name, kinds[f.name]) if f.required else (f.name, kinds[f.name], DEFAULT) for f in ordered],
        )
    if form == "dataclass":
        return dataclasses.make_dataclass(
            "made",
            [
                (f.name, kinds[f.name]) if f.required else (f.name, kinds[f.name], dataclasses.field(default=DEFAULT))
                for f in fields
            ],
            kw_only=True,
        )
    if form == "attrs":
        return attrs.make_class(
            "made",
            {
                f.name: attrs.field(
                    type=kinds[f.name],  # type: ignore[arg-type]
                    default=attrs.NOTHING if f.required else DEFAULT,
                    kw_only=not f.required,
                )
                for f in fields
            },
        )
    if form == "pydantic":
        given_fields: dict[str, Any] = {f.name: (kinds[f.name], ... if f.required else DEFAULT) for f in fields}
        return pydantic.create_model("made", **given_fields)
    return cast("Any", TypedDict)("made", kinds)


names = st.from_regex(r"[a-z][a-z0-9]{0,3}", fullmatch=True).filter(
    # Names that pydantic reserves, and those that no class can have as a field.
    lambda name: not keyword.iskeyword(name) and not hasattr(pydantic.BaseModel, name)
)


@st.composite
def cases(draw: st.DrawFn) -> tuple[str, list[FieldSpec], list[str], list[tuple[Any, ...]], str]:
    form = draw(st.sampled_from(["struct", "dataclass", "attrs", "pydantic", "typeddict"]))
    flags = st.booleans()
    fields = [
        FieldSpec(name, draw(flags), True if form == "typeddict" else draw(flags))
        for name in draw(st.lists(names, min_size=1, max_size=6, unique=True))
    ]
    extra = draw(st.lists(st.text(max_size=4), max_size=3))
    left_out = draw(st.sets(st.sampled_from([field.name for field in fields]), max_size=1))
    columns = [field.name for field in fields if field.name not in left_out] + extra
    columns = draw(st.permutations(list(dict.fromkeys(columns))))
    value = st.one_of(st.text(max_size=2), st.text(max_size=2), st.text(max_size=2), st.none())
    rows = draw(st.lists(st.tuples(*[value for _ in columns]), max_size=4))
    return form, fields, columns, rows, draw(st.sampled_from(["tuple", "mapping"]))


def expected(fields: Sequence[FieldSpec], columns: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> Any:
    """Return field values per row; or the messages of which the error must hold one."""
    matches: dict[str, int] = {}
    for field in fields:
        if field.name in columns:
            matches[field.name] = columns.index(field.name)
    for field in fields:
        # No two of the generated field names differ in case and underscores alone.
        near = [
            index
            for index, column in enumerate(columns)
            if index not in matches.values() and column.replace("_", "").casefold() == field.name
        ]
        if field.name not in matches and len(near) == 1:
            matches[field.name] = near[0]
        elif field.name not in matches and near:
            return {"differ"}
    for field in fields:
        if field.required and field.name not in matches:
            return {f"required field '{field.name}'"}
    for number, row in enumerate(rows):
        # Constructors order their fields differently, so that any wrong field of the first wrong row will do.
        wrong = [
            field.name
            for field in fields
            if field.name in matches and row[matches[field.name]] is None and not field.nullable
        ]
        if wrong:
            return {f"row {number} to made: the column {columns[matches[name]]!r} is NULL" for name in wrong}
    return [
        {field.name: row[matches[field.name]] if field.name in matches else DEFAULT for field in fields} for row in rows
    ]


@pytest.mark.parametrize("validate", [False, True])
@given(case=cases())
def test_objects(case: Any, validate: bool) -> None:
    form, fields, names_of_columns, rows, shape = case
    kind = make_class(form, fields)
    wanted = expected(fields, names_of_columns, rows)
    given_rows = rows
    if shape == "mapping":
        given_rows = [dict(zip(names_of_columns, row, strict=True)) for row in rows]
    columns = tuple(Column(name, 25) for name in names_of_columns)
    try:
        result = build_mapper(kind, columns, validate=validate, row_shape=shape)(given_rows)
    except MappingError as error:
        assert isinstance(wanted, set)
        assert any(message in str(error) for message in wanted)
        return
    as_dict = dict if form == "typeddict" else lambda one: {f.name: getattr(one, f.name) for f in fields}
    assert [as_dict(one) for one in result] == wanted


@given(
    columns=st.lists(st.text(max_size=6), max_size=8),
    count=st.integers(0, 3),
    data=st.data(),
)
def test_dicts_and_tuples(columns: list[str], count: int, data: st.DataObject) -> None:
    row = st.tuples(*[st.one_of(st.none(), st.integers(), st.text(max_size=3)) for _ in columns])
    rows = data.draw(st.lists(row, min_size=count, max_size=count))
    described = tuple(Column(name, 25) for name in columns)
    assert build_mapper(tuple, described)(rows) == rows
    if len(set(columns)) < len(columns):
        with pytest.raises(MappingError):
            build_mapper(dict, described)
    else:
        assert build_mapper(dict, described)(rows) == [dict(zip(columns, row, strict=True)) for row in rows]
