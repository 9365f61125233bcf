"""Text and JSON out of files on their way to columns."""

from __future__ import annotations

import json
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sqlspec.exceptions import DataError
from sqlspec.postgres.arrow.written import JsonType, TextType, _fields, wrapped
from sqlspec.postgres.codec.arrays import read_literal
from tests.unit.postgres.arrow.tables import HSTORE, MOOD, PAIR, PAIRS, PLACE, SMALL, convert, numeric, plan, table
from tests.unit.postgres.arrow.tables import column as target_column

INT4, TEXT, BOOL, JSON, JSONB, DATE, TIMESTAMP, NUMERIC = 23, 25, 16, 114, 3802, 1082, 1114, 1700
INT4S, TEXTS, JSONBS, NUMERICS = 1007, 1009, 3807, 1231


def of_json(oid: int, *values: str | None, typmod: int = -1, **options: Any) -> list[Any]:
    found = convert(wrapped(JsonType(), pa.array(values, pa.string())), oid, typmod, **options).to_pylist()
    return list(found)


def of_text(oid: int, *values: str | None, typmod: int = -1, **options: Any) -> list[Any]:
    found = convert(wrapped(TextType(), pa.array(values, pa.string())), oid, typmod, **options).to_pylist()
    return list(found)


@pytest.mark.parametrize(
    ("oid", "given", "text"),
    [
        (INT4, "-1", "-1"),
        (INT4, '"7"', "7"),
        (INT4, "null", None),
        (INT4, None, None),
        (BOOL, "true", "true"),
        (NUMERIC, "1.10e5", "1.10e5"),
        (NUMERIC, '"NaN"', "NaN"),
        (TEXT, '""', ""),
        (TEXT, '"null"', "null"),
        (TEXT, r'"\"a\" \\ \u00e9\n"', '"a" \\ é\n'),
        (TEXT, "5.0", "5.0"),
        (TEXT, '{"a": 1}', '{"a": 1}'),
        (JSON, '{"a":  1.0}', '{"a":  1.0}'),
        (JSONB, '"text"', '"text"'),
        (JSONB, "null", None),
        (MOOD, '"sad"', "sad"),
        (INT4S, "[1, null, 3]", '{"1",NULL,"3"}'),
        (INT4S, "[[1], [2]]", '{{"1"},{"2"}}'),
        (INT4S, '"[0:1]={1,2}"', "[0:1]={1,2}"),
        (TEXTS, r'["a\"b", "c\\", "NULL", "", null]', r'{"a\"b","c\\","NULL","",NULL}'),
        (JSONBS, '[[1], null, {"a": "b"}, "s"]', r'{"[1]",NULL,"{\"a\": \"b\"}","\"s\""}'),
        (PAIR, '{"b": "x, \\"y\\"", "a": 1}', r'("1","x, \"y\"")'),
        (PAIR, '{"a": null}', "(,)"),
        (PAIR, '"(1,x)"', "(1,x)"),
        (PAIRS, '[{"a": 1}, null]', r'{"(\"1\",)",NULL}'),
        (HSTORE, '{"a": "x", "b": null, "c": 1}', '"a"=>"x","b"=>NULL,"c"=>"1"'),
    ],
)
def test_json_values_become_what_the_column_is(oid: int, given: str, text: str | None) -> None:
    assert of_json(oid, given) == [text]
    assert of_json(oid, given, '"\\u0041"' if oid == TEXT else "null")[0] == text


def test_keys_that_a_type_lacks_are_refused() -> None:
    with pytest.raises(
        DataError, match="row 1 of the source does not fit: the object has keys that pair has no fields"
    ):
        of_json(PAIR, '{"a": 1}', '{"a": 1, "c": 2}')


@pytest.mark.parametrize(
    ("oid", "typmod", "good", "bad"),
    [
        (NUMERIC, numeric(4, 1), "1.50", "1.55"),
        (NUMERICS, numeric(4, 1), "{1.50,NaN,{NULL}}", "{1.5,1.55}"),
        (TIMESTAMP, 0, "2024-01-01 00:00:00", "2024-01-01 00:00:00.5"),
        (TIMESTAMP, -1, "2024-01-01T00:00:00.123456 BC", "2024-01-01 00:00:00.1234567"),
        (TIMESTAMP, -1, "infinity", "2024-01-01T00:00:00Z"),
        (DATE, -1, "2024-01-01", "2024-01-01 00:01"),
        (1043, 6, "ab", "abc"),
        (1015, 6, '{ab,"é "}', '{ab,"abc"}'),
        (SMALL, 6, "ab", "abc"),
    ],
)
def test_text_that_the_server_would_cut_is_refused(oid: int, typmod: int, good: str, bad: str) -> None:
    assert of_text(oid, None, good, typmod=typmod) == [None, good]
    for give in (of_text, lambda oid, *values, **options: of_json(oid, *map(json.dumps, values), **options)):
        with pytest.raises(DataError, match="row 1 of the source does not fit") as caught:
            give(oid, None if give is of_text else good, bad, typmod=typmod)
        assert caught.value.column == "x"
        assert bad not in str(caught.value)
    if oid not in (1043, SMALL):  # characters are never cut
        assert of_text(oid, bad, typmod=typmod, round=True) == [bad]


def test_parts_of_composites_are_checked() -> None:
    target = table(target_column("x", PLACE), typmods={(PLACE, "price"): numeric(4, 1)})
    for text, fits in (('(::1,"1.5")', True), ("(,)", True), ('("a, ""b"" \\"",1.55)', False), ("nonsense", True)):
        batch = pa.record_batch([wrapped(TextType(), pa.array([text]))], names=["x"])
        made = plan(target, batch)
        if fits:
            assert made.convert(batch, 0).column(0).to_pylist() == [text]
        else:
            with pytest.raises(DataError, match="row 5 .*does not fit numeric"):
                made.convert(batch, 5)


def test_columns_that_need_no_server_go_by_copy() -> None:
    names = ["t", "j", "e"]
    batch = pa.record_batch([wrapped(TextType(), pa.array(["sad"]))] * 3, names=names)
    made = plan(table(*map(target_column, names, (TEXT, JSONB, MOOD))), batch)
    assert made.technique == "copy"
    assert plan(table(*map(target_column, names, (TEXT, JSONB, INT4))), batch).technique == "unnest"


PARTS = st.lists(
    st.none() | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")), min_size=1, max_size=4
)


@given(parts=PARTS)
def test_fields_of_composites_are_read_as_they_were_written(parts: list[str | None]) -> None:
    backslashes = [part if part is None else part.replace("\\", "\\\\").replace('"', '\\"') for part in parts]
    doubled = [part if part is None else part.replace("\\", "\\\\").replace('"', '""') for part in parts]
    for written in (backslashes, doubled):
        text = f"({','.join('' if part is None else f'{chr(34)}{part}{chr(34)}' for part in written)})"
        # Quoted nothing is an empty text, and nothing at all is NULL.
        assert list(_fields(text)) == parts


@given(parts=PARTS)
def test_lists_of_json_are_written_as_the_server_reads_them(parts: list[str | None]) -> None:
    (text,) = of_json(TEXTS, json.dumps(parts))
    assert read_literal(text) == parts
