"""Texts that no database of UTF-8 can hold are named, whatever they were meant for."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest

from sqlspec.exceptions import DataError
from tests.unit.postgres.arrow.tables import HSTORE, convert, numeric

BYTES = pa.array([b"1.", b"\xc3\xa4"[:1] + b"1", None, b"\xff\xfe"])
MALFORMED = pa.Array.from_buffers(pa.string(), len(BYTES), BYTES.buffers())
LARGE = pa.Array.from_buffers(pa.large_string(), len(BYTES), BYTES.cast(pa.large_binary()).buffers())
OFFSETS = pa.array([0, 1, 2, 3, 4], pa.int32())
WORDS = pa.array(["a", "b", "c", "d"])


@pytest.mark.parametrize(
    ("array", "oid", "typmod"),
    [
        *((MALFORMED, oid, -1) for oid in (25, 1043, 19, 1700, 114, 3802, 1266, 869, 790, 142, 1009)),
        (MALFORMED, 1700, numeric(5, 2)),
        (MALFORMED, 1043, 9),
        (LARGE, 25, -1),
        (LARGE, 3802, -1),
        (pa.DictionaryArray.from_arrays(pa.array([0, 1, 2, 3], pa.int8()), MALFORMED), 25, -1),
        (pa.ListArray.from_arrays(OFFSETS, MALFORMED), 1009, -1),
        (pa.ListArray.from_arrays(OFFSETS, MALFORMED), 1231, -1),
        (pa.ListArray.from_arrays(OFFSETS, MALFORMED), 3802, -1),
        (pa.StructArray.from_arrays([MALFORMED], ["a"]), 3802, -1),
        (pa.MapArray.from_arrays(OFFSETS, WORDS, MALFORMED), 3802, -1),
        (pa.MapArray.from_arrays(OFFSETS, WORDS, MALFORMED), HSTORE, -1),
        (pa.StructArray.from_arrays([pa.ExtensionArray.from_storage(pa.json_(), MALFORMED)], ["a"]), 3802, -1),
    ],
)
def test_text_that_is_not_utf8(array: Any, oid: int, typmod: int) -> None:
    with pytest.raises(DataError, match="column 'x': row 8 of the source does not fit: the text is not UTF-8"):
        convert(array, oid, typmod, first=7)
    with pytest.raises(DataError, match="row 10 of the source does not fit: the text is not UTF-8"):
        convert(array.slice(2), oid, typmod, first=9)


def test_utf8_of_every_length_is_taken() -> None:
    words = ["a", "ä", "€", "😀", None, ""]
    assert convert(pa.array(words), 25).to_pylist() == words
    hidden = pa.Array.from_buffers(pa.string(), 2, [pa.py_buffer(b"\x01"), *pa.array([b"a", b"\xff"]).buffers()[1:]])
    assert convert(hidden, 25).to_pylist() == ["a", None]
