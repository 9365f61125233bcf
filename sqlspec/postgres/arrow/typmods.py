"""The declared modifiers of result columns: the precision of `numeric`, the dimensions of `vector`.

Most drivers do not tell them, and no function of the server does. Its parser knows them, and names them where it
refuses a recursive query whose two terms differ in nothing but a modifier:

    recursive query "r" column 1 has type numeric(5,2) in non-recursive term but type numeric overall

So each column is put into such a query, around the statement as it is. The answer is what a row description would say,
for every statement that can be part of another, also one that gives no rows or writes. Nothing is planned or run, and a
read-only transaction allows it. The refusals are caught on the server: they neither abort the transaction nor reach
its log. The words around the type depend on the server's language; a refusal with a known type tells them first.

To be used inside a transaction, with columns whose types were learnt:

    probes = find_probes(columns, codecs)
    script = typmod_script(plan.sql, described.parameter_oids, len(columns), probes)
    rows = ()
    if script is not None:
        await driver.execute_script(script)
        rows = await driver.fetch_text(TYPMODS_QUERY)
    typmods = read_typmods(len(columns), probes, rows)
"""

from __future__ import annotations

import re
from itertools import groupby
from operator import attrgetter
from typing import TYPE_CHECKING, NamedTuple

from sqlspec.core.scan import scan, splice
from sqlspec.postgres.enclose import enclose
from sqlspec.postgres.sql import quote_literal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlspec.core.result import Column
    from sqlspec.postgres.codec import CodecRegistry

__all__ = ("TYPMODS_QUERY", "Probe", "find_probes", "numeric_typmod", "read_typmods", "typmod_script")


def numeric_typmod(precision: int, scale: int) -> int:
    """Return the modifier of `numeric(precision, scale)` (`src/backend/utils/adt/numeric.c`)."""
    return (precision << 16 | scale & 0x7FF) + 4


# The types whose modifier decides on the Arrow type, each with the modifier to provoke the first refusal with.
_SAMPLES = {"numeric": numeric_typmod(7, 5), "vector": 7, "halfvec": 7}

# An identifier with parentheses is shown in double quotes and so does not end like this.
_modifiers = re.compile(r"\((\d+)(?:,(-?\d+))?\)\Z").search

# The second column ends every probe that the first does not end: none is planned.
_PROBE = """\
(with recursive sqlspec_r(a, b) as (
    select {item}, null::pg_catalog.int2 union all select null::{plain}, null::pg_catalog.int8 from sqlspec_r
  ) select a from sqlspec_r)"""

_BODY = """
declare
  kind record; plain text; known text; item text; said text; head text; tail text; found text[];
begin
  for kind in values %s loop
    plain := pg_catalog.format_type(kind.column1, -1);
    known := pg_catalog.format_type(kind.column1, kind.column2);
    foreach item in array pg_catalog.array_prepend('null::' || known, kind.column3) loop
      said := '';
      begin
        execute %s;
      exception when datatype_mismatch then
        get stacked diagnostics said = message_text;
      end;
      if item = 'null::' || known then
        head := case when pg_catalog.strpos(said, known) > 0 then pg_catalog.split_part(said, known, 1) end;
        tail := pg_catalog.split_part(said, known, 2);
        continue;
      end if;
      said := case when pg_catalog.starts_with(said, head) and pg_catalog.right(said, pg_catalog.length(tail)) = tail
        then pg_catalog.substr(said, pg_catalog.length(head) + 1,
          pg_catalog.length(said) - pg_catalog.length(head) - pg_catalog.length(tail)) end;
      found := pg_catalog.array_append(found, said);
    end loop;
  end loop;
  perform pg_catalog.set_config('sqlspec.typmods', pg_catalog.to_json(found)::text, true);
end"""

TYPMODS_QUERY = """\
select said.type, (
  with recursive base(kind, oid, modifier) as (
    select 'd'::"char", pg_catalog.to_regtype(said.type)::pg_catalog.oid, -1
    union all
    select t.typtype, t.typbasetype, t.typtypmod from base join pg_catalog.pg_type t on t.oid = base.oid
    where base.kind = 'd'
  ) select pg_catalog.max(modifier) from base)::pg_catalog.text
from pg_catalog.json_array_elements_text(pg_catalog.current_setting('sqlspec.typmods')::pg_catalog.json)
  with ordinality as said(type, number)
order by said.number"""
"""One row for each probe: the type as the server names it, and the modifier that it declares if it is a domain."""


class Probe(NamedTuple):
    """What is to be asked about one column.

    Attributes:
        column: Index of the column.
        oid: The type that has the modifier: the column's, or its elements'.
        sample: A modifier of this type.
        item: Expression over the column, called as `enclose` calls it.
    """

    column: int
    oid: int
    sample: int
    item: str


def find_probes(columns: Sequence[Column], codecs: CodecRegistry) -> list[Probe]:
    """Return what to ask about those columns, or elements of columns, whose type has a modifier that matters.

    Args:
        columns: The statement's columns.
        codecs: Knows their types.
    """
    probes = []
    for number, column in enumerate(columns):
        oid, item = column.oid, f"c{number}"
        codec = codecs.get(oid)
        if codec is not None and codec.element is not None:
            oid, item = codec.element.oid, f"({item})[1]"
        oid = codecs.base_oid(oid)
        codec = codecs.get(oid)
        if codec is not None and codec.name in _SAMPLES:
            probes.append(Probe(number, oid, _SAMPLES[codec.name], item))
    return sorted(probes, key=attrgetter("oid"))


def typmod_script(sql: str, parameter_oids: Sequence[int], width: int, probes: Sequence[Probe]) -> str | None:
    """Return the script that leaves the answers where `TYPMODS_QUERY` finds them until the transaction ends.

    Args:
        sql: The statement, with `$n` placeholders.
        parameter_oids: Type of each parameter.
        width: Number of columns.
        probes: What to ask.

    Returns:
        SQL text without parameters; `None` when there is nothing to ask, or the statement cannot be part of another.
    """
    # Two more placeholders stand for what differs between the probes.
    arity = len(parameter_oids)
    item, plain = arity + 1, arity + 2
    probe = enclose(sql, width, [_PROBE.format(item=f"${item}", plain=f"${plain}")]) if probes else None
    if probe is None:
        return None
    variables = {item: "item", plain: "plain"}
    names = {n: f"pg_catalog.format_type({oid}, -1)" for n, oid in enumerate(parameter_oids, 1)}
    # No statement holds a NUL character, so it can mark where the texts are parted.
    pieces = splice(probe, scan(probe), lambda n: f"\0{n}\0" if n in variables else f"(null::\0{n}\0)").split("\0")
    terms = [
        variables.get(int(piece)) or names[int(piece)] if odd % 2 else quote_literal(piece)
        for odd, piece in enumerate(pieces)
    ]
    kinds = ", ".join(
        f"({oid}::pg_catalog.oid, {sample}, array[{', '.join(quote_literal(probe.item) for probe in group)}])"
        for (oid, sample), group in groupby(probes, attrgetter("oid", "sample"))
    )
    return f"do {quote_literal(_BODY % (kinds, ' || '.join([quote_literal('explain '), *terms])))}"


def read_typmods(width: int, probes: Sequence[Probe], rows: Sequence[Sequence[str | None]]) -> list[int]:
    """Return the modifier of each column, of its elements if it is an array; -1 where there is none.

    Args:
        width: Number of columns.
        probes: What was to be asked.
        rows: The answer to `TYPMODS_QUERY`; empty when it could not be asked.
    """
    typmods = [-1] * width
    for probe, (name, modifier) in zip(probes, rows, strict=bool(rows)):
        digits = _modifiers(name or "")
        if digits is None:
            typmods[probe.column] = int(modifier or -1)
        elif digits[2] is None:
            typmods[probe.column] = int(digits[1])
        else:
            typmods[probe.column] = numeric_typmod(int(digits[1]), int(digits[2]))
    return typmods
