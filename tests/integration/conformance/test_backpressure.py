"""The server takes no more rows: who sends them waits for it and holds few, no longer than there is a connection."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import psycopg
import pyarrow as pa
import pytest

from sqlspec.exceptions import DatabaseConnectionError
from tests.integration.backends import until_waiting
from tests.integration.harness import FLAVOURS, Flavour, needs

pytestmark = pytest.mark.only(*(name for name in FLAVOURS if name != "stub"))

LARGE = "x" * 20_000_000  # more than the buffers of both ends hold
MOST = 20
TABLE = """
create table t (n int, text text);
create function waits() returns trigger language plpgsql as $$
begin
  if new.n = 1 then perform pg_sleep(600); end if;
  return new;
end $$;
create trigger waits before insert on t for each row execute function waits();
"""


class Source:
    """Rows that tell how many were taken."""

    def __init__(self) -> None:
        self.taken = 0

    def rows(self) -> Iterator[tuple[int, str]]:
        while self.taken < MOST:
            self.taken += 1
            yield self.taken, LARGE if self.taken > 1 else "small"

    def batches(self) -> Iterator[pa.RecordBatch]:
        for number, text in self.rows():
            yield pa.RecordBatch.from_pydict({"n": pa.array([number], pa.int32()), "text": [text]})

    async def until_nobody_takes(self, call: asyncio.Future[Any]) -> None:
        """Wait until no more rows are taken for a while. Should that be too short, less is tested."""
        before = -1
        while self.taken != before:
            before = self.taken
            await asyncio.wait((call,), timeout=0.2)
            assert not call.done(), await call


def loads(session: Any, source: Source) -> Any:
    schema = pa.schema({"n": pa.int32(), "text": pa.string()})
    return session.load_from_arrow("t", pa.RecordBatchReader.from_batches(schema, source.batches()))


def inserts(session: Any, source: Source) -> Any:
    return session.execute_many("insert into t values ($1, $2)", source.rows())


@needs("concurrent_calls")
@pytest.mark.parametrize("send", [loads, inserts])
async def test_a_connection_lost_while_the_server_takes_nothing(
    flavour: Flavour, admin: psycopg.Connection[Any], send: Any
) -> None:
    config, source = flavour.make_config(max_size=1), Source()
    async with config.provide_session() as session:
        await session.execute_script(TABLE)
        pid = await session.select_value("select pg_backend_pid()")
        call = asyncio.ensure_future(send(session, source))
        await until_waiting(admin, pid, call=call)
        await source.until_nobody_takes(call)
        admin.execute("select pg_terminate_backend(%s, 5000)", [pid])
        async with asyncio.timeout(10):
            with pytest.raises(DatabaseConnectionError):
                await call
        assert source.taken <= 5, "no more is held than what may be on its way"
        assert not session.in_transaction
    async with config.provide_session() as session:
        assert await session.select_value("select count(*) from t") == 0
