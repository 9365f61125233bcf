"""Plans of loads: which columns, which technique, which statement."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest

from sqlspec.exceptions import DataError, NotSupportedError, ParameterError
from sqlspec.postgres.arrow.plan import LoadOptions, plan_load
from sqlspec.postgres.arrow.target import Target, parse_table_name, parse_target, target_query
from sqlspec.postgres.arrow.wire import Kind, WireType
from sqlspec.postgres.codec import MissingTypesError
from tests.unit.postgres.arrow.tables import MOOD, PAIR, PLACE, SMALL, TYPES, column, numeric, plan, registry, table

ID, NAME = column("id", 23), column('na"me', 25)
BATCH = pa.record_batch([pa.array(["a"]), pa.array([1])], names=['na"me', "id"])


def problems(target: Target, source: Any, **options: Any) -> str:
    with pytest.raises(DataError) as caught:
        plan(target, source, **options)
    return str(caught.value)


def test_columns_are_matched_by_name() -> None:
    made = plan(table(ID, NAME), BATCH)
    assert made.technique == "copy"
    assert made.names == ('na"me', "id")
    assert [wire.kind for wire in made.wires] == [Kind.BYTES, Kind.INT4]
    assert made.convert(BATCH, 0).schema.names == ['na"me', "id"]


def test_some_columns_only() -> None:
    assert plan(table(ID, NAME), BATCH, columns=["id"]).names == ("id",)
    renamed = plan(table(column("key", 23)), BATCH, columns={"id": "key"})
    assert renamed.names == ("key",)
    assert renamed.convert(BATCH, 0).column("key").to_pylist() == [1]


def test_everything_that_is_wrong_is_listed() -> None:
    target = table(
        column("id", 23, not_null=True),
        column("n", 23, identity="a", not_null=True),
        column("g", 23, generated=True, not_null=True),
        column("d", 23, not_null=True, has_default=True),
        column("s", 23, not_null=True, identity="d"),
        column("t", 23),
    )
    source = pa.record_batch([pa.array([1])] * 4 + [pa.array(["x"])], names=["n", "g", "ID", "ID", "t"])
    said = problems(target, source)
    for part in (
        "several columns named 'ID'",
        "no column 'ID'",
        "its columns are 'id', 'n', 'g', 'd', 's', 't'",
        "column 'id' is missing",
        "column 'n' is an identity",
        "column 'g' is generated",
        "column 't': values of type string",
    ):
        assert part in said, part
    assert "'d' is missing" not in said
    assert "'s' is missing" not in said
    assert said.startswith('cannot load into "s"."t": ')


def test_wrong_choices_of_columns() -> None:
    assert "the source has no column 'x'" in problems(table(ID), BATCH, columns=["id", "x"])
    assert "column 'id' would be filled twice" in problems(table(ID), BATCH, columns={"id": "id", 'na"me': "id"})
    assert "no columns" in problems(table(ID), pa.record_batch([], names=[]))


@pytest.mark.parametrize(
    ("target", "copies"),
    [
        (table(ID, NAME), False),
        (table(ID, NAME, has_rules=True), True),
        (table(ID, NAME, row_security=True), True),
        (table(ID, NAME, kind="v"), True),
    ],
)
def test_an_insert_where_copy_is_not_possible(target: Target, copies: bool) -> None:
    made = plan(target, BATCH, copies)
    assert made.technique == "unnest"
    assert made.insert_sql == (
        'insert into "s"."t" ("na""me", "id") '
        "select pg_catalog.unnest($1::pg_catalog._text), pg_catalog.unnest($2::pg_catalog._int4)"
    )
    assert made.wires == (WireType(Kind.BYTES, 25), WireType(Kind.INT4, 23))
    assert made.array_oids == (1, 1)


def test_text_for_the_server_makes_it_an_insert() -> None:
    made = plan(table(ID, column("net", 869)), pa.table({"id": [1], "net": ["10.0.0.1"]}))
    assert made.technique == "unnest"
    assert "pg_catalog.unnest($2::pg_catalog._text)::pg_catalog.inet" in made.insert_sql
    assert made.array_oids == (1, 1009)


def test_domains_are_sent_as_their_base_type() -> None:
    made = plan(table(column("d", SMALL, 7)), pa.table({"d": ["a"]}), copies=False)
    assert made.wires == (WireType(Kind.BYTES, 1043),)


def test_parts_of_arrays_and_composites_are_named_by_their_own_types() -> None:
    made = plan(table(column("m", PAIR), column("a", 1009)), pa.table({"m": [{"a": 1, "b": ""}], "a": [["x"]]}))
    pair = (WireType(Kind.INT4, 23), WireType(Kind.BYTES, 25))
    assert made.wires[0] == WireType(Kind.STRUCT, PAIR, children=pair)
    assert made.wires[1] == WireType(Kind.LIST, 1009, children=(WireType(Kind.BYTES, 25),))


def test_declared_precision_inside_a_composite() -> None:
    target = table(column("p", PLACE), typmods={(PLACE, "price"): numeric(5, 2)})
    source = pa.table({"p": pa.array([{"net": None, "price": "1.505"}])})
    with pytest.raises(DataError, match="row 3"):
        plan(target, source).convert(source.to_batches()[0], 3)


def test_unknown_types() -> None:
    target = table(column("e", MOOD)._replace(oid=91234))
    with pytest.raises(MissingTypesError):
        plan_load(target, pa.schema([("e", pa.string())]), registry(), LoadOptions(), True)
    assert TYPES


# --- the catalog's answer ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "schema", "name"),
    [
        ("users", None, "users"),
        ("app.Users", "app", "Users"),
        ('"App"."a.b"', "App", "a.b"),
        ('"a""b"', None, 'a"b'),
        ("a b", None, "a b"),
    ],
)
def test_table_names(text: str, schema: str | None, name: str) -> None:
    assert parse_table_name(text) == (schema, name)


@pytest.mark.parametrize("text", ["", "a.b.c", ".a", "a.", '"a', 'a"b"', "a;b.c.d", "a\0"])
def test_what_is_no_table_name(text: str) -> None:
    with pytest.raises(ParameterError):
        parse_table_name(text)


def test_names_cannot_leave_their_quotes() -> None:
    sql = target_query("s'", 'x"; drop table t; --')
    assert """to_regclass('"s''"."x""; drop table t; --"')""" in sql


HEAD = ("5", "s", "t", "r", "false", "false", "UTF8", '[[90001, "", 7]]', "on")
COLUMN = ("a", "23", "-1", "integer", "true", "d", "false", "false", "pg_catalog.int4", "1007", "pg_catalog._int4")


def test_rows_of_the_catalog() -> None:
    found = parse_target([HEAD + COLUMN])
    assert found is not None
    assert found.quoted == '"s"."t"'
    assert found.typmods == {(90001, ""): 7}
    (first,) = found.columns
    assert (first.name, first.oid, first.not_null, first.identity, first.array_oid) == ("a", 23, True, "d", 1007)
    empty = parse_target([HEAD + (None,) * 11])
    assert empty is not None
    assert empty.columns == ()
    assert parse_target([]) is None


def test_what_rows_cannot_be_loaded_into() -> None:
    with pytest.raises(NotSupportedError, match="LATIN1"):
        parse_target([(*HEAD[:6], "LATIN1", None, "on", *COLUMN)])
    with pytest.raises(NotSupportedError, match="neither a table nor a view"):
        parse_target([(*HEAD[:3], "S", *HEAD[4:], *COLUMN)])


def test_queries_for_what_only_the_server_can_check() -> None:
    target = table(column("n", 23), column("net", 869, type_name="inet"), column("doc", 3802, type_name="jsonb"))
    source = pa.record_batch({"n": [1, 2], "net": ["10.0.0.1", None], "doc": ['{"a": 1}', "it's"]})
    made = plan(target, source)
    (net, first), (doc, second) = made.probes(made.convert(source, 0))
    assert (net, doc) == ("net", "doc")
    assert first.startswith("do '")
    assert "given pg_catalog._text := ''{\"10.0.0.1\",NULL}''" in first
    assert "stored inet;" in first
    assert "stored jsonb;" in second
