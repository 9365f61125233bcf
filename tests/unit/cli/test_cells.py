from __future__ import annotations

import json
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from ipaddress import IPv4Interface
from uuid import UUID

import pytest

from sqlspec.cli._cells import as_json, as_text, encode, printable
from sqlspec.cli._failures import Failure, redacted
from sqlspec.exceptions import ParameterError
from sqlspec.values import Interval, Range, SparseVector


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, "null"),
        (True, "true"),
        (12345678901234567890, "12345678901234567890"),
        (1.5, "1.5"),
        (float("nan"), '"nan"'),
        (float("-inf"), '"-inf"'),
        (Decimal("1.50"), "1.50"),
        (Decimal("12345678901234567890.123456789"), "12345678901234567890.123456789"),
        (Decimal("NaN"), '"NaN"'),
        ("é", '"é"'),
        (b"\x00\xff", '"\\\\x00ff"'),
        (datetime(2024, 5, 1, 10, tzinfo=UTC), '"2024-05-01T10:00:00+00:00"'),
        (date(2024, 5, 1), '"2024-05-01"'),
        (time(10, 0), '"10:00:00"'),
        (Interval(1, 2, 3_000_000), '"P1M2DT3S"'),
        (timedelta(seconds=5), '"PT5S"'),
        (UUID(int=1), '"00000000-0000-0000-0000-000000000001"'),
        (IPv4Interface("10.0.0.1/24"), '"10.0.0.1/24"'),
        (Range(1, None), '"[1,)"'),
        (Range(Decimal("1.5"), Decimal("NaN"), "[]"), '"[1.5,NaN]"'),
        (Range(None, None, "empty"), '"empty"'),
        (SparseVector(3, (0, 2), (1.5, 2.0)), '"{1:1.5,3:2.0}/3"'),
        ([1, None, [Decimal("2.0")]], "[1,null,[2.0]]"),
        ((1, "a"), '[1,"a"]'),
        ({"a": {"b": float("inf")}}, '{"a":{"b":"inf"}}'),
    ],
)
def test_a_value_as_json_is_exact_and_valid(value: object, expected: str) -> None:
    text = encode(as_json(value))
    assert text == expected
    json.loads(text)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("plain, é, 漢字", "plain, é, 漢字"),
        ("two\nlines\tand\x1b[31mred", "two\\nlines\\tand\\x1b[31mred"),
        ("turned \u202e round", "turned \\u202e round"),
        ("half \ud800", "half \\ud800"),
        (datetime(2024, 5, 1, 10), "2024-05-01 10:00:00"),
        (Interval(1, 2, 3_000_000), "1 mon 2 days 00:00:03"),
        (Decimal("1.50"), "1.50"),
        (False, "false"),
        ([1, "a\x07"], '[1,"a\\u0007"]'),
        ({"a": "\u2028"}, '{"a":"\\u2028"}'),
    ],
)
def test_a_value_as_text_stays_on_its_line(value: object, expected: str) -> None:
    assert as_text(value) == expected


def test_line_ends_of_a_message_can_be_kept() -> None:
    assert printable("a\nb\x1b", keep="\n") == "a\nb\\x1b"


@pytest.mark.parametrize(
    "text",
    [
        "unexpected argument (postgresql://me:s3cr3t@host/db)",
        "postgres://me:s3cr3t@host:5432,other/db?x=1",
        "no such command 'postgresql://:s3cr3t@host'",
        "postgresql://me:with/s3cr3t@home@host/db",
        "postgresql://host/db?user=me&password=s3cr3t&x=1",
        "host=h password=s3cr3t user=me",
        "host=h password = 'it\\'s s3cr3t' user=me",
    ],
)
def test_passwords_are_hidden(text: str) -> None:
    shown = redacted(text)
    assert "s3cr3t" not in shown
    assert "***" in shown
    assert shown.partition("***")[0] == text.partition("s3cr3t")[0].removesuffix("with/").removesuffix("'it\\'s ")


def test_a_text_without_passwords_is_kept() -> None:
    text = 'relation "me@home" does not exist: see postgresql://host/db and https://a.b/c?d=e@f'
    assert redacted(text) == text


@pytest.mark.parametrize(
    ("advice", "expected"),
    [
        ("pass overwrite=True or another name", "pass --overwrite or another name"),
        ("pass file_format=", "pass --format"),
        ('leave mode="delete" out', "leave --mode delete out"),
        ("name the columns by key=[...]", "name the columns by --key"),
        ("give a larger max_rejected", "give a larger --max-rejected"),
        ('use on_error="quarantine", max_rejected=None', "use --on-error quarantine, --max-rejected all"),
        ("the mode of the key columns", "the mode of the key columns"),
    ],
)
def test_advice_names_options_in_place_of_arguments(advice: str, expected: str) -> None:
    assert Failure.of(ParameterError(advice)).message == expected
