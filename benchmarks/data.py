"""The tables, the statements and the rows of the suite. Needs the standard library alone."""

from __future__ import annotations

import datetime
import json
import zlib
from typing import Any, NamedTuple

__all__ = (
    "BATCH",
    "COLUMNS",
    "QUERIES",
    "RESET",
    "SETUP",
    "TEARDOWN",
    "UPDATE_ONE",
    "Query",
    "batch",
    "batch_sql",
    "sample",
)

TEARDOWN = "drop table if exists bench_user, bench_json, bench_batch"
SETUP = f"""
{TEARDOWN};
create table bench_user (
    id int8 primary key, name text not null, score float8 not null, active bool not null, created timestamptz not null
);
insert into bench_user
select i, 'user ' || i, i / 7.0, i % 2 = 0, timestamptz '2013-01-01 00:00Z' + i * interval '1 second'
from generate_series(1, 100000) i;
create table bench_json (id int8 primary key, name text not null, data jsonb not null);
insert into bench_json
select i, 'user ' || i, jsonb_build_object('tags', jsonb_build_array('a', 'b', i), 'size', i, 'open', true)
from generate_series(1, 2000) i;
create table bench_batch (
    id int8 primary key, name text not null, score float8 not null, active bool not null, created timestamptz not null
);
analyze bench_user, bench_json;
"""


class Query(NamedTuple):
    """A query with one parameter.

    Attributes:
        text: With `{}` for the placeholder.
        names: Its columns.
        table: Which it reads; a library with a language of its own needs it.
    """

    text: str
    names: tuple[str, ...]
    table: str = "bench_user"

    def sql(self, placeholder: str) -> str:
        """Return the text with a placeholder in the style of a driver."""
        return self.text.format(placeholder)


def _query(names: str, condition: str, table: str = "bench_user") -> Query:
    return Query(f"select {names} from {table} where {condition} {{}}", tuple(names.split(", ")), table)


QUERIES = {
    "one": _query("id, name, score, active", "id ="),
    "many": _query("id, name, score, active", "id <="),
    "plain": _query("id, name, score", "id <="),
    "stamped": _query("id, name, score, created", "id <="),
    "json": _query("id, name, data", "id <=", "bench_json"),
}
UPDATE_ONE = "update bench_user set active = not active where id = {}"

BATCH = "bench_batch"
STATEMENTS = {
    "insert": "insert into bench_batch (id, name, score, active, created) values ({}, {}, {}, {}, {})",
    "update": "update bench_batch set name = {}, score = {} where id = {}",
    "upsert": "insert into bench_batch (id, name, score, active, created) values ({}, {}, {}, {}, {}) "
    "on conflict (id) do update set name = excluded.name, score = excluded.score",
}
COLUMNS = {
    "insert": ("id", "name", "score", "active", "created"),
    "update": ("name", "score", "id"),
    "upsert": ("id", "name", "score", "active", "created"),
}
"""What the placeholders stand for."""
_FILL = "insert into bench_batch select i, 'old', 0, false, '2000-01-01 00:00Z' from generate_series(0, {rows} - 1) i"
RESET = {
    "insert": ("truncate bench_batch",),
    "update": ("truncate bench_batch", _FILL),
    "upsert": ("truncate bench_batch", f"{_FILL} where i % 2 = 0"),
}
"""What has to run before each batch; `{rows}` is its length. Half of the rows of an upsert exist."""

_START = datetime.datetime(2013, 1, 1, tzinfo=datetime.UTC)


def batch(verb: str, rows: int) -> list[tuple[Any, ...]]:
    """Return rows for one of `STATEMENTS`, the same ones every time."""
    values = [(i, f"name {i}", i / 8, i % 3 == 0, _START + datetime.timedelta(seconds=i)) for i in range(rows)]
    return [(name, score, key) for key, name, score, *_ in values] if verb == "update" else values


def batch_sql(verb: str, placeholder: str) -> str:
    """Return one of `STATEMENTS`.

    Args:
        verb: Its key.
        placeholder: How the driver writes one: `${n}`, `%s`, or `:{name}`.
    """
    columns = enumerate(COLUMNS[verb], start=1)
    return STATEMENTS[verb].format(*(placeholder.format(n=number, name=name) for number, name in columns))


def sample(query: str, rows: Any) -> dict[str, Any]:
    """Return what tells a right result from a wrong one, as JSON has it: number of rows, the first, a sum over all."""
    names = QUERIES[query].names
    plain = [_plain(row, names) for row in rows]
    return {"rows": len(plain), "first": plain[0], "sum": zlib.crc32(json.dumps(plain).encode())}


def _plain(row: Any, names: tuple[str, ...]) -> list[Any]:
    """Return the values of a row, whatever it is: by name where it has names, else by position."""
    if hasattr(row, "keys"):
        values = [row[name] for name in names]
    elif isinstance(row, (tuple, list)):
        values = list(row)
    else:
        values = [getattr(row, name) for name in names]
    return json.loads(json.dumps(values, default=str))
