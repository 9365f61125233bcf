"""Arguments that no call means, and the public calls to put them into."""

from __future__ import annotations

import asyncio
import collections
import datetime
import enum
import types
from collections.abc import Awaitable, Callable, Iterator, Mapping
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from sqlspec import SQL, StatementStack
from sqlspec.core import filters
from sqlspec.etl import copy_table
from sqlspec.storage import Csv
from tests.integration.harness import AsAsync

__all__ = ("ARROW", "CALLS", "JUNK", "SCHEMA", "Call", "cases")

SCHEMA = "create table t (n int primary key, s text); create table keep (n int); create table copied (like t)"
ARROW = pa.table({"n": pa.array([1, 2], pa.int32()), "s": ["a", "b"]})


OWN_CONFIG = object()
"""Stands for the config of the test."""


class Colour(enum.StrEnum):
    RED = "red"


class Unhashable:
    __hash__ = None  # type: ignore[assignment]

    def __eq__(self, other: object) -> bool:
        return NotImplemented


class Opaque:
    """Answers to no protocol."""

    __slots__ = ()


class FalseIterable:
    """Says that it can be iterated over and cannot."""

    def __iter__(self) -> Any:
        return 5


class FalseArrow:
    """Says that it is Arrow data and is not."""

    def __arrow_c_stream__(self, requested_schema: Any = None) -> object:
        return object()


def cyclic() -> list[Any]:
    made: list[Any] = []
    made.append(made)
    return made


def nested(depth: int = 5000) -> list[Any]:
    made: list[Any] = []
    for _ in range(depth):
        made = [made]
    return made


# Made anew for each call, because some are used up.
JUNK: dict[str, Callable[[], Any]] = {
    "None": lambda: None,
    "True": lambda: True,
    "0": lambda: 0,
    "-1": lambda: -1,
    "a large int": lambda: 2**70,
    "a huge int": lambda: 10**5000,
    "1.5": lambda: 1.5,
    "nan": lambda: float("nan"),
    "inf": lambda: float("inf"),
    "complex": lambda: 1j,
    "a Decimal NaN": lambda: Decimal("sNaN"),
    "an empty text": lambda: "",
    "a space": lambda: " ",
    "a word": lambda: "nope",
    "NUL": lambda: "a\0b",
    "a surrogate": lambda: "\ud800",
    "a quote": lambda: '"',
    "dots": lambda: "a.b.c.d.e",
    "a long text": lambda: "x" * 70_000,
    "braces": lambda: "{}{0}%s%(a)s$1:a?",
    "an enum": lambda: Colour.RED,
    "bytes": lambda: b"\xff",
    "a bytearray": lambda: bytearray(b"x"),
    "a memoryview": lambda: memoryview(b"xy")[::2],
    "an empty list": list,
    "a list of None": lambda: [None],
    "a list of lists": lambda: [[1], [2, 3]],
    "a cyclic list": cyclic,
    "a deep list": nested,
    "an empty tuple": tuple,
    "a tuple": lambda: (1, "x", None),
    "an empty dict": dict,
    "a dict": lambda: {"n": 1, 2: object()},
    "a dict of texts": lambda: {"n": "s", "s": "n"},
    "a set": lambda: {1, "x"},
    "a range": lambda: range(3),
    "an iterator": lambda: iter([1, "x"]),
    "a false iterable": FalseIterable,
    "a deque": lambda: collections.deque([1]),
    "an object": object,
    "an opaque object": Opaque,
    "an unhashable object": Unhashable,
    "false Arrow data": FalseArrow,
    "a class": lambda: int,
    "a generic class": lambda: list[int],
    "a function": lambda: print,
    "a function without name": lambda: lambda: None,
    "a module": lambda: types,
    "an exception": lambda: ValueError("x"),
    "Ellipsis": lambda: ...,
    "a date": lambda: datetime.date.max,
    "a moment": lambda: datetime.datetime.min,
    "a time difference": lambda: datetime.timedelta.max,
    "a path": lambda: Path("/nonexistent/nothing"),
    "an array": lambda: np.array([[1, 2]]),
    "a number of numpy": lambda: np.float32("nan"),
    "an Arrow table": lambda: ARROW,
    "an Arrow scalar": lambda: pa.scalar(1),
    "a statement": lambda: SQL("select $1::int", 1, 2),
    "a stack": lambda: StatementStack().push_execute("select 1"),
    "a filter": lambda: filters.LimitOffset(limit=1),
    "a namespace": lambda: types.SimpleNamespace(n=1),
    "a mapping proxy": lambda: types.MappingProxyType({"n": 1}),
}


class Call(NamedTuple):
    """A valid call of a session.

    Attributes:
        run: Takes session, config and the arguments.
        arguments: Valid ones, by name; each is replaced in turn.
        sends: It may send something before it can tell that an argument is wrong.
    """

    run: Callable[..., Awaitable[Any]]
    arguments: Mapping[str, Any]
    sends: bool = False


def method(name: str, /, *positional: str, **arguments: Any) -> Call:
    """Return a call of a method; `positional` names the arguments that go without a name."""

    async def run(session: Any, config: Any, /, **given: Any) -> Any:
        places = [given.pop(each) for each in positional]
        return await getattr(session, name)(*places, **given)

    return Call(run, arguments)


async def _scope(scope: Any) -> None:
    async with scope:
        pass


def scope(name: str, /, *positional: str, inside: bool = False, **arguments: Any) -> Call:
    """Return a call of a method that returns a scope."""

    async def run(session: Any, config: Any, /, **given: Any) -> None:
        places = [given.pop(each) for each in positional]
        if inside:
            async with session.transaction():
                await _scope(getattr(session, name)(*places, **given))
        else:
            await _scope(getattr(session, name)(*places, **given))

    return Call(run, arguments)


async def _stream(session: Any, config: Any, /, **given: Any) -> None:
    async with session.select_stream(given.pop("sql"), given.pop("param"), **given) as rows:
        async for _ in rows:
            pass


async def _reader(session: Any, config: Any, /, **given: Any) -> None:
    async with await session.select_to_arrow(given.pop("sql"), given.pop("param"), **given) as rows:
        async for _ in rows:
            pass


async def _csv(session: Any, config: Any, /, **given: Any) -> None:
    await session.load_from_storage("t", "rows.csv", Csv(**given), overwrite=True)


async def _in_transaction(session: Any, config: Any, /, **given: Any) -> None:
    function = given.pop("function")
    await session.run_in_transaction(function, **given)


async def _nothing(session: Any) -> None:
    await session.select("select 1")


async def _listen(session: Any, config: Any, /, **given: Any) -> None:
    await _scope(config.listen(given.pop("channel"), **given))


async def _with_settings(session: Any, config: Any, /, **given: Any) -> None:
    await _scope(session.with_settings(given["settings"]))


async def _one_setting(session: Any, config: Any, /, **given: Any) -> None:
    await _scope(session.with_settings(work_mem=given["value"]))


def filtered(build: Callable[..., Any], **arguments: Any) -> Call:
    """Return a call that runs a statement with filters."""

    async def run(session: Any, config: Any, /, **given: Any) -> Any:
        return await session.select(build(SQL("select n, s from t"), **given))

    return Call(run, arguments)


async def _copy(session: Any, config: Any, /, **given: Any) -> None:
    """Copy a table within one database."""
    plain = config._target if isinstance(config, AsAsync) else config
    configs = [plain if given[name] is OWN_CONFIG else given[name] for name in ("source_config", "target_config")]
    run: Any = partial(copy_table, *configs, given["query_or_table"], given["table"], **dict(list(given.items())[4:]))
    if plain is config:
        await run()
    else:
        await asyncio.to_thread(run)


COMMON = {"schema_type": None, "timeout": 5.0}
LOAD: dict[str, Any] = {
    "mode": "append", "overwrite": False, "truncate": True, "round": False, "key": None, "on_error": "abort",
    "max_rejected": 10, "progress": None, "batch_rows": None, "timeout": 5.0,
}  # fmt: skip

CALLS: dict[str, Call] = {
    "select": method("select", "sql", "param", sql="select $1::int as n", param=1, **COMMON),
    "select validated": method("select", "sql", sql="select 1", validate=True)._replace(sends=True),
    "select two": method("select", "sql", "a", "b", sql="select $1::int as n, $2::text as s", a=1, b="x"),
    "select named": method("select", "sql", "param", sql="select :a::int as n", param={"a": 1}),
    "select_one": method("select_one", "sql", "param", sql="select $1::text as s", param="x", **COMMON),
    "select_one_or_none": method("select_one_or_none", "sql", sql="select 1", **COMMON),
    "select_value": method("select_value", "sql", sql="select 1", timeout=5.0),
    "select_value_or_none": method("select_value_or_none", "sql", sql="select 1", timeout=5.0),
    "select_with_total": method("select_with_total", "sql", sql=SQL("select n from t").paginate(), **COMMON),
    "execute": method("execute", "sql", "param", sql="update t set s = $1 where n = 7", param="x", **COMMON),
    "execute_many": method(
        "execute_many", "sql", "rows", sql="insert into keep values ($1)", rows=[(1,), (2,)], timeout=5.0
    )._replace(sends=True),
    "execute_many by name": method(
        "execute_many", "sql", "rows", sql="insert into keep values (:n)", rows=[{"n": 1}], timeout=5.0
    )._replace(sends=True),
    "execute_script": method("execute_script", "text", text="select 1; select 2", timeout=5.0),
    "execute_stack": method("execute_stack", "stack", stack=["select 1", ("select $1::int", (1,))], timeout=5.0),
    "notify": method("notify", "channel", "payload", channel="c", payload="p"),
    "select_stream": Call(_stream, {"sql": "select n from t where n > $1", "param": 0, "chunk_size": 10, **COMMON}),
    "transaction": scope("transaction", isolation="serializable", readonly=True, deferrable=True),
    "begin": Call(lambda session, config, /, **given: _begun(session, given), {"isolation": None, "readonly": False}),
    "savepoint": scope("savepoint", "name", inside=True, name="s")._replace(sends=True),
    "run_in_transaction": Call(_in_transaction, {"function": _nothing, "retries": 0}, True),
    "with_settings": Call(_with_settings, {"settings": {"work_mem": "5MB"}}, True),
    "with a setting": Call(_one_setting, {"value": "5MB"}, True),
    "select_to_arrow": method(
        "select_to_arrow",
        "sql",
        "param",
        sql="select n, s from t where n > $1",
        param=0,
        return_format="table",
        batch_size=10,
        numeric="declared",
        infinity="error",
        nan="error",
        nested="error",
        timeout=5.0,
    ),
    "select_to_arrow, reader": Call(
        _reader, {"sql": "select n, s from t where n > $1", "param": 0, "return_format": "reader", "batch_size": 10}
    ),
    "load_from_arrow": method(
        "load_from_arrow",
        "table",
        "source",
        table="keep",
        source=ARROW.select(["n"]),
        create=False,
        columns=None,
        **LOAD,
    )._replace(sends=True),
    "load_from_records": method(
        "load_from_records", "table", "records", table="keep", records=[{"n": 1}], columns=None, **LOAD
    )._replace(sends=True),
    "load_from_storage": method(
        "load_from_storage",
        "table",
        "path",
        table="t",
        path="rows.csv",
        file_format="csv",
        filesystem=None,
        storage_options=None,
        partitioning="hive",
        create=False,
        columns=None,
        **{**LOAD, "overwrite": True},
    )._replace(sends=True),
    "select_to_storage": method(
        "select_to_storage",
        "sql",
        "path",
        "param",
        sql="select n, s from t where n > $1",
        path="out.csv",
        param=0,
        file_format="csv",
        filesystem=None,
        storage_options=None,
        overwrite=True,
        partition_by=None,
        batch_size=10,
        numeric="declared",
        infinity="error",
        nan="error",
        nested="error",
        progress=None,
        timeout=5.0,
    )._replace(sends=True),
    "a CSV format": Call(_csv, {"delimiter": ";", "null": "", "header": True, "encoding": "utf-8"}, True),
    "copy_table": Call(
        _copy,
        {
            "source_config": OWN_CONFIG,
            "target_config": OWN_CONFIG,
            "query_or_table": "t",
            "table": "copied",
            **{name: LOAD[name] for name in ("mode", "round", "key", "on_error", "max_rejected", "progress")},
            "overwrite": True,
            "create": False,
            "columns": None,
            "partitions": 1,
            "partition_by": None,
            "verify": "count",
        },
        True,
    ),
    "where": filtered(lambda sql, **given: sql.where(*given.values()), condition="n = $1", param=1),
    "where equals": filtered(lambda sql, value: sql.where(n=value), value=1),
    "order_by": filtered(
        lambda sql, column, **given: sql.order_by(column, **given), column="n", desc=True, nulls="last"
    ),
    "limit": filtered(lambda sql, count: sql.limit(count), count=1),
    "offset": filtered(lambda sql, count: sql.offset(count), count=1),
    "paginate": filtered(lambda sql, **given: sql.paginate(**given), page=1, page_size=5),
    "filter": filtered(lambda sql, each: sql.filter(each), each=filters.Count()),
    "in collection": filtered(
        lambda sql, **given: sql.filter(filters.InCollection(**given)), column="n", values=[1], negate=False
    ),
    "before after": filtered(
        lambda sql, **given: sql.filter(filters.BeforeAfter(**given)), column="n", before=1, after=0, inclusive=True
    ),
    "search": filtered(
        lambda sql, **given: sql.filter(filters.Search(**given)), columns=("s",), text="x", ignore_case=True
    ),
    "listen": Call(_listen, {"channel": "c", "on_gap": None}, True),
    **{
        f"a parameter of type {name}": method("select", "sql", "param", sql=f"select $1::{name}", param=None)._replace(
            sends=True  # asks for the parameter's type
        )
        for name in (
            "bool int2 int4 int8 oid float4 float8 numeric money text varchar(3) char bytea date time timetz timestamp "
            "timestamptz interval uuid json jsonb inet cidr macaddr bit(3) varbit point box polygon int4range "
            "tstzrange int4multirange int4[] text[] numeric[] jsonb[] xid8 pg_lsn tsvector jsonpath regclass record"
        ).split()
    },
}


async def _begun(session: Any, given: dict[str, Any]) -> None:
    await session.begin(**given)
    await session.rollback()


# What the caller's own objects raise comes out as it is: they are no malformed arguments.
OWN = {
    **{argument: {"a false iterable"} for argument in ("rows", "records", "source")},
    **{
        argument: {"a class", "a generic class", "a function", "a function without name"}
        for argument in ("progress", "function", "on_gap")
    },
}


def cases() -> Iterator[tuple[str, str, str]]:
    """Yield every call with each of its arguments replaced by each piece of junk, by their names.

    Of calls that take long it is every second or fourth piece, others for each argument.
    """
    for name, call in CALLS.items():
        step = 4 if name == "copy_table" else 2 if name.startswith("load_from") or name == "listen" else 1
        for number, argument in enumerate(call.arguments):
            for junk in list(JUNK)[number % step :: step]:
                if junk not in OWN.get(argument, ()):
                    yield name, argument, junk


# -- texts --------------------------------------------------------------------------------------------------

STATEMENTS = (
    "select n, s from t where n > $1 and s = $2 order by n",
    "select n, s from t where n > :a and s = :b",
    "select * from t where s like %s limit 3",
    "select n from t where s = %(a)s",
    "select n from t where n = ? /* one ? */ -- two ?",
    "select $1::int4[] as a, '{\"k\": \":v\"}'::jsonb -> 'k' as b, $$ $1 $$ as c",
    "select 'a''b', E'\\'', U&'\\0041', \"n\", 1_000 from t",
    "select 1; select 2; insert into keep values (3)",
    "insert into keep (n) values ($1) returning n",
    "update t set s = $1 where n = 7",
    "delete from keep where n = any($1)",
    "with w as (insert into keep values (1) returning n) select * from w",
    "merge into keep using t on keep.n = t.n when not matched then insert values (t.n)",
    "values (1, 'x'), (2, null)",
    "explain (costs off) select * from t",
    "show work_mem",
    "set local work_mem = '5MB'",
    "create temp table gone (n int) on commit drop",
    "do $do$ begin perform 1; end $do$",
    "declare c cursor for select 1",
    "prepare p as select $1::int",
    "copy t to stdout",
    "copy keep from stdin",
    "begin; insert into keep values (1); commit",
    "savepoint s",
    "vacuum keep",
    "notify c, 'p'",
    "table t",
    "call nothing($1)",
    "",
)
FRAGMENTS = (
    *"'\";:,()[]{}?%$\\@#&|=<>~.0a \n\t",
    *"$1 $2 $0 $99999 $$ $a$ :a :: := %s %(a)s %% -- /* */ E' U&' B'1' \"\" 1e999 0x_ select from where into".split(),
    *"begin commit rollback returning limit null default copy values array row cast as".split(),
    "\0", "\ud800", "\ufeff", "\u2028", "é", "😀", "x" * 100, "$1::int", "; select 1", "/* $1 */", "set role none",
)  # fmt: skip
VALUES: tuple[Any, ...] = (
    None, True, 0, 7, -1, 2**31, 2**63, 10**30, 0.5, float("nan"), "", "x", "a\0b", "\ud800", b"", b"\xff",
    Decimal("1.5"), datetime.date.max, datetime.datetime.min, datetime.timedelta(1),
    object, Opaque(), {}, {"a": 1}, (), ..., 1j,
)  # fmt: skip


async def _to_the_end(scope: Any) -> None:
    async with scope as rows:
        async for _ in rows:
            pass


METHODS: dict[str, Callable[[Any, str, tuple[Any, ...]], Awaitable[Any]]] = {
    "select": lambda session, text, given: session.select(text, *given),
    "select_value": lambda session, text, given: session.select_value(text, *given),
    "execute": lambda session, text, given: session.execute(text, *given),
    "execute_many": lambda session, text, given: session.execute_many(text, [given, given]),
    "execute_script": lambda session, text, given: session.execute_script(text),
    "execute_stack": lambda session, text, given: session.execute_stack(["select 1", (text, *given)]),
    "select_stream": lambda session, text, given: _to_the_end(session.select_stream(text, *given)),
    "select_to_arrow": lambda session, text, given: session.select_to_arrow(text, *given),
    "a filter": lambda session, text, given: session.select(SQL("select n, s from t").where(text, *given)),
    "an SQL object": lambda session, text, given: session.select(SQL(text, *given).limit(2)),
    "load_from_records": lambda session, text, given: session.load_from_records(text, given),
}
