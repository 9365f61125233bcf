"""Hostile text in the place of each key of a configuration: it is a value of that key, or refused."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from sqlspec.exceptions import DatabaseConnectionError, ImproperConfigurationError, SQLSpecError
from sqlspec.postgres.settings import PORTABLE_KEYS
from tests.integration.harness import Flavour
from tests.integration.security.hostile import HOSTILE, NAMES

pytestmark = pytest.mark.only("asyncpg", "psycopg", "psycopg-sync", "psqlpy", "pyro", "pyro-sync")

SMUGGLED = "x' user='nobody' options='-c geqo=off' -c geqo=off &options=-c%20geqo=off\\"
"""Adds a setting, wherever a value ends before its end."""


@pytest.fixture(scope="module")
def objects(admin: psycopg.Connection[Any]) -> Iterator[str]:
    """A role and a database whose name is hostile."""
    from psycopg import sql

    name = SMUGGLED[:55]
    parts = {"name": sql.Identifier(name)}
    admin.execute(sql.SQL("drop database if exists {name}").format(**parts))
    admin.execute(sql.SQL("drop role if exists {name}").format(**parts))
    admin.execute(sql.SQL("create role {name} login").format(**parts))
    admin.execute(sql.SQL("create database {name}").format(**parts))
    yield name
    admin.execute(sql.SQL("drop database {name} with (force)").format(**parts))
    admin.execute(sql.SQL("drop role {name}").format(**parts))


async def shown(config: Any) -> dict[str, Any]:
    query = """select current_user::text as user, current_database()::text as database,
        current_setting('application_name') as application_name, current_setting('geqo') as geqo,
        current_setting('app.x', true) as x"""
    async with config.provide_session() as session:
        found: dict[str, Any] = await session.select_one(query)
        return found


def test_every_key_with_hostile_text(flavour: Flavour) -> None:
    """No value is passed on that its key does not take; nothing else than a refusal comes of it."""
    for key in PORTABLE_KEYS | flavour.config_class.dialect.aliases.keys() | flavour.config_class.dialect.native:
        for text in map(HOSTILE.__getitem__, ("both", "placeholders", "comment", "nul", "surrogate")):
            try:
                flavour.config_class({key: text})
            except ImproperConfigurationError as error:
                # An error may name the key, never the value.
                assert len(text) < 12 or text not in str(error)


async def test_a_value_stays_the_value_of_its_key(flavour: Flavour, objects: str) -> None:
    texts = [SMUGGLED, *NAMES.values()]
    for text in texts:
        ascii_text = text.isascii()
        config = flavour.make_config(
            user=objects, database=objects, password=text, application_name=text[:60], session_settings={"app.x": text}
        )
        found = await shown(config)
        assert (found["user"], found["database"], found["geqo"], found["x"]) == (objects, objects, "on", text)
        if ascii_text and text.isprintable():  # the server shows what it does not print as `?`
            assert found["application_name"] == text[:60]


async def test_a_host_is_a_host(flavour: Flavour) -> None:
    for host in (
        "localhost user=nobody",
        "localhost,",
        "a/b",
        "localhost?sslmode=disable",
        "u@localhost",
        "[::1",
        "a\nb",
    ):
        with pytest.raises((ImproperConfigurationError, DatabaseConnectionError)):
            await flavour.make_config(host=host, connect_timeout=2).connect()


@pytest.mark.parametrize(
    "name",
    [
        "user", "USER", "database", "replication", "options", "_pq_.command", "sslmode", "upgrade_to_unix_socket",
        "pool_max_concurrency", "a b", "a=b", "a-b", "a;b", "", "a\nb", "a'b", '"a"', "1a", ".a", "a.",
    ],
)  # fmt: skip
def test_a_setting_is_no_other_part_of_the_start(flavour: Flavour, name: str) -> None:
    """The start-up packet holds role, database and protocol beside the settings."""
    with pytest.raises(ImproperConfigurationError, match="'session_settings'"):
        flavour.make_config(session_settings={name: "postgres"})


def test_features_are_words(flavour: Flavour) -> None:
    for feature in ("infinity", "naive_datetimes", "vector_format", "enable_pgvector", "no such"):
        for text in HOSTILE.values():
            with pytest.raises(ImproperConfigurationError):
                flavour.make_config(driver_features={feature: text})


@pytest.mark.parametrize("text", list(HOSTILE.values()), ids=list(HOSTILE))
def test_a_dsn(flavour: Flavour, text: str) -> None:
    from urllib.parse import quote

    for dsn in (text, f"postgresql://{text}", f"postgresql://localhost/{text}", f"host=localhost dbname={text}"):
        try:
            config = flavour.config_class({"dsn": dsn})
        except SQLSpecError as error:
            assert isinstance(error, ImproperConfigurationError)
            assert len(text) < 12 or text not in str(error)
            continue
        assert config.settings.options is None
        assert not config.settings.session_settings
    if text and text != " " and "\0" not in text and text.isprintable():
        whole = flavour.config_class({"dsn": f"postgresql://{quote(text, safe='')}@localhost/{quote(text, safe='')}"})
        assert (whole.settings.user, whole.settings.database) == (text, text)
