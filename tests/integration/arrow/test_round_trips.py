"""Random tables stored in a table of their own making and read back: the same on every adapter."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sqlspec.postgres.sql import quote_identifier
from tests.integration.arrow.meaning import meaning
from tests.integration.arrow.tables import comparable, tables
from tests.integration.harness import FLAVOURS

ADAPTERS = [name for name in FLAVOURS if name != "stub"]


def values(array: pa.ChunkedArray, *, from_json: bool) -> list[Any]:
    if from_json:
        return [None if text is None else json.loads(text) for text in array.to_pylist()]
    return [comparable(meaning(scalar), array.type) for scalar in array]


@pytest.fixture
def open_session(config: Any) -> Callable[[], Any]:
    """A new session for each example, so that a failure leaves nothing behind for the next one."""

    def opened() -> Any:
        return config.provide_session()

    return opened


@pytest.mark.only(*ADAPTERS)
@pytest.mark.asyncio(loop_scope="module")
@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(table=tables(), size=st.sampled_from([None, None, 1, 7]))
async def test_what_is_stored_is_read_back(open_session: Callable[[], Any], table: pa.Table, size: int | None) -> None:
    async with open_session() as session, session.transaction():
        job = await session.load_from_arrow("trip", table, create=True, batch_rows=size)
        assert job.rows == table.num_rows
        names = ", ".join(map(quote_identifier, table.column_names))
        read = (await session.select_to_arrow(f"select {names} from trip order by n", batch_size=size)).get_data()
        read.validate(full=True)
        assert read.column_names == table.column_names
        assert read.num_rows == table.num_rows
        for name in table.column_names:
            given, found = table.column(name), read.column(name)
            runs = pa.types.is_run_end_encoded(given.type)
            as_json = pa.types.is_nested(given.type) and pa.types.is_string(found.type) and not runs
            assert values(found, from_json=as_json) == values(given, from_json=False), (given.type, found.type)
        await session.execute("drop table trip")
