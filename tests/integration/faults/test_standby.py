"""Two servers, one that follows the other: which of them is connected to, and what comes after a promotion."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, suppress
from typing import Any, NamedTuple

import psycopg
import pytest

from sqlspec.exceptions import CommitUnknownError, DatabaseConnectionError, SQLSpecError
from sqlspec.testing._binaries import server_environment
from sqlspec.testing._cluster import HOST
from tests.integration.faults.conftest import ADAPTERS, Server, new_server, place_for_cluster, started, until
from tests.integration.harness import AsAsync, Flavour

pytestmark = pytest.mark.only(*ADAPTERS)

_SETTINGS: Mapping[str, str] = {"max_connections": "40", "wal_sender_timeout": "5s"}

NAME = "successor"


class Pair(NamedTuple):
    """A primary and the standby that follows it."""

    primary: Server
    standby: Server

    def keys(self, *, reverse: bool = False) -> dict[str, Any]:
        """Return the keys of a config for both, the primary first unless reversed."""
        servers = (self.standby, self.primary) if reverse else (self.primary, self.standby)
        return {"hosts": [HOST, HOST], "ports": [server.port for server in servers]}


@pytest.fixture(scope="module")
def primary() -> Iterator[Server]:
    with ExitStack() as cleanup:
        made = new_server(_SETTINGS, cleanup)
        with made.connect() as admin:
            admin.execute("create table entry (id bigint primary key, writer text not null)")
        yield made


def follow(primary: Server, cleanup: ExitStack, name: str = NAME) -> Server:
    """Return a new server that follows another, by this name, and has caught up with it."""
    cluster = place_for_cluster(cleanup)
    account = cluster.account
    done = subprocess.run(
        [
            *(cluster.programs / "pg_basebackup", "-D", cluster.data_dir, "-R", "-X", "stream", "-c", "fast"),
            *("--no-sync", "-d", f"host={HOST} port={primary.port} user=postgres"),
        ],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        env=server_environment(),
        cwd=cluster.scratch,
        user=account.uid,
        group=account.gid,
        extra_groups=account.groups,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    standby = started(cluster, {**_SETTINGS, "cluster_name": name}, cleanup)
    with primary.connect() as admin:
        streaming = "select 1 from pg_stat_replication where application_name = %s and state = 'streaming'"
        until(lambda: admin.execute(streaming, (name,)).fetchone())
    return standby


@pytest.fixture(scope="module")
def pair(primary: Server) -> Iterator[Pair]:
    """Two servers that no test stops."""
    with ExitStack() as cleanup:
        yield Pair(primary, follow(primary, cleanup, "other"))


def make_config(flavour: Flavour, **keys: Any) -> Any:
    given = {"user": "postgres", "database": "postgres", "connect_timeout": 20, **keys}
    config = flavour.config_class(given)
    flavour._made.append(config)
    return AsAsync(config) if flavour.is_sync else config


WANTED = {
    "any": None,
    "read-write": "primary",
    "primary": "primary",
    "read-only": "standby",
    "standby": "standby",
    "prefer-standby": "standby",
}


@pytest.mark.promise("standby: target_session_attrs chooses the server that is asked for, in any order of the hosts")
async def test_the_server_that_is_asked_for(flavour: Flavour, pair: Pair) -> None:
    for reverse in (False, True):
        for wanted, role in WANTED.items():
            keys = pair.keys(reverse=reverse)
            expected = keys["ports"][0] if role is None else getattr(pair, role).port
            config = make_config(flavour, **keys, target_session_attrs=wanted)
            async with config.provide_session() as session:
                assert await session.select_value("select inet_server_port()") == expected, wanted
            await config.close()


@pytest.mark.promise("standby: where no server is as asked for, connecting fails and says so")
async def test_no_server_is_as_asked_for(flavour: Flavour, pair: Pair) -> None:
    for wanted, server in (("read-write", pair.standby), ("primary", pair.standby), ("standby", pair.primary)):
        config = make_config(flavour, host=HOST, port=server.port, target_session_attrs=wanted)
        with pytest.raises(DatabaseConnectionError, match="cannot connect to "):
            await config.connect()
    config = make_config(flavour, host=HOST, port=pair.primary.port, target_session_attrs="prefer-standby")
    async with config.provide_session() as session:
        assert await session.select_value("select inet_server_port()") == pair.primary.port


@pytest.mark.promise("standby: a write on a standby is refused with a clear error, and the session goes on")
async def test_a_write_on_a_standby(flavour: Flavour, pair: Pair) -> None:
    config = make_config(flavour, **pair.keys(), target_session_attrs="standby")
    async with config.provide_session() as session:
        with pytest.raises(SQLSpecError, match="read-only transaction"):
            await session.execute("insert into entry values ($1, $2)", 0, flavour.name)
        assert await session.select_value("select count(*) from entry where id = $1", 0) == 0


@pytest.mark.promise("standby: after a promotion the pool finds the new primary, where every acknowledged write is")
async def test_a_promotion(flavour: Flavour, primary: Server) -> None:
    with ExitStack() as cleanup:
        standby = follow(primary, cleanup)
        config = make_config(
            flavour, **Pair(primary, standby).keys(), target_session_attrs="read-write", max_size=3, acquire_timeout=20
        )
        with primary.connect() as admin:
            admin.execute("truncate entry")
            admin.execute(f"alter system set synchronous_standby_names = '{NAME}'")
            admin.execute("select pg_reload_conf()")
            until(lambda: admin.execute("select 1 from pg_stat_replication where sync_state = 'sync'").fetchone())
        try:
            async with config.provide_session() as session, config.provide_session() as other:
                for number in range(20):
                    await (other if number % 2 else session).execute("insert into entry values ($1, 'before')", number)
            primary.stop("immediate")
            with standby.connect() as admin:
                admin.execute("select pg_promote(true)")
                admin.execute("alter system reset synchronous_standby_names")
                admin.execute("select pg_reload_conf()")
                until(lambda: admin.execute("show synchronous_standby_names").fetchone() == ("",))
            # What lay idle is dead; nobody gets to see it unless it was lent within the time it is trusted for.
            number, deadline = 20, time.monotonic() + 20
            while number < 30:
                try:
                    async with config.provide_session() as session:
                        await session.execute("insert into entry values ($1, 'after') on conflict do nothing", number)
                        number += 1
                except (DatabaseConnectionError, CommitUnknownError):
                    assert time.monotonic() < deadline, "the pool does not find the new primary"
            async with config.provide_session() as session:
                assert await session.select_value("select inet_server_port()") == standby.port
                found = await session.select("select id from entry order by id")
            assert [row["id"] for row in found] == list(range(30))
        finally:
            await config.close()
            primary.start()
            _follow_nobody(primary)


def _follow_nobody(primary: Server) -> None:
    """Let the primary acknowledge writes by itself again."""
    with suppress(psycopg.Error), primary.connect() as admin:
        admin.execute("alter system reset synchronous_standby_names")
        admin.execute("select pg_reload_conf()")
        until(lambda: admin.execute("show synchronous_standby_names").fetchone() == ("",))
