"""Hostile text in the place of each argument of each public call: it is a name, a value, or refused; never SQL."""

from __future__ import annotations

from collections.abc import AsyncIterator, Container
from pathlib import Path
from typing import Any

import psycopg
import pyarrow as pa
import pytest
from psycopg import sql

from sqlspec.exceptions import CONDITIONS, SQLSpecError
from tests.integration.harness import Flavour
from tests.integration.security.hostile import HOSTILE, SPRUNG, TRAP
from tests.integration.security.registry import ENTRIES, Entry, How, Scene, shapes

pytestmark = pytest.mark.only("asyncpg", "psycopg", "psycopg-sync", "psqlpy", "pyro", "pyro-sync")

ATTACKED = {name: entry for name, entry in ENTRIES.items() if entry.call is not None and entry.attacked}

MANY = ("double quote", "both", "list", "placeholders", "comment", "statement", "long", "nul")
"""For names. `test_names.py` tries the others, as names of what there is."""

FEW = ("quote", "double quote", "placeholders", "nul")
"""For arguments that are no names: they are never part of a statement, or are checked against a few words."""

NAMED = frozenset({How.NAME, How.TABLE, How.CHANNEL, How.SETTING})
SENT = NAMED | {How.VALUE}
CHECKED = frozenset({How.CHOICE, How.LOOKUP, How.PATH})


@pytest.fixture
async def scene(flavour: Flavour, admin: psycopg.Connection[Any], tmp_path: Path) -> AsyncIterator[Scene]:
    admin.execute(
        sql.SQL(
            "set search_path = {};" + TRAP + "create table o (id int primary key, name text);"
            "create table t (id int primary key, name text); insert into t values (1, 'x'), (2, 'y'); reset search_path"
        ).format(sql.Identifier(flavour.schema))
    )
    config = flavour.make_config(max_size=3, command_timeout=20)
    async with config.provide_session() as session:
        data = pa.table({"id": pa.array([7], pa.int32()), "name": ["x"]})
        yield Scene(config, session, tmp_path, data)


def broke_out(error: BaseException) -> bool:
    """Tell whether the server took hostile text for SQL: then it has a syntax error in it, if nothing worse."""
    said = str(error)
    return getattr(error, "sqlstate", None) == CONDITIONS["syntax_error"] or "syntax error at" in said


async def attack(scene: Scene, entry: Entry, argument: str, value: Any) -> None:
    assert entry.call is not None
    try:
        await entry.call(scene, **{argument: value})
    except SQLSpecError as error:
        assert not broke_out(error), f"{argument}={value!r}: {error}"


async def attack_each(name: str, scene: Scene, hows: Container[How]) -> None:
    entry = ATTACKED[name]
    for argument in entry.attacked:
        if (how := entry.args[argument]) in hows:
            for kind in MANY if how in NAMED else FEW:
                for value in shapes(argument, HOSTILE[kind]):
                    await attack(scene, entry, argument, value)


def having(hows: Container[How]) -> list[str]:
    """Return the calls with an argument of some kinds."""
    return [name for name, entry in ATTACKED.items() if any(entry.args[each] in hows for each in entry.attacked)]


@pytest.mark.parametrize("name", having(SENT))
async def test_no_argument_becomes_sql(name: str, scene: Scene, flavour: Flavour, admin: Any) -> None:
    await attack_each(name, scene, SENT)
    assert admin.execute(SPRUNG.format(flavour.schema).encode()).fetchone() == (False,)


@pytest.mark.only("asyncpg", "psycopg-sync")
@pytest.mark.parametrize("name", having(CHECKED))
async def test_what_is_checked_against_a_few_words_becomes_no_sql(
    name: str, scene: Scene, flavour: Flavour, admin: Any
) -> None:
    """No driver sees it: on one of each kind that is tried."""
    await attack_each(name, scene, CHECKED)
    assert admin.execute(SPRUNG.format(flavour.schema).encode()).fetchone() == (False,)


def test_every_attacked_argument_is_sent_or_checked() -> None:
    for entry in ATTACKED.values():
        assert {entry.args[each] for each in entry.attacked} <= SENT | CHECKED


@pytest.mark.parametrize("name", ["session.savepoint", "SQL.order_by", "session.notify"])
async def test_the_attacks_reach_the_calls(name: str, scene: Scene) -> None:
    """A call that refused everything would pass every attack."""
    entry = ATTACKED[name]
    (argument, *_) = entry.attacked
    assert entry.call is not None
    await entry.call(scene, **{argument: "id"})
    with pytest.raises(SQLSpecError):
        await entry.call(scene, **{argument: "a\0b"})
