"""Every value of every type, through files of every format, back into a table."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet
import pytest

from tests.integration.arrow.test_reading import arrow_type, values_of
from tests.integration.harness import Flavour
from tests.integration.matrix.cases import TYPES, SqlType
from tests.integration.matrix.conftest import Server

# One flavour of each adapter: the other one is generated from the same source.
DRIVERS = ["asyncpg", "psycopg-sync", "psqlpy", "pyro-sync"]
FORMATS = ("csv", "jsonl", "parquet", "arrow")

NO_INPUT = {"pg_dependencies", "pg_mcv_list", "pg_ndistinct", "pg_node_tree"}
"""Types that the server itself takes no values for."""

UNKEPT = {
    ("json", "null", "jsonl"): "JSON null and NULL are one in JSON lines",
    ("jsonb", "null", "jsonl"): "JSON null and NULL are one in JSON lines",
    ("regclass", "-", ""): "the server casts text to regclass by looking for a table",
    ("regclass", "4294967295", ""): "the same",
}
"""Values that a file does not bring back: key of the type, the value's text, the format or empty for all."""


@pytest.fixture(scope="module")
def types(server: Server) -> Iterator[Server]:
    for kind in TYPES:
        if kind.key not in server.absent:
            if kind.extension:
                server.run(f"create extension if not exists {kind.extension} schema public")
            server.run(kind.setup)
    yield server
    for kind in TYPES:
        if kind.key not in server.absent:
            server.run(kind.drop)


KINDS = [kind for kind in TYPES if kind.has("stored") and kind.key not in NO_INPUT]


def refused(kind: SqlType, server: Server) -> set[int]:
    """Return the numbers of the values that Arrow has no place for; arrays go by their text."""
    if arrow_type(kind).startswith("list<"):
        return set()
    return {n for n, value in enumerate(values_of(kind, server)) if value.is_refused}


@pytest.mark.only(*DRIVERS)
@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("kind", KINDS, ids=[kind.key for kind in KINDS])
async def test_every_value_comes_back(
    flavour: Flavour, session: Any, types: Server, kind: SqlType, tmp_path: Path
) -> None:
    if kind.key in types.absent:
        return
    # One format of text and one of Arrow data; the next adapter takes the other two.
    formats = FORMATS[(KINDS.index(kind) + DRIVERS.index(flavour.name)) % 2 :: 2]
    rows = ", ".join(f"({n}, {kind.cast(value.sql)})" for n, value in enumerate(kind.values))
    types.run(f"create table given (n int, v {kind.name}); create table kept (n int, v {kind.name})")
    try:
        types.run(f"insert into given values (-1, null), {rows}")
        texts = dict(types.rows("select n, v::text from given"))
        for suffix in formats:
            is_arrow = suffix in ("parquet", "arrow")
            left = refused(kind, types) if is_arrow else set()
            left |= {n for n, text in texts.items() if UNKEPT.keys() & {(kind.key, text, s) for s in (suffix, "")}}
            chosen = f"n <> all ('{{{','.join(map(str, left))}}}')"
            path = tmp_path / f"kept.{suffix}"
            written = await session.select_to_storage(
                f"select n, v from given where {chosen} order by n", path, **{"nested": "text"} if is_arrow else {}
            )
            assert written.rows == len(texts) - len(left)
            assert written.bytes == path.stat().st_size
            assert (await session.load_from_storage("kept", path, overwrite=True)).rows == written.rows
            different = "row(g.v)::record operator(pg_catalog.*<>) row(k.v)::record"
            pairs = "given g full join kept k using (n)"
            assert types.rows(f"select g.v::text, k.v::text from {pairs} where {chosen} and {different}") == [], suffix
    finally:
        types.run("drop table given; drop table kept")


@pytest.mark.only("asyncpg")
@pytest.mark.asyncio(loop_scope="module")
async def test_what_arrow_has_no_type_for_is_marked_as_text(session: Any, types: Server, tmp_path: Path) -> None:
    path = tmp_path / "kept.parquet"
    await session.select_to_storage("select 'a' as t, interval '1 day' as i, '{1.5}'::numeric(3,1)[] as n", path)
    schema = pyarrow.parquet.read_schema(path)
    assert [str(field.type) for field in schema] == ["string", "string", "list<element: decimal128(3, 1)>"]
    assert schema.field("i").metadata[b"sqlspec"] == b"text"
    assert schema.field("t").metadata is None
