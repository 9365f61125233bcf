"""Names and settings of a private server."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

from sqlspec.exceptions import ImproperConfigurationError, OperationalError, ParameterError
from sqlspec.testing import EmbeddedPostgres
from tests.integration.security.hostile import NAMES

HOSTILE_SETTING = r"x'\'; drop table canary; --"


@pytest.fixture(scope="module")
def server() -> Iterator[EmbeddedPostgres]:
    with EmbeddedPostgres(databases=list(NAMES.values()), settings={"application_name": HOSTILE_SETTING}) as running:
        yield running


def test_databases_have_the_very_names_that_were_given(server: EmbeddedPostgres) -> None:
    server.database('copied"; drop database postgres; --', template=NAMES["both"])
    with psycopg.connect(server.dsn) as connection:
        found = {name for (name,) in connection.execute("select datname from pg_database").fetchall()}
        assert found >= {*NAMES.values(), 'copied"; drop database postgres; --'}
        assert connection.execute("show application_name").fetchone() == (HOSTILE_SETTING,)
    for name in NAMES.values():
        with psycopg.connect(server.dsn_for(name)) as connection:
            assert connection.execute("select current_database()").fetchone() == (name,)


def test_what_is_no_name_is_refused(server: EmbeddedPostgres) -> None:
    for name in ("x\0", "", "x\ud800"):
        with pytest.raises(ParameterError):
            server.database(name)
        with pytest.raises(ParameterError):
            server.database("fine", template=name)
    with pytest.raises(OperationalError, match="does not exist"):
        server.database("fine", template='none" owner "postgres')


@pytest.mark.parametrize("name", ["work_mem=1 -c fsync", "x y", "-c", "a;b", "listen_addresses", "PORT", ""])
def test_settings_that_are_none_are_refused(name: str) -> None:
    with pytest.raises(ImproperConfigurationError):
        EmbeddedPostgres(settings={name: "x"})


def test_other_versions_than_there_are() -> None:
    with pytest.raises(ImproperConfigurationError):
        EmbeddedPostgres(version="../18")  # type: ignore[arg-type]
