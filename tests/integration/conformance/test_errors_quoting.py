"""The server's message and DETAIL quote names and values, which may look like a part of an error themselves."""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest

from sqlspec.exceptions import (
    CheckViolationError,
    DataError,
    ForeignKeyViolationError,
    SQLSpecError,
    UniqueViolationError,
)
from tests.integration.harness import needs

pytestmark = pytest.mark.only("asyncpg", "psycopg", "psycopg-sync", "psqlpy", "pyro", "pyro-sync")

LOG = "ERROR: something failed\nDETAIL: from a log\nHINT: look there"
QUOTED = 'ERROR: "t" is missing\nDETAIL: of "u"\nHINT: see "v"\nDETAIL: w'
FILE = "\n".join(f'ERROR: {n} violates "c"\nDETAIL: Key ({n})=({n}) already exists.' for n in range(500))
MARK = "\nDETAIL: x\nHINT: y"


class Case(NamedTuple):
    kind: type[SQLSpecError]
    sqlstate: str
    message: str
    sql: str
    value: Any = None
    detail: str | None = None
    constraint: str | None = None
    table: str | None = None


SETUP = f"""
    create type mood as enum ('a');
    create table plain (id text primary key, n text constraint short check (n <> '') constraint known references plain);
    create table "t{MARK}" (
        id text constraint "p{MARK}" primary key,
        n text constraint "c{MARK}" check (n <> ''),
        parent text constraint "f{MARK}" references plain
    );
"""


def of_value(value: str) -> list[Case]:
    row = f"({value}, )"
    return [
        Case(DataError, "22P02", f'invalid input syntax for type integer: "{value}"', "select $1::text::int", value),
        Case(DataError, "22P02", f'invalid input syntax for type uuid: "{value}"', "select $1::text::uuid", value),
        Case(DataError, "22007", f'invalid input syntax for type date: "{value}"', "select $1::text::date", value),
        Case(DataError, "22P02", f'invalid input value for enum mood: "{value}"', "select $1::text::mood", value),
        Case(
            DataError,
            "22P02",
            f'malformed array literal: "{value}"',
            "select $1::text::int[]",
            value,
            'Array value must start with "{" or dimension information.',
        ),
        Case(
            UniqueViolationError,
            "23505",
            'duplicate key value violates unique constraint "plain_pkey"',
            "insert into plain (id) select $1::text from generate_series(1, 2)",
            value,
            f"Key (id)=({value}) already exists.",
            "plain_pkey",
        ),
        Case(
            ForeignKeyViolationError,
            "23503",
            'insert or update on table "plain" violates foreign key constraint "known"',
            "insert into plain values ('b', $1)",
            value,
            f'Key (n)=({value}) is not present in table "plain".',
            "known",
            "plain",
        ),
        Case(
            CheckViolationError,
            "23514",
            'new row for relation "plain" violates check constraint "short"',
            "insert into plain values ($1, '')",
            value,
            f"Failing row contains {row}.",
            "short",
            "plain",
        ),
    ]


OF_NAMES = [
    Case(
        UniqueViolationError,
        "23505",
        f'duplicate key value violates unique constraint "p{MARK}"',
        f'insert into "t{MARK}" select $1::text from generate_series(1, 2)',
        LOG,
        f"Key (id)=({LOG}) already exists.",
        f"p{MARK}",
    ),
    Case(
        CheckViolationError,
        "23514",
        f'new row for relation "t{MARK}" violates check constraint "c{MARK}"',
        f"insert into \"t{MARK}\" values ($1, '')",
        LOG,
        f"Failing row contains ({LOG}, , null).",
        f"c{MARK}",
        f"t{MARK}",
    ),
    Case(
        ForeignKeyViolationError,
        "23503",
        f'insert or update on table "t{MARK}" violates foreign key constraint "f{MARK}"',
        f"insert into \"t{MARK}\" values ('b', 'c', $1)",
        LOG,
        f'Key (parent)=({LOG}) is not present in table "plain".',
        f"f{MARK}",
        f"t{MARK}",
    ),
]


def seen(error: SQLSpecError, case: Case) -> Case:
    names = {name: getattr(error, name) for name in ("constraint", "table") if getattr(case, name) is not None}
    return Case(type(error), error.sqlstate or "", error.message, case.sql, case.value, error.detail, **names)


@needs("sqlstate")
@pytest.mark.parametrize("value", [LOG, QUOTED], ids=["plain", "quoted"])
async def test_values_that_look_like_a_detail(session: Any, value: str) -> None:
    await check(session, of_value(value))


@needs("sqlstate")
async def test_names_that_look_like_a_detail(session: Any) -> None:
    await check(session, OF_NAMES)


@needs("sqlstate")
async def test_a_long_value_of_many_such_lines(session: Any) -> None:
    await check(session, of_value(FILE)[:5])


async def check(session: Any, cases: list[Case]) -> None:
    await session.execute_script(SETUP)
    for case in cases:
        with pytest.raises(SQLSpecError) as caught:
            await session.execute(case.sql, case.value)
        assert seen(caught.value, case) == case
        assert caught.value.hint is None


async def test_words_of_user_code_are_parted_as_they_were_given(session: Any) -> None:
    for sqlstate in ("P0001", "23505"):
        with pytest.raises(SQLSpecError) as caught:
            await session.execute(
                "do $$ begin raise exception 'taken' using"
                f" errcode = '{sqlstate}', detail = 'it is so', hint = 'try another'; end $$"
            )
        error = caught.value
        assert (error.message, error.detail, error.hint) == ("taken", "it is so", "try another")
