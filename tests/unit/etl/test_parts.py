from __future__ import annotations

import pytest

from sqlspec.etl._parts import key_parts, page_parts, parts_that_fit, sizes_of
from sqlspec.etl._source import ALL, Source, SourceColumn


def bounds(sizes: list[int], count: int) -> list[int]:
    parts = page_parts(sizes, count)
    return [int(part.condition.partition("'(")[2].partition(",")[0]) for part in parts[1:]]


@pytest.mark.parametrize(
    ("sizes", "count", "expected"),
    [
        ([100], 1, []),
        ([100], 2, [50]),
        ([100], 4, [25, 50, 75]),
        ([3], 10, [1, 2, 3]),
        ([0], 4, []),
        ([], 4, []),
        ([0, 1000, 10, 10], 2, [490]),  # up to there, the small ones are read whole
        ([100, 100], 2, [50]),
        ([1000, 500, 500], 4, [167, 334, 500]),
    ],
)
def test_pages_are_divided_evenly(sizes: list[int], count: int, expected: list[int]) -> None:
    assert bounds(sizes, count) == expected


def test_parts_are_next_to_each_other() -> None:
    parts = page_parts([10], 3)
    assert [part.condition for part in parts] == [
        "ctid < '(4,0)'::pg_catalog.tid",
        "ctid >= '(4,0)'::pg_catalog.tid and ctid < '(7,0)'::pg_catalog.tid",
        "ctid >= '(7,0)'::pg_catalog.tid",  # with all pages that come later
    ]
    assert page_parts([10], 1) == [ALL]


def test_a_table_without_pages_cannot_be_divided_by_them() -> None:
    assert sizes_of([("7",), ("0",)]) == [7, 0]
    assert sizes_of([("7",), ("-1",)]) == []
    assert sizes_of([]) == []


def test_large_tables_are_worth_a_second_reader() -> None:
    assert [parts_that_fit(sizes) for sizes in ([], [100], [5000], [4000, 4000])] == [1, 1, 2, 2]


def test_values_are_quoted_and_the_first_part_has_the_null() -> None:
    source = Source((SourceColumn("k", 25, -1, "text", False),), "select k from t", None)
    assert [part.condition for part in key_parts(source, 0, [("it's {key}",), ("it's {key}",), (None,), ("z",)])] == [
        "c0 < 'it''s {key}' or c0 is null",
        "c0 >= 'it''s {key}' and c0 < 'z'",
        "c0 >= 'z'",
    ]
    assert key_parts(source, 0, []) == [ALL]
