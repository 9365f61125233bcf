"""CSV and JSON lines against the readers and writers of the standard library."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sqlspec.exceptions import DataError
from sqlspec.storage import rows
from sqlspec.storage.formats import Csv
from sqlspec.storage.rows import CsvReader, JsonReader, csv_header, csv_text, json_text

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8) | st.sampled_from(
    ["", '"', "\n", "\r\n", ",", "NA", '""', " x ", "\\", "\ufeff"]
)
TABLE = st.integers(1, 3).flatmap(lambda width: st.lists(st.tuples(*[st.none() | TEXT] * width), max_size=12))
NAMES = ["a", 'b"\n,', "é"]


def opener(data: bytes) -> Callable[[], Any]:
    return lambda: pa.PythonFile(io.BytesIO(data), mode="r")


def columns_of(table: list[tuple[Any, ...]], width: int) -> list[pa.Array]:
    return [pa.array([row[at] for row in table], pa.string()) for at in range(width)]


def read_csv(data: bytes, options: Csv = Csv()) -> list[tuple[Any, ...]]:  # noqa: B008 - it cannot be changed
    reader = CsvReader(opener(data), options, "t.csv")
    found: list[tuple[Any, ...]] = []
    for batch in reader.batches(reader.names):
        found += zip(*(column.storage.to_pylist() for column in batch.columns), strict=True)
    return found


@settings(deadline=None)
@given(table=TABLE, null=st.sampled_from(["", "NA"]), delimiter=st.sampled_from([",", ";", "\t", "|", "^"]))
def test_csv_comes_back_as_it_was(table: list[tuple[Any, ...]], null: str, delimiter: str) -> None:
    options = Csv(delimiter=delimiter, null=null)
    width = len(table[0]) if table else 2
    data = csv_header(NAMES[:width], options) + csv_text(columns_of(table, width), options)
    assert read_csv(data, options) == table
    theirs = list(csv.reader(io.StringIO(data.decode(), newline=""), delimiter=delimiter, strict=True))
    assert theirs[0] == NAMES[:width]
    if width > 1 or null:  # the standard library skips nothing, and gives an empty line as an empty list
        assert theirs[1:] == [[null if value is None else value for value in row] for row in table]


@settings(deadline=None)
@given(table=TABLE, block=st.sampled_from([1, 7, 64]))
def test_csv_does_not_depend_on_blocks(table: list[tuple[Any, ...]], block: int) -> None:
    width = len(table[0]) if table else 1
    data = csv_header(NAMES[:width], Csv()) + csv_text(columns_of(table, width), Csv())
    plain, rows.BLOCK = rows.BLOCK, block
    try:
        assert read_csv(data) == table
    finally:
        rows.BLOCK = plain


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (b"a,b\n", []),
        (b"a,b", []),
        (b"a,b\r\n1,2\r\n\r\n3,4", [("1", "2"), ("3", "4")]),
        (b'\xef\xbb\xbf"a",b\n1,x"y"\n', [("1", 'x"y"')]),
        (b"a\n\n1\n\n", [(None,), ("1",), (None,)]),
        (b"\n\r\na,b\n1,2\n", [("1", "2")]),
        (b'a,b\n"",\n', [("", None)]),
    ],
)
def test_csv_of_others(data: bytes, found: list[tuple[Any, ...]]) -> None:
    assert read_csv(data) == found


def test_empty_lines_before_a_long_row(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows, "BLOCK", 100)
    data = b"a,b\n" + b"1,2\n\n" * 50 + b"3," + b"x" * 500 + b"\n4,5\n"
    assert read_csv(data) == [("1", "2")] * 50 + [("3", "x" * 500), ("4", "5")]


def test_names_with_odd_line_ends() -> None:
    names = ["a\u2028b", "c\x0bd"]
    reader = CsvReader(opener(csv_header(names, Csv()) + b"1,2\n"), Csv(), "t.csv")
    assert reader.names == names


@pytest.mark.parametrize("delimiter", ["d", "x", "0", "_"])
def test_any_character_may_be_the_delimiter(delimiter: str) -> None:
    options = Csv(delimiter=delimiter)
    names, values = ["u", "v"], [f"1{delimiter}2", "z"]
    data = csv_header(names, options) + csv_text([pa.array([value]) for value in values], options)
    assert read_csv(data, options) == [tuple(values)]


def test_a_byte_order_mark_before_lines() -> None:
    assert read_json(b'\xef\xbb\xbf{"a": 1}\n{"a": 2}') == [{"a": "1"}, {"a": "2"}]


def test_other_encodings() -> None:
    for encoding in ("latin-1", "utf-16", "cp1252", "utf-8-sig"):
        text = "a,b\n" + "é,ß\n" * 1000
        assert read_csv(text.encode(encoding), Csv(encoding=encoding)) == [("é", "ß")] * 1000


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"", "it is empty"),
        (b"\xff\n1\n", "its first line is not utf-8"),
        (b'a,"b\n1,2\n', "its first line cannot be read"),
        (b"a,b\n1,2\n" * 1 + b"secret\n", "line 3 has 1 values instead of 2"),
        (b'a,b\n1,"secret\n', "inside a quoted value"),
        (b'a,b\n1,"secret', "inside a quoted value"),
        (b'a,b\n1,2\n"secret', "line 3 has 1 values instead of 2"),
        (b"a,b\n1,secret\xff\n", "text that is not utf-8"),
    ],
)
def test_malformed_csv_is_refused(data: bytes, text: str) -> None:
    with pytest.raises(DataError, match=text) as caught:
        read_csv(data)
    assert "secret" not in str(caught.value)


# -- JSON lines -----------------------------------------------------------------------------------------------

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=5,
)


def read_json(data: bytes, names: list[str] | None = None) -> list[dict[str, str]]:
    reader = JsonReader(opener(data), names, "t.jsonl", is_strict=names is None)
    return [row for batch in reader.batches(reader.names) for row in plain(batch).to_pylist()]


def plain(batch: pa.RecordBatch) -> pa.RecordBatch:
    return pa.record_batch([column.storage for column in batch.columns], names=batch.schema.names)


@settings(deadline=None)
@given(table=st.lists(st.dictionaries(TEXT, VALUES, min_size=1, max_size=3), min_size=1, max_size=6))
@pytest.mark.parametrize("indent", [None, 1])
def test_json_lines_come_back_as_they_were(table: list[dict[str, Any]], indent: int | None) -> None:
    names = list(dict.fromkeys(name for row in table for name in row))
    columns = [pa.array([json.dumps(row.get(name), indent=indent) for row in table]) for name in names]
    data = json_text(names, columns)
    assert data.count(b"\n") == len(table)
    assert [json.loads(line) for line in data.splitlines()] == [
        {name: row.get(name) for name in names} for row in table
    ]
    found = read_json(data)
    assert [{name: json.loads(text) for name, text in row.items()} for row in found] == [
        {name: row.get(name) for name in names} for row in table
    ]


def test_values_are_kept_as_they_are_written() -> None:
    data = b'{"n": 1.10e+5, "j": {"b":  1, "a": 2, "a": 3}}\r\n \n{"j": [1 , 2]}'
    assert read_json(data) == [{"n": "1.10e+5", "j": '{"b":  1, "a": 2, "a": 3}'}, {"n": "null", "j": "[1 , 2]"}]
    assert read_json(data, ["j", "none"]) == [
        {"j": '{"b":  1, "a": 2, "a": 3}', "none": "null"},
        {"j": "[1 , 2]", "none": "null"},
    ]


def test_lines_do_not_depend_on_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    data = "".join(f'{{"n": {n}, "é": "{"é" * n}"}}\n' for n in range(50)).encode()
    whole = read_json(data)
    for block in (1, 3, 100):
        monkeypatch.setattr(rows, "BLOCK", block)
        assert read_json(data, ["n", "é"]) == whole


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"", "it is empty"),
        (b"\n \n", "it is empty"),
        (b"[1]", "row 0 is no object"),
        (b'{"a": 1}\n{"a": "secret', "row 1 is no JSON, or is cut short"),
        (b'{"a": 1}\n\n"secret"', "row 1 is no object"),
        (b'{"a": "secret\xff"}', "row 0 is not UTF-8"),
        (b"a,b\nsecret,2", "row 0 is no JSON"),
    ],
)
def test_malformed_lines_are_refused(data: bytes, text: str) -> None:
    with pytest.raises(DataError, match=text) as caught:
        read_json(data)
    assert "secret" not in str(caught.value)
