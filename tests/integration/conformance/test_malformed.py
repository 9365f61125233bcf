"""Malformed input to every public call: errors are ours, nothing is sent that is refused here, the session goes on."""

from __future__ import annotations

from dataclasses import fields
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sqlspec import SQLSpec
from sqlspec.exceptions import NotFoundError, ParameterError, SQLParsingError, SQLSpecError
from sqlspec.postgres.keys import PORTABLE_KEYS
from tests.integration.conformance.malformed import CALLS, FRAGMENTS, JUNK, METHODS, SCHEMA, STATEMENTS, VALUES, cases
from tests.integration.harness import AsAsync, Flavour

ADAPTERS = ("asyncpg", "psycopg", "psycopg-sync", "psqlpy", "pyro", "pyro-sync")
pytestmark = pytest.mark.only(*ADAPTERS)

MOST = None if settings().derandomize else settings().max_examples
"""How much is tried when new data is asked for."""

REFUSED = pytest.mark.promise("input: a malformed argument of any public call gives an error of sqlspec's own")
UNSENT = pytest.mark.promise("input: what is wrong with an argument is said before anything is sent")
GOES_ON = pytest.mark.promise("input: a session goes on after malformed input")


def share(flavour: Flavour, everything: Any) -> list[Any]:
    """Return every sixth: what is checked is code that all adapters share, so that they share the work."""
    return list(everything)[ADAPTERS.index(flavour.name) :: len(ADAPTERS)]


@pytest.fixture
def tables(flavour: Flavour, admin: psycopg.Connection[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the calls work on, and a directory for what they write."""
    monkeypatch.chdir(tmp_path)
    Path("rows.csv").write_text("n,s\n1,a\n")
    rows = f"insert into {flavour.schema}.t select n, 'x' from generate_series(1, 20) n"
    admin.execute(f"set search_path = {flavour.schema}; {SCHEMA}; reset search_path; {rows}".encode())


async def outcome(session: Any, config: Any, case: tuple[str, str, str]) -> BaseException | None:
    """Make a call with one malformed argument; return the error.

    Raises:
        AssertionError: The error is not ours, or the session is not as it was.
    """
    name, argument, junk = case
    call = CALLS[name]
    found: BaseException | None = None
    try:
        await call.run(session, config, **{**call.arguments, argument: JUNK[junk]()})
    except SQLSpecError as error:
        found = error
    except Exception as error:
        raise AssertionError(f"{name}, {argument}: {junk}") from error
    assert not session.in_transaction, case
    return found


@REFUSED
@UNSENT
@GOES_ON
async def test_malformed_arguments(flavour: Flavour, config: Any, tables: None, untouched: Any) -> None:
    refused = []
    async with config.provide_session() as session:
        for number, case in enumerate(share(flavour, cases())):
            error = await outcome(session, config, case)
            assert await session.select_value("select $1::int", number) == number, case
            if isinstance(error, ParameterError) and not CALLS[case[0]].sends:
                refused.append(case)
        assert len(refused) > 100
        async with untouched(session):
            for case in refused:
                assert isinstance(await outcome(session, config, case), ParameterError), case


# -- texts --------------------------------------------------------------------------------------------------

edits = st.lists(st.tuples(st.integers(0, 120), st.integers(0, 8), st.sampled_from(FRAGMENTS)), max_size=5)
one = st.sampled_from(VALUES)
values = st.one_of(one, st.lists(one, max_size=3), st.lists(st.lists(one, max_size=2), max_size=2))
parameters = st.one_of(
    st.lists(values, max_size=4).map(tuple),
    st.dictionaries(st.sampled_from(["a", "b", "sql", "timeout", ""]), values, max_size=3).map(lambda given: (given,)),
)


def edited(text: str, changes: list[tuple[int, int, str]]) -> str:
    """Return a statement with pieces taken out and put in."""
    for place, length, piece in changes:
        at = place % (len(text) + 1)
        text = text[:at] + piece + text[at + length :]
    return text


@pytest.fixture
async def usual(config: Any, tables: None) -> Any:
    """A session in a list: what is given to a test is looked at outside of its event loop."""
    async with config.provide_session() as session:
        yield [session]


@REFUSED
@GOES_ON
@settings(max_examples=MOST or 90, suppress_health_check=list(HealthCheck))
@given(data=st.data())
async def test_malformed_statements(usual: list[Any], data: st.DataObject) -> None:
    (session,) = usual
    for _ in range(2):
        text = edited(data.draw(st.sampled_from(STATEMENTS)), data.draw(edits))
        method = data.draw(st.sampled_from(list(METHODS)))
        try:
            await METHODS[method](session, text, data.draw(parameters))
        except SQLSpecError:
            pass
        assert not session.in_transaction
        number = data.draw(st.integers(0, 2**31 - 1))
        assert await session.select_value("select $1::int", number) == number


# -- configs ------------------------------------------------------------------------------------------------


@REFUSED
async def test_malformed_configs(flavour: Flavour, dsn: str) -> None:
    kind: Any = flavour.config_class
    own = sorted(kind.dialect.aliases.keys() | kind.dialect.native)
    config_keys = (*share(flavour, sorted(PORTABLE_KEYS)), *own[:: max(1, len(own) // 8)])
    made: list[tuple[str, partial[Any]]] = []
    for name, junk in JUNK.items():
        for key in config_keys:
            keys = {key: junk()} if key in ("dsn", "host", "hosts") else {"dsn": dsn, key: junk()}
            made.append((f"{key}: {name}", partial(kind, connection_config=keys)))
        made += [
            (f"{field.name}: {name}", partial(kind, driver_features={field.name: junk()}))
            for field in fields(kind.features_class)
        ]
        made += [
            (f"{argument}: {name}", partial(kind, **{argument: junk()}))
            for argument in ("connection_config", "driver_features", "observers")
        ]
    refused = [refuses(make, what) for what, make in made]
    assert sum(refused) > len(refused) * 0.8


def refuses(make: Any, what: str) -> bool:
    """Tell whether a call raises an error of ours.

    Raises:
        AssertionError: It raises another one.
    """
    try:
        repr(make())
    except SQLSpecError:
        return True
    except Exception as error:
        raise AssertionError(what) from error
    return False


@REFUSED
@pytest.mark.filterwarnings("ignore:password file:UserWarning")
async def test_configs_that_are_odd_but_no_mistake(flavour: Flavour, dsn: str) -> None:
    """What a driver may find wrong with it comes out as an error of ours too."""
    own = sorted(flavour.config_class.dialect.native)
    keys = [*sorted(PORTABLE_KEYS - {"dsn", "host", "hosts", "connect_timeout"}), *own]
    pairs = [(key, name) for key in keys for name in JUNK]
    for key, name in share(flavour, pairs):
        try:
            config = flavour.config_class(connection_config={"dsn": dsn, "connect_timeout": 5, key: JUNK[name]()})
        except SQLSpecError:
            continue
        config = AsAsync(config) if flavour.is_sync else config
        try:
            async with config.provide_session() as session:
                await session.select("select 1")
        except SQLSpecError:
            pass
        except Exception as error:
            raise AssertionError(f"{key}: {name}") from error
        finally:
            await config.close()


DSN = "postgresql://user:secret@localhost:5432/database?application_name=x&sslmode=prefer"


@REFUSED
@settings(max_examples=MOST or 60, suppress_health_check=list(HealthCheck))
@given(changes=edits)
def test_malformed_connection_strings(flavour: Flavour, changes: list[tuple[int, int, str]]) -> None:
    kind: Any = flavour.config_class
    for text in (DSN, "host=localhost port=5432 user='user' password=secret"):
        refuses(partial(kind, {"dsn": edited(text, changes)}), text)


# -- the registry -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["add_config", "provide_session", "add_named_sql", "load_sql_files", "get_sql"])
@pytest.mark.promise("input: a malformed argument of any public call gives an error of sqlspec's own")
def test_malformed_arguments_of_the_registry(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for what, junk in JUNK.items():
        call: Any = getattr(SQLSpec(), name)
        for arguments in ((junk(), "select 1"), ("name", junk())) if name == "add_named_sql" else ((junk(),),):
            refuses(partial(call, *arguments), f"{name}: {what}")
    with pytest.raises((NotFoundError, SQLParsingError, SQLSpecError)):
        SQLSpec().get_sql("none")
