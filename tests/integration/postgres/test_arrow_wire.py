"""The compiled Arrow module and the server understand one another: binary COPY in both directions."""

from __future__ import annotations

import os
from collections.abc import Iterator
from random import Random
from typing import Any

import psycopg
import pyarrow as pa
import pytest

from sqlspec.postgres.arrow._wire import Decoder, Encoder, WireError, encode_array
from sqlspec.postgres.arrow.wire import Kind, WireType
from tools.fuzz_arrow_wire import Column, random_values, scalar_columns

Connection = psycopg.Connection[tuple[Any, ...]]

INT = WireType(Kind.INT4, 23)
TEXT = WireType(Kind.BYTES, 25)
NUMERIC_TEXT = WireType(Kind.NUMERIC_TEXT, 1700)

SQL_TYPES = {
    16: "bool", 21: "int2", 23: "int4", 26: "oid", 700: "float4", 20: "int8", 5069: "xid8", 701: "float8", 1082: "date",
    1083: "time", 1114: "timestamp", 1184: "timestamptz", 1186: "interval", 2950: "uuid", 25: "text", 17: "bytea",
    1700: "numeric",
}  # fmt: skip


@pytest.fixture
def connection(request: pytest.FixtureRequest) -> Iterator[Connection]:
    dsn = os.environ.get("SQLSPEC_TEST_DSN") or request.getfixturevalue("sqlspec_postgres")
    with psycopg.connect(dsn, autocommit=True) as opened:
        yield opened


def read(
    connection: Connection, query: str, schema: pa.Schema, types: list[WireType], **policies: int
) -> pa.RecordBatch:
    """Decode a query's result from COPY and from `record_send`, which must agree."""
    decoder, again = Decoder(schema, types, **policies), Decoder(schema, types, **policies)
    cursor = connection.cursor()
    with cursor.copy(f"copy ({query}) to stdout (format binary)".encode()) as copy:
        for data in copy:
            decoder.feed(data)
    batch = decoder.batch()
    decoder.finish()
    batch.validate(full=True)
    cursor = connection.cursor(binary=True)
    again.feed_records([row[0] for row in cursor.execute(f"select record_send(q) from ({query}) q".encode())])
    assert again.batch().equals(batch)
    return batch


def read_one(connection: Connection, expression: str, type_: pa.DataType, wire: WireType, **policies: int) -> Any:
    return read(connection, f"select {expression}", pa.schema({"c": type_}), [wire], **policies).column(0)[0].as_py()


def list_of(part: Column) -> Column:
    wire = WireType(Kind.LIST, children=(part.wire,))
    return Column(pa.list_(part.type), wire, lambda rng: random_values(rng, part, rng.randint(0, 4)))


def write(connection: Connection, batch: pa.RecordBatch, sql_types: list[str], types: list[WireType]) -> None:
    columns = ", ".join(f"c{i} {sql_type}" for i, sql_type in enumerate(sql_types))
    connection.execute(f"drop table if exists pg_temp.wire; create temp table wire ({columns})".encode())
    with connection.cursor().copy("copy pg_temp.wire from stdin (format binary)") as copy:
        copy.write(Encoder(types).encode(batch, Encoder.header()) + Encoder.trailer())


@pytest.mark.parametrize("seed", range(5))
def test_values_come_back(connection: Connection, seed: int) -> None:
    rng = Random(seed)
    columns = [column for column in scalar_columns(rng) if column.wire.oid in SQL_TYPES]
    lists = [list_of(column) for column in columns]
    names = [SQL_TYPES[column.wire.oid] for column in columns]
    names += [f"{name}[]" for name in names]
    columns += lists
    types = [column.wire for column in columns]
    arrays = [pa.array(random_values(rng, column, 50), column.type) for column in columns]
    batch = pa.RecordBatch.from_arrays(arrays, names=[f"c{i}" for i in range(len(arrays))])
    write(connection, batch, names, types)
    assert read(connection, "select * from pg_temp.wire", batch.schema, types).equals(batch)
    for i, (name, wire, array) in enumerate(zip(names, types, arrays, strict=True)):
        if wire.kind != Kind.LIST:
            query = f"select $1::{name}[] is not distinct from (select array_agg(c{i}) from pg_temp.wire)"
            data = encode_array(wire, array)
            answer = connection.pgconn.exec_params(query.encode(), [data], param_formats=[1])
            assert answer.get_value(0, 0) == b"t", (name, answer.error_message)


def test_composites_domains_and_jsonb(connection: Connection) -> None:
    connection.execute(
        "create type pg_temp.pair as (a int, b text);"
        "create domain pg_temp.small as int check (value < 10);"
        "create domain pg_temp.numbers as int[];"
        "create type pg_temp.mood as enum ('sad', 'glad');"
        "create type pg_temp.deep as (ps pg_temp.pair[], d pg_temp.small, m pg_temp.mood)"
    )

    def oid(name: str) -> int:
        row = connection.execute("select %s::regtype::oid", [name]).fetchone()
        assert row is not None
        return int(row[0])

    pair = WireType(Kind.STRUCT, oid("pair"), children=(INT, TEXT))
    pairs = WireType(Kind.LIST, oid("pair[]"), children=(pair,))
    mood = TEXT._replace(oid=oid("mood"))
    deep = WireType(Kind.STRUCT, oid("deep"), children=(pairs, INT, mood))
    pair_type = pa.struct({"a": pa.int32(), "b": pa.string()})
    deep_type = pa.struct({"ps": pa.list_(pair_type), "d": pa.int32(), "m": pa.string()})
    ints = WireType(Kind.LIST, 1007, children=(INT,))
    columns = {
        "pg_temp.deep": (deep_type, deep, [{"ps": [{"a": 1, "b": None}, None], "d": 3, "m": "glad"}, None]),
        "pg_temp.small[]": (pa.list_(pa.int32()), WireType(Kind.LIST, children=(INT,)), [[1, None], []]),
        "pg_temp.mood[]": (pa.list_(pa.string()), WireType(Kind.LIST, children=(mood,)), [["sad"], None]),
        # An array of a domain over arrays: the only arrays in arrays that there are.
        "pg_temp.numbers[]": (
            pa.list_(pa.list_(pa.int32())),
            WireType(Kind.LIST, children=(ints,)),
            [[[1, 2], [], None], []],
        ),
        "jsonb": (pa.string(), WireType(Kind.JSONB, 3802), ['{"a": 1}', None]),
        "jsonb[]": (pa.list_(pa.string()), WireType(Kind.LIST, children=(WireType(Kind.JSONB, 3802),)), [["1"], None]),
    }
    arrays = [pa.array(values, type_) for type_, _, values in columns.values()]
    batch = pa.RecordBatch.from_arrays(arrays, names=[f"c{i}" for i in range(len(arrays))])
    types = [wire for _, wire, _ in columns.values()]
    write(connection, batch, list(columns), types)
    assert read(connection, "select * from pg_temp.wire", batch.schema, types).equals(batch)


def test_an_array_may_begin_at_any_index(connection: Connection) -> None:
    wire = WireType(Kind.LIST, children=(WireType(Kind.INT2, 21),))
    for expression in ("'1 2'::int2vector", "'[5:6]={1,2}'::int2[]"):
        assert read_one(connection, expression, pa.list_(pa.int16()), wire) == [1, 2]
    with pytest.raises(WireError, match="array of 2 dimensions"):
        read_one(connection, "'{{1,2}}'::int2[]", pa.list_(pa.int16()), wire)


@pytest.mark.parametrize(
    "number",
    ["0", "0.00", "-1.5", "1e40", "1e-40", "10000", "10000.0001", "0.00010000", "123456789.987654321", "1e131071",
     "1e-16383", "99999999", "-0.1", "NaN", "-Infinity", "Infinity"],
)  # fmt: skip
def test_numerics_as_the_server_writes_them(connection: Connection, number: str) -> None:
    row = connection.execute("select %s::numeric::text", [number]).fetchone()
    assert row == (read_one(connection, f"'{number}'::numeric", pa.string(), NUMERIC_TEXT),)


def test_random_numerics_as_the_server_writes_them(connection: Connection) -> None:
    connection.execute("select setseed(0.5)")
    connection.execute(
        "create temp table numbers as select round((random() * 10 ^ (random() * 30))::numeric "
        "* (10::numeric ^ (random() * 20 - 20)::int), (random() * 30)::int) * sign(random() - 0.3)::int as n "
        "from generate_series(1, 5000)"
    )
    schema = pa.schema({"n": pa.string(), "t": pa.string()})
    batch = read(connection, "select n, n::text from pg_temp.numbers", schema, [NUMERIC_TEXT, TEXT])
    assert batch.column(0).equals(batch.column(1))
    exact = pa.decimal256(76, 30)
    wire = WireType(Kind.NUMERIC, 1700, 32, 76, 30)
    schema = pa.schema({"n": exact, "t": pa.string()})
    batch = read(connection, "select n, round(n, 30)::text from pg_temp.numbers", schema, [wire, TEXT])
    assert batch.column(0).equals(batch.column(1).cast(exact))


@pytest.mark.parametrize(
    ("expression", "type_", "kind"),
    [
        ("'infinity'::date", pa.date32(), Kind.DATE),
        ("'-infinity'::timestamptz", pa.timestamp("us"), Kind.TIMESTAMP),
        ("'infinity'::interval", pa.month_day_nano_interval(), Kind.INTERVAL),
        ("'-infinity'::interval", pa.month_day_nano_interval(), Kind.INTERVAL),
    ],
)
def test_infinity(connection: Connection, expression: str, type_: pa.DataType, kind: Kind) -> None:
    assert read_one(connection, expression, type_, WireType(kind), infinity=1) is None
    with connection.cursor().copy(f"copy (select {expression}) to stdout (format binary)".encode()) as copy:
        data = b"".join(bytes(piece) for piece in copy)
    with pytest.raises(WireError, match="infinity has no place"):
        Decoder(pa.schema({"c": type_}), [WireType(kind)]).feed(data)


@pytest.mark.parametrize("days", [-2451545 + 10957, 0, 2145031948 + 10957])
def test_the_first_and_last_day_are_the_servers(connection: Connection, days: int) -> None:
    array = pa.array([days], pa.int32()).view(pa.date32())
    wire = WireType(Kind.DATE, 1082)
    write(connection, pa.record_batch([array], names=["c0"]), ["date"], [wire])
    assert read(connection, "table pg_temp.wire", pa.schema({"c0": pa.date32()}), [wire]).column(0).equals(array)


def test_the_first_moment_is_the_servers(connection: Connection) -> None:
    array = pa.array([-210866803200000000, (1 << 63) - 1], pa.timestamp("us"))
    wire = WireType(Kind.TIMESTAMP, 1114)
    write(connection, pa.record_batch([array], names=["c0"]), ["timestamp"], [wire])
    schema = pa.schema({"c0": pa.timestamp("us")})
    assert read(connection, "table pg_temp.wire", schema, [wire]).column(0).equals(array)
