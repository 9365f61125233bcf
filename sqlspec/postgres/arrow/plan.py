"""How an Arrow source gets into a table: target column first, then source type."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, NamedTuple

import pyarrow as pa

from sqlspec.exceptions import DataError, NotSupportedError
from sqlspec.postgres.arrow.kernels import pc
from sqlspec.postgres.arrow.nested import is_list
from sqlspec.postgres.arrow.shapes import TEXT_ARRAY, shape_of
from sqlspec.postgres.arrow.steps import TEXT_WIRE, Conversion, LoadOptions, Misfit, NoWay, Step, chain
from sqlspec.postgres.arrow.target import Merge, Target, TargetColumn
from sqlspec.postgres.arrow.texts import array_literal, sql_text
from sqlspec.postgres.arrow.wire import Kind, WireType
from sqlspec.postgres.arrow.written import written_conversion
from sqlspec.postgres.codec import CodecRegistry
from sqlspec.postgres.sql import quote_identifier, quote_literal, quote_qualified

__all__ = ("FAULTS_QUERY", "LoadOptions", "LoadPlan", "column_problems", "plan_load", "takes_copy")


_JSON = (114, 3802)

_INT8 = TargetColumn("", 20, -1, "bigint", False, "", False, False, "pg_catalog.int8", 1016, "pg_catalog._int8")
"""The column of row numbers."""

FAULTS_QUERY = "select pg_catalog.current_setting('sqlspec.faults')"
"""What a probe has found, as JSON: of each value that is refused its index, the SQLSTATE and the message."""

_PROBE = """\
declare
  given pg_catalog._text := %s; stored %s; place pg_catalog.int4 := 1; state pg_catalog.text; said pg_catalog.text;
  found pg_catalog._text := '{}';
begin
  while place <= pg_catalog.cardinality(given) and pg_catalog.cardinality(found) < %d loop
    begin
      while place <= pg_catalog.cardinality(given) loop
        stored := given[place]::%s;
        place := place + 1;
      end loop;
    exception when others then
      get stacked diagnostics state = returned_sqlstate, said = message_text;
      found := pg_catalog.array_append(
        found, pg_catalog.json_build_array(place - 1, state, said)::pg_catalog.text
      );
      place := place + 1;
    end;
  end loop;
  perform pg_catalog.set_config('sqlspec.faults', '[' || pg_catalog.array_to_string(found, ',') || ']', true);
end"""


class Way(NamedTuple):
    """How one column of the source gets into one of the table.

    Attributes:
        place: Index in the source; -1 for the row's own number.
        column: Of the table.
        wire: Layout of what is sent.
        step: Makes it; `None` for values that are as they should be.
        is_text: The server has to parse it.
    """

    place: int
    column: TargetColumn
    wire: WireType
    step: Step | None
    is_text: bool


@dataclass(frozen=True, slots=True)
class LoadPlan:
    """A planned load.

    Attributes:
        technique: `"copy"`: binary COPY into `names`. `"unnest"`: `insert_sql`, once for each batch.
        names: Columns of the table that are filled, in the order of `wires`.
        wires: Layout of each column of a converted batch.
        insert_sql: For `"unnest"`: INSERT with one parameter per column, an array of its values (`encode_array`).
        array_oids: For `"unnest"`: type of each of these parameters.
        ways: Where each column comes from.
    """

    technique: Literal["copy", "unnest"]
    names: tuple[str, ...]
    wires: tuple[WireType, ...]
    insert_sql: str
    array_oids: tuple[int, ...]
    ways: tuple[Way, ...]

    def convert(self, batch: pa.RecordBatch, first_row: int) -> pa.RecordBatch:
        """Convert a batch of the source to columns in the layouts of `wires`.

        Args:
            batch: With the schema that was planned for.
            first_row: Number of its first row in the whole source, from 0.

        Raises:
            DataError: A value does not fit; names column and row.
        """
        arrays = []
        for way in self.ways:
            array = batch.column(way.place) if way.place >= 0 else numbers(first_row, batch.num_rows)
            if way.step is not None:
                try:
                    array = way.step(array)
                except Misfit as misfit:
                    name = way.column.name
                    raise DataError(
                        f"cannot load column {name!r}: row {first_row + misfit.index} of the source does not fit: "
                        f"{misfit.reason}",
                        column=name,
                    ) from None
            arrays.append(array)
        return pa.RecordBatch.from_arrays(arrays, names=list(self.names))

    def probes(self, batch: pa.RecordBatch, most: int = 1) -> Iterator[tuple[str, str]]:
        """Look for the values that the server has refused: its own message names neither column nor row.

        Args:
            batch: A converted one.
            most: How many to look for in a column.

        Yields:
            For each column whose values only the server can check: its name, and a script that casts one value after
            the other, as the load did, and tells `FAULTS_QUERY` what was refused, inside the same transaction.
        """
        for way, array in zip(self.ways, batch.columns, strict=True):
            if way.is_text:
                texts = array
            elif way.wire.oid in _JSON and not pa.types.is_binary(array.type):
                texts = array.cast(pa.string())
            elif way.wire.children and way.wire.children[0].oid in _JSON and is_list(array.type):
                texts = array_literal(array, lambda items: items.cast(pa.string()))
            else:
                continue
            values = pa.ListArray.from_arrays(pa.array([0, len(array)], pa.int32()), texts)
            (literal,) = array_literal(values, sql_text).to_pylist()
            kind = way.column.type_name
            probe = _PROBE % (quote_literal(literal), kind, most, way.column.base_name)
            yield way.column.name, f"do {quote_literal(probe)}"


def plan_load(target: Target, schema: pa.Schema, codecs: CodecRegistry, options: LoadOptions, copies: bool) -> LoadPlan:
    """Plan a load.

    Args:
        target: The table.
        schema: Of the source.
        codecs: Knows the types of the table's columns (`learn_types` was called).
        options: Choices of the caller.
        copies: Whether the driver has binary COPY.

    Raises:
        DataError: Columns or types do not go together; everything that is wrong is listed.
        MissingTypesError: A type has to be read from the catalog first.
        NotSupportedError: The session reads the text form of arrays in another way.
    """
    wanted, problems = _chosen(schema, options)
    problems += column_problems(target, [name for _, name in wanted], options.identities)
    columns = {column.name: column for column in target.columns}
    found: list[tuple[int, TargetColumn, str, Conversion]] = []
    for place, name in wanted:
        column = columns.get(name)
        if column is None:
            continue
        shape = shape_of(column.oid, codecs, column.typmod, target.typmods)
        try:
            found.append((place, column, shape.family, written_conversion(schema.field(place).type, shape, options)))
        except NoWay as refusal:
            problems.append(f"column {name!r}: {refusal}")
    if not wanted and not problems:
        problems.append("the source has no columns")
    if problems:
        raise DataError(f"cannot load into {target.quoted}: {'; '.join(problems)}")
    copied = takes_copy(target, copies) and not any(way.is_text for *_, way in found)
    ways = [
        Way(place, column, way.wire, way.step, way.is_text)
        if copied
        else _unnested(place, column, family, way, codecs.base_oid(column.oid))
        for place, column, family, way in found
    ]
    if not target.array_nulls and any(
        way.is_text and family in ("array", "composite") for way, (_, _, family, _) in zip(ways, found, strict=True)
    ):
        raise NotSupportedError(
            "cannot load rows: array_nulls is off, so NULL in the text of an array would be a word; set it to on"
        )
    if target.merge is not None:
        ways.append(Way(-1, _INT8._replace(name=target.merge.number), WireType(Kind.INT8, _INT8.oid), None, False))
    return LoadPlan(
        technique="copy" if copied else "unnest",
        names=tuple(way.column.name for way in ways),
        wires=tuple(way.wire for way in ways),
        insert_sql="" if copied else _insert(target, ways, options.identities),
        array_oids=() if copied else tuple(TEXT_ARRAY if way.is_text else way.column.array_oid for way in ways),
        ways=tuple(ways),
    )


def numbers(first: int, count: int) -> pa.Array:
    """Return the numbers of rows that follow each other."""
    return pc.add(_counted(max(count, 1 << 15)).slice(0, count), first)


@lru_cache(2)
def _counted(count: int) -> pa.Array:
    return pa.array(range(count), pa.int64())


def takes_copy(target: Target, copies: bool) -> bool:
    """Tell whether COPY can fill a table, and does all that an INSERT would."""
    if target.merge is not None:
        return copies
    return copies and not target.has_rules and not target.row_security and target.kind != "v"


def _chosen(schema: pa.Schema, options: LoadOptions) -> tuple[list[tuple[int, str]], list[str]]:
    """Return places of source columns, with the columns of the table that they fill, and what is wrong."""
    names, columns = schema.names, options.columns
    doubled = sorted(name for name, count in Counter(names).items() if count > 1)
    problems = [f"the source has several columns named {name!r}" for name in doubled]
    if columns is None:
        return list(enumerate(names)), problems
    pairs = columns.items() if isinstance(columns, Mapping) else [(name, name) for name in columns]
    wanted: list[tuple[int, str]] = []
    for source, name in pairs:
        if source not in names:
            problems.append(f"the source has no column {source!r}")
        else:
            wanted.append((names.index(source), name))
    return wanted, problems


def column_problems(target: Target, names: Sequence[str], identities: bool = False) -> list[str]:
    """Return what is wrong with filling some columns of a table and leaving the others to their defaults.

    Args:
        target: The table.
        names: The columns to fill.
        identities: Identity columns that are generated always can be among them.
    """
    problems = [f"column {name!r} would be filled twice" for name, count in Counter(names).items() if count > 1]
    columns = {column.name: column for column in target.columns}
    if target.merge is not None:
        problems += _key_problems(target.merge, columns, names)
    unknown = [name for name in names if name not in columns]
    problems += [f"the table has no column {name!r}" for name in dict.fromkeys(unknown)]
    if unknown:
        problems.append(f"its columns are {_listed(columns)}")
    for column in target.columns:
        if column.name in names:
            if column.generated:
                problems.append(f"column {column.name!r} is generated by the server, leave it out")
            elif column.identity == "a" and not identities:
                problems.append(f"column {column.name!r} is an identity that is generated always, leave it out")
        elif column.not_null and not (column.has_default or column.identity or column.generated):
            problems.append(f"column {column.name!r} is missing: it forbids NULL and has no default")
    return problems


def _key_problems(merge: Merge, columns: Container[str], names: Sequence[str]) -> list[str]:
    """Return what is wrong with the key by which rows are merged."""
    problems = [
        f"key column {name!r} is not filled by the source"
        if name in columns
        else f"the table has no key column {name!r}"
        for name in merge.key
        if name not in names or name not in columns
    ]
    if merge.mode == "update" and all(name in merge.key for name in names):
        problems.append("there is nothing to update: the source has no columns beside the key")
    return problems


def _listed(names: Iterable[str]) -> str:
    return ", ".join(map(repr, names))


# --- INSERT from arrays ------------------------------------------------------------------------------------


def _unnested(place: int, column: TargetColumn, family: str, way: Conversion, base_oid: int) -> Way:
    """Return the way of a column through an array of its values.

    An array of arrays is one of more dimensions, which `unnest` takes apart altogether: such values go as their text
    form.
    """
    if way.is_text or family == "array":
        step = way.step if way.is_text else chain(way.step, way.write)
        return Way(place, column, TEXT_WIRE, step, True)
    return Way(place, column, way.wire._replace(oid=base_oid), way.step, False)


def _insert(target: Target, ways: Sequence[Way], identities: bool) -> str:
    # In the select list the server takes the arrays apart in step, row by row; in FROM it would first write each out.
    names, items = [], []
    for number, way in enumerate(ways, 1):
        column = way.column
        names.append(quote_identifier(column.name))
        if way.is_text:
            items.append(f"pg_catalog.unnest(${number}::pg_catalog._text)::{column.base_name}")
        else:
            items.append(f"pg_catalog.unnest(${number}::{column.array_name})")
    own = " overriding system value" if identities else ""  # without effect where no column is an identity
    return f"insert into {quote_qualified(target.place)} ({', '.join(names)}){own} select {', '.join(items)}"
