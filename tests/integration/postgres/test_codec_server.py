"""The server agrees with the codecs: it reads our bytes as the intended value, and we read its bytes.

The bytes travel through libpq untouched, in binary format both ways.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sqlspec.exceptions import DataError
from sqlspec.postgres.catalog import MONEY_SCALE_QUERY, parse_type_rows, type_query
from sqlspec.postgres.codec import Codec, CodecOptions, CodecRegistry, MissingTypesError
from sqlspec.values import Interval, Json, Range, SparseVector
from tests.unit.postgres.codec_cases import CASES, same

SCHEMA = """
set timezone = 'UTC';
set lc_monetary = 'C';
create type pg_temp.mood as enum ('sad', 'so "so"', 'häppy');
create domain pg_temp.posint as int4 check (value > 0);
create domain pg_temp.moods as pg_temp.mood[];
create type pg_temp.pair as (a int4, "B c" text);
create type pg_temp.nested as (p pg_temp.pair, ps pg_temp.pair[], m pg_temp.mood, d pg_temp.posint);
create type pg_temp.frange as range (subtype = float8, multirange_type_name = pg_temp.fmultirange);
create type pg_temp.searching as (v tsvector, n int4);
create type pg_temp.owned as (c regclass, n int4);
"""


class Server:
    """Sends parameters and reads results in binary format."""

    def __init__(self, connection: psycopg.Connection[Any], registry: CodecRegistry) -> None:
        self.connection = connection
        self.registry = registry

    def run(self, sql: str, oids: Sequence[int] = (), wire: Sequence[bytes | None] = ()) -> Any:
        result = self.connection.pgconn.exec_params(
            sql.encode(), list(wire), list(oids), [1] * len(wire), result_format=1
        )
        assert result.status == psycopg.pq.ExecStatus.TUPLES_OK, result.error_message.decode()
        return result

    def select(self, sql: str, *args: Any, types: Sequence[str] = ()) -> list[tuple[Any, ...]]:
        """Run with our encoders, read with our decoders; learns types as an adapter does."""
        oids = tuple(self.oid(name) for name in types)
        self.learn(oids)
        result = self.run(sql, oids, self.registry.encoder(oids)(args))
        columns = tuple(result.ftype(n) for n in range(result.nfields))
        names = tuple(result.fname(n).decode() for n in range(result.nfields))
        self.learn(columns)
        decode = self.registry.decoder(columns, names)
        return decode([[result.get_value(row, n) for n in range(result.nfields)] for row in range(result.ntuples)])

    def value(self, sql: str, *args: Any, types: Sequence[str] = ()) -> Any:
        ((value,),) = self.select(sql, *args, types=types)
        return value

    def oid(self, name: str) -> int:
        row = self.connection.execute("select to_regtype(%s)::oid", [name]).fetchone()
        assert row is not None
        assert row[0] is not None, name
        return int(row[0])

    def learn(self, oids: Sequence[int]) -> None:
        missing = self.registry.missing(oids)
        if missing:
            self.registry.learn(parse_type_rows(self.connection.execute(type_query(missing).encode()).fetchall()))
        assert not self.registry.missing(oids)

    def codec(self, name: str) -> Codec:
        oid = self.oid(name)
        self.learn((oid,))
        codec = self.registry.get(oid)
        assert codec is not None
        return codec


@pytest.fixture(scope="module")
def server(sqlspec_postgres: str) -> Iterator[Server]:
    with psycopg.connect(sqlspec_postgres, autocommit=True) as connection:
        for statement in SCHEMA.strip().split(";\n"):
            connection.execute(statement.encode())
        yield Server(connection, CodecRegistry())


def sql_name(name: str) -> str:
    # A bare bit means bit(1) and a bare char(n) char(1): the quoted names have no length.
    return f'"{name}"' if name in {"bit", "bpchar"} else name


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [(name, value, text) for name, case in CASES.items() for value, text in case.edges],
)
def test_server_prints_what_was_meant(server: Server, name: str, value: Any, text: str) -> None:
    codec = server.registry.get(CASES[name].oid)
    assert codec is not None
    result = server.run(f"select ($1::{sql_name(name)})::text", [codec.oid], [codec.encode(value)])
    assert result.get_value(0, 0).decode() == text


@pytest.mark.parametrize("name", CASES)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(data=st.data())
def test_server_sends_back_what_it_was_sent(server: Server, name: str, data: st.DataObject) -> None:
    case = CASES[name]
    values = [data.draw(case.values) for _ in range(4)]
    if name == "line":  # the server refuses a line without direction
        values = [value for value in values if not (abs(value[0]) < 1e-5 and abs(value[1]) < 1e-5)]
    if name == "circle":
        values = [(center, abs(radius)) for center, radius in values]
    if name == "box":
        values = [box for box in values if all(a >= b for a, b in zip(*box, strict=True))]
    if name == "jsonb":
        values = [sorted_keys(value) for value in values]
    if not values:
        return
    codec = server.registry.get(case.oid)
    assert codec is not None
    wire = [codec.encode(value) for value in values]
    columns = ", ".join(f"${n}::{sql_name(name)}" for n in range(1, len(wire) + 1))
    result = server.run(f"select {columns}", [codec.oid] * len(wire), wire)
    for n, value in enumerate(values):
        answer = result.get_value(0, n)
        if name != "jsonb":  # its text has spaces of the server's own
            assert answer == wire[n]
        assert same(codec.unpack(answer), value)


def sorted_keys(value: Any) -> Any:
    """Put keys in the order of jsonb: shorter ones first."""
    if isinstance(value, list):
        return [sorted_keys(item) for item in value]
    if isinstance(value, dict):
        order = sorted(value, key=lambda key: (len(key.encode()), key.encode()))
        return {key: sorted_keys(value[key]) for key in order}
    return value


@pytest.mark.parametrize("name", [name for name in CASES if name != "xml"])
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=20)
@given(data=st.data())
def test_arrays_of_every_type(server: Server, name: str, data: st.DataObject) -> None:
    if name in {"line", "circle", "box", "jsonb", "json"}:
        values: list[Any] = [value for value, _ in CASES[name].edges]
        values = [Json(value) for value in values] if name.startswith("json") else values
    else:
        values = data.draw(st.lists(st.none() | CASES[name].values, min_size=1, max_size=4))
    array_name = f"{sql_name(name)}[]"
    codec = server.codec(array_name)
    plain = [value.value if isinstance(value, Json) else value for value in values]
    wire = codec.encode(values)
    answer = server.run(f"select $1::{array_name}", [codec.oid], [wire]).get_value(0, 0)
    assert same(codec.unpack(answer), plain)
    nested = codec.encode([values, values]) if not name.startswith("json") else codec.encode([])
    answer = server.run(f"select $1::{array_name}", [codec.oid], [nested]).get_value(0, 0)
    assert same(codec.unpack(answer), [plain, plain] if not name.startswith("json") else [])


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(number=st.decimals(allow_nan=False, allow_infinity=False))
def test_numeric_text_of_any_decimal(server: Server, number: Decimal) -> None:
    if not -300 < number.adjusted() < 300:
        return
    expected = format(number, "f")
    if not number:
        expected = expected.lstrip("-")
    assert server.value("select $1::text", number, types=["numeric"]) == expected


@pytest.mark.parametrize("places", [0, 1, 4, 5, 16383])
def test_numeric_at_its_limits(server: Server, places: int) -> None:
    tiny = Decimal((0, (1,), -places))
    assert same(server.value("select $1", tiny, types=["numeric"]), tiny)
    huge = Decimal("9" * (131072 - places)) if places else Decimal("9" * 131072)
    assert same(server.value("select $1", huge, types=["numeric"]), huge)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=300)
@given(number=st.integers(-(10**45), 10**45) | st.decimals(-(10**30), 10**30))
def test_float4_is_the_nearest_one(server: Server, number: Any) -> None:
    if 0 < abs(number) < Decimal("1e-30"):
        return
    try:
        answer = server.value("select $1", number, types=["float4"])
    except DataError:
        assert abs(number) > 3.4e38
        return
    assert answer == server.value("select $1::float4", str(number), types=["text"])


TEXT_PARAMETERS = [
    ("uuid", "{550E8400E29B41D4A716446655440000}"),
    ("date", "2024-02-29"),
    ("time", "12:34:56.789012"),
    ("timetz", "12:34:56+05:30"),
    ("timestamp", "2024-01-02T03:04:05.5"),
    ("timestamptz", "2024-01-02T03:04:05+02:00"),
    ("interval", "P1Y2M3DT4H5M6.5S"),
    ("interval", "P-1Y2M-3DT-0.5S"),
    ("numeric", "-1.50e3"),
    ("inet", "10.1.2.3/8"),
    ("inet", "::1"),
    ("cidr", "10.0.0.0/8"),
    ("macaddr", "08-00-2B-01-02-03"),
    ("macaddr", "08002b:010203"),
    ("macaddr", "0800.2b01.0203"),
    ("macaddr8", "08002b010203"),
    ("macaddr8", "08:00:2b:01:02:03:04:05"),
    ('"bit"', "10101"),
    ("varbit", ""),
    ("pg_lsn", "0/16b374d8"),
    ("jsonb", '{"a": [1, "x"]}'),
    ("json", " [1] "),
]


@pytest.mark.parametrize(("name", "text"), TEXT_PARAMETERS)
def test_text_means_what_the_server_takes_it_for(server: Server, name: str, text: str) -> None:
    ours = server.value("select $1::text", text, types=[name])
    assert ours == server.value(f"select $1::{name}::text", text, types=["text"])


@pytest.mark.parametrize(
    ("expression", "text"),
    [
        ("'fat:2,4 cat:3A ''x y'':1B,5 back\\slash it''s'::tsvector", None),
        ("to_tsvector('simple', 'A b c a')", None),
        ("''::tsvector", ""),
        ("'fat & (rat | cat:*AB)'::tsquery", None),
        ("'!(a & b) | !c'::tsquery", None),
        ("'a <-> b <2> (c <-> d)'::tsquery", None),
        ("'(a | b) <-> (c & d)'::tsquery", None),
        ("'a & b & c | d'::tsquery", None),
        ("'!!(a | !b)'::tsquery", None),
        ("''::tsquery", ""),
        ("'''it''''s'' & ''back\\\\slash'''::tsquery", None),
        ("'$.a[*] ? (@.b > 1)'::jsonpath", None),
        ("'16/B374D848'::pg_lsn", None),
        ("pg_current_snapshot()", None),
        ("'(7,8)'::tid", None),
        ("'7'::cid", None),
        ("'1 4294967295'::oidvector", "1 4294967295"),
        ("''::int2vector", ""),
        ("'1 -2'::int2vector", "1 -2"),
        ("'unknown literal'", None),
        ("'\\350'::\"char\"", "\\350"),
    ],
)
def test_text_forms_are_the_server_s(server: Server, expression: str, text: str | None) -> None:
    value = server.value(f"select {expression}")
    assert value == server.value(f"select ({expression})::text")
    assert text is None or value == text


words = st.sampled_from(["a", "b", "it's", "back\\slash", "x y", "ü"])
queries = st.recursive(
    st.builds(
        lambda word, suffix: "'" + word.replace("\\", "\\\\").replace("'", "''") + "'" + suffix,
        words,
        st.sampled_from(["", ":*", ":A", ":BD", ":*CD"]),
    ),
    lambda inner: (
        st.builds(lambda a, sign, b: f"({a}) {sign} ({b})", inner, st.sampled_from(["&", "|", "<->", "<3>"]), inner)
        | inner.map(lambda a: f"!({a})")
    ),
    max_leaves=12,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)
@given(query=queries)
def test_tsquery_reads_as_the_server_prints_it(server: Server, query: str) -> None:
    ((value, printed),) = server.select("select $1::tsquery, $1::tsquery::text", query, types=["text"])
    assert value == printed


@pytest.mark.parametrize("name", ["tsvector", "tsquery", "regclass", "regtype", "regproc", "aclitem", "int2vector"])
def test_fallback_parameters_are_the_text_form(server: Server, name: str) -> None:
    samples = {
        "tsvector": "a:1 b",
        "tsquery": "a & b",
        "regtype": "int4",
        "regproc": "now",
        "aclitem": "=r/postgres",
        "int2vector": "1 -2",
    }
    text = samples.get(name, "pg_class")
    codec = server.codec(name)
    assert codec.is_text_fallback
    ours = server.run(f"select ($1::text::{name})::text", [25], [codec.encode(text)]).get_value(0, 0)
    theirs = server.run(f"select ('{text}'::{name})::text").get_value(0, 0)
    assert ours == theirs
    array = server.codec(f"{name}[]")
    wire = array.encode([text, None])
    ours = server.run(f"select ($1::text::{name}[])::text", [25], [wire]).get_value(0, 0)
    theirs = server.run(f"select (array['{text}', null]::{name}[])::text").get_value(0, 0)
    assert ours == theirs


def test_fallback_array_literal_quotes_its_elements(server: Server) -> None:
    codec = server.codec("tsvector[]")
    elements = [r"""'a"b' 'c\\d' 'e,{f}'""", "NULL"]
    wire = codec.encode([elements, elements])
    read = server.run("select $1::text::tsvector[]::text[]", [25], [wire]).get_value(0, 0)
    texts = server.codec("text[]").unpack(read)
    expected = [server.value("select $1::tsvector::text", text, types=["text"]) for text in elements]
    assert texts == [expected, expected]


# --- values that cannot be read ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "expression",
    [
        "'infinity'::date",
        "'-infinity'::timestamp",
        "'infinity'::timestamptz",
        "'0044-03-15 BC'::date",
        "'10000-01-01'::date",
        "'0044-03-15 BC'::timestamp",
        "'10000-01-01'::timestamp",
        "'0001-01-01 00:00:00+14'::timestamptz",
        "'24:00:00'::time",
        "'24:00:00+01'::timetz",
        "'infinity'::interval",
        "'-infinity'::interval",
        "'178956970 years'::interval",
        "'[2024-01-01,infinity)'::daterange",
        "array['24:00'::time]",
        "row(1, 'infinity'::date)",
        "'pg_class'::regclass",
        "array['pg_class'::regclass]",
        "row('pg_class'::regclass, 1)::pg_temp.owned",
        "row('pg_class'::regclass)",
        "'1e400'::json",
    ],
)
def test_a_value_python_cannot_hold_names_its_column(server: Server, expression: str) -> None:
    with pytest.raises(DataError, match='cannot read column "Val ue" as ') as caught:
        server.select(f'select 1, {expression} as "Val ue"')
    assert caught.value.column == "Val ue"


def test_infinity_is_clamped_when_asked_for(server: Server) -> None:
    clamping = Server(server.connection, CodecRegistry(CodecOptions(infinity="clamp")))
    ((*read,),) = clamping.select(
        "select 'infinity'::date, '-infinity'::date, 'infinity'::timestamp, '-infinity'::timestamptz"
    )
    expected = [
        datetime.max.date(),
        datetime.min.date(),
        datetime.max,
        datetime.min.replace(tzinfo=UTC),
    ]
    assert same(read, expected)
    with pytest.raises(DataError):
        clamping.select("select '10000-01-01'::date")


def test_sessions_time_zone_does_not_matter(server: Server) -> None:
    with server.connection.transaction(force_rollback=True):
        server.connection.execute("set local timezone = 'Asia/Kolkata'")
        value = server.value("select '2024-01-02 03:04:05+05'::timestamptz")
    assert same(value, datetime(2024, 1, 1, 22, 4, 5, tzinfo=UTC))


def test_lower_bounds_are_dropped(server: Server) -> None:
    assert server.value("select '[2:3]={5,6}'::int4[]") == [5, 6]


def test_money_scale_is_known(server: Server) -> None:
    assert server.value(MONEY_SCALE_QUERY) == "2"


def test_padding_of_char_is_kept(server: Server) -> None:
    assert server.value("select 'x'::char(4)") == "x   "


def test_void_is_none(server: Server) -> None:
    assert server.value("select pg_sleep(0)") is None


def test_big_numbers_in_json(server: Server) -> None:
    digits = "1" + "0" * 6000
    assert server.value(f"select '{digits}'::jsonb") == 10**6000
    assert server.value("select '123456789012345678901234567890'::json") == 123456789012345678901234567890


# --- user-defined types ------------------------------------------------------------------------------------

PAIR = {"a": 1, "B c": "x"}
NESTED = {"p": PAIR, "ps": [PAIR, None, {"a": None, "B c": None}], "m": "häppy", "d": 7}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("pg_temp.mood", 'so "so"'),
        ("pg_temp.mood[]", ["sad", None]),
        ("pg_temp.posint", 5),
        ("pg_temp.posint[]", [5, None]),
        ("pg_temp.moods", ["sad"]),
        ("pg_temp.moods[]", [["sad"], None]),
        ("pg_temp.pair", PAIR),
        ("pg_temp.pair[]", [[PAIR], [None]]),
        ("pg_temp.nested", NESTED),
        ("pg_temp.frange", Range(1.5, None)),
        ("pg_temp.fmultirange", (Range(1.5, 2.5), Range(3.5, None))),
        ("pg_temp.fmultirange[]", [(Range(1.5, 2.5),), ()]),
        ("record[]", None),
    ],
)
def test_user_defined_types(server: Server, name: str, value: Any) -> None:
    if name == "record[]":
        server.codec("pg_temp.mood")  # a record's values tell their types, which have to be known
        read = server.value("select array[row(1, 'a', null::pg_temp.mood), row(2, 'b', 'sad'::pg_temp.mood)]")
        assert same(read, [(1, "a", None), (2, "b", "sad")])
        return
    assert same(server.value("select $1", value, types=[name]), value)
    codec = server.codec(name)
    assert same(codec.coerce(value), value)


def test_composite_takes_tuples(server: Server) -> None:
    assert server.value("select $1", (1, "x"), types=["pg_temp.pair"]) == PAIR


def test_record_with_an_unknown_type_asks_for_it(server: Server) -> None:
    fresh = Server(server.connection, CodecRegistry())
    with pytest.raises(MissingTypesError) as caught:
        fresh.value("select row(1, 'sad'::pg_temp.mood)")
    fresh.learn(caught.value.oids)
    assert fresh.value("select row(1, 'sad'::pg_temp.mood)") == (1, "sad")


def test_altered_composite_is_noticed_and_forgotten(server: Server) -> None:
    server.connection.execute("create type pg_temp.grows as (a int4)")
    assert server.value("select row(1)::pg_temp.grows") == {"a": 1}
    server.connection.execute("alter type pg_temp.grows add attribute b text")
    with pytest.raises(MissingTypesError) as caught:
        server.select("select row(1, 'x')::pg_temp.grows")
    assert caught.value.oids == (server.oid("pg_temp.grows"),)
    assert server.value("select row(1, 'x')::pg_temp.grows") == {"a": 1, "b": "x"}


def test_composite_over_a_type_that_only_the_server_parses(server: Server) -> None:
    assert server.value("select row('a b'::tsvector, 1)::pg_temp.searching") == {"v": "'a' 'b'", "n": 1}
    with pytest.raises(DataError, match=r"cannot bind parameter \$1 as searching: .*only the server can parse"):
        server.select("select $1", {"v": "a b", "n": 1}, types=["pg_temp.searching"])


def test_row_type_of_a_table_and_anyarray(server: Server) -> None:
    server.connection.execute("create temp table items (id int4, label text)")
    server.connection.execute("insert into items values (1, 'a'), (2, 'a'), (3, 'b')")
    server.connection.execute("analyze items")
    assert server.value("select i from items i where id = 1") == {"id": 1, "label": "a"}
    assert server.value("select most_common_vals from pg_stats where tablename = 'items' and attname = 'label'") == [
        "a"
    ]


def test_every_type_of_the_catalog_can_be_learnt(server: Server) -> None:
    fresh = Server(server.connection, CodecRegistry())
    types = server.connection.execute("select oid, typarray from pg_type").fetchall()
    fresh.learn([oid for oid, _ in types])
    for oid, array_oid in types:
        if not array_oid:
            continue
        element, array = fresh.registry.get(oid), fresh.registry.get(array_oid)
        assert element is not None, oid
        assert array is not None
        if oid != 2249:
            assert array.depends == (oid,)
            assert array.name == f"{element.name}[]"


def test_builtin_names_are_those_of_the_catalog(server: Server) -> None:
    registry = CodecRegistry()
    rows = server.connection.execute("select oid, typname from pg_type where typname !~ '^_'").fetchall()
    known = [(codec.name.strip('"'), name) for oid, name in rows if (codec := registry.get(oid)) is not None]
    assert len(known) > 80
    assert [pair for pair in known if pair[0] != pair[1]] == []


# --- extensions --------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def extensions(server: Server) -> set[str]:
    """Provide the names of the extensions that this server has, created."""
    wanted = "'vector', 'hstore', 'citext', 'ltree'"
    rows = server.connection.execute(f"select name from pg_available_extensions where name in ({wanted})".encode())
    available = {str(name) for (name,) in rows.fetchall()}
    for name in available:
        server.connection.execute(f"create extension if not exists {name}".encode())
    return available


@pytest.mark.parametrize(
    ("extension", "name", "value", "text"),
    [
        ("vector", "vector", [1.0, 2.5, -3.0], "[1,2.5,-3]"),
        ("vector", "halfvec", [1.0, 2.5, -3.0], "[1,2.5,-3]"),
        ("vector", "sparsevec", SparseVector(5, (0, 2), (1.5, 2.0)), "{1:1.5,3:2}/5"),
        ("vector", "sparsevec", SparseVector(3, (), ()), "{}/3"),
        ("hstore", "hstore", {"a": "1", "b": None}, '"a"=>"1", "b"=>NULL'),
        ("hstore", "hstore", {}, ""),
        ("citext", "citext", "Aß", "Aß"),
        ("ltree", "ltree", "a.b", "a.b"),
        ("ltree", "lquery", "a.*", "a.*"),
    ],
)
def test_extension_types(
    server: Server, extensions: set[str], extension: str, name: str, value: Any, text: str
) -> None:
    if extension not in extensions:
        pytest.skip(f"the server has no extension {extension}")
    ((read, printed),) = server.select("select $1, $1::text", value, types=[name])
    assert same(read, value)
    assert printed == text
    assert same(server.value("select $1", [value, None], types=[f"{name}[]"]), [value, None])
    if name != "hstore":
        assert same(server.value("select $1", text, types=[name]), value)


def test_vectors_as_numpy_arrays(server: Server, extensions: set[str]) -> None:
    numpy = pytest.importorskip("numpy")
    if "vector" not in extensions:
        pytest.skip("the server has no extension vector")
    arrays = Server(server.connection, CodecRegistry(CodecOptions(vector_format="numpy")))
    sent = numpy.array([1.5, 2.5], dtype="float64")
    ((read, half),) = arrays.select("select $1::vector, $1::vector::halfvec", sent, types=["vector"])
    assert read.dtype == half.dtype == numpy.float32
    assert read.tolist() == half.tolist() == [1.5, 2.5]
    assert server.value("select $1", sent, types=["halfvec"]) == [1.5, 2.5]


def test_interval_length_is_the_server_s_days(server: Server) -> None:
    value = server.value("select '1 year 2 mons 3 days'::interval")
    assert value == Interval(14, 3)
    assert value == timedelta(days=428)
