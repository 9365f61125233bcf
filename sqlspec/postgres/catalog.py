"""Read type definitions from the server's catalog.

The query is one text without parameters whose columns are all `text`: every driver can send and read it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import msgspec

__all__ = ("MONEY_SCALE_QUERY", "TYPE_PARTS", "TypeInfo", "parse_type_rows", "type_query")


class TypeInfo(NamedTuple):
    """Describe one type of the catalog (PostgreSQL manual, section 52.64, `pg_type`).

    Attributes:
        oid: OID of the type.
        name: `typname`.
        schema: Name of its schema.
        kind: `typtype`: `b` base, `c` composite, `d` domain, `e` enum, `p` pseudo, `r` range, `m` multirange.
        element_oid: Element type when this is a true array type, else 0.
        base_oid: Base type of a domain, else 0.
        relation_oid: The relation (or the free-standing composite type's entry in `pg_class`), else 0.
        labels: Labels of an enum, in their order.
        fields: Name and type of each attribute of a composite type that is not dropped.
        range_subtype: Subtype of a range or of a multirange's ranges, else 0.
        extension: Extension that the type belongs to.
        delimiter: Stands between the elements of an array's text form.
    """

    oid: int
    name: str
    schema: str
    kind: str
    element_oid: int = 0
    base_oid: int = 0
    relation_oid: int = 0
    labels: tuple[str, ...] = ()
    fields: tuple[tuple[str, int], ...] = ()
    range_subtype: int = 0
    extension: str | None = None
    delimiter: str = ","


# An array type is one whose element points back: typelem is also set for types that can only be subscripted.
TYPE_PARTS = """\
select e.oid from pg_catalog.pg_type e
      where e.oid = t.typelem and e.typarray = t.oid
    union all select t.typbasetype where t.typtype = 'd'
    union all select g.rngsubtype from pg_catalog.pg_range g
      where g.rngtypid = t.oid or g.rngmultitypid = t.oid
    union all select a.atttypid from pg_catalog.pg_attribute a
      where t.typtype = 'c' and a.attrelid = t.typrelid and a.attnum > 0 and not a.attisdropped"""
"""Query for the OIDs of what a row `t` of `pg_type` is built from."""

_QUERY = f"""\
with recursive wanted(oid) as (
  select w::pg_catalog.oid from pg_catalog.unnest(array[%s]::pg_catalog.int8[]) w
  union
  select part.oid from wanted join pg_catalog.pg_type t on t.oid = wanted.oid
  cross join lateral (
    {TYPE_PARTS}
  ) part(oid)
)
select t.oid::pg_catalog.text,
  t.typname::pg_catalog.text,
  n.nspname::pg_catalog.text,
  t.typtype::pg_catalog.text,
  coalesce((select e.oid from pg_catalog.pg_type e
    where e.oid = t.typelem and e.typarray = t.oid), 0)::pg_catalog.text,
  t.typbasetype::pg_catalog.text,
  t.typrelid::pg_catalog.text,
  (select pg_catalog.json_agg(l.enumlabel order by l.enumsortorder)
    from pg_catalog.pg_enum l where l.enumtypid = t.oid)::pg_catalog.text,
  (select pg_catalog.json_agg(
      pg_catalog.json_build_array(a.attname, a.atttypid::pg_catalog.int8) order by a.attnum)
    from pg_catalog.pg_attribute a
    where t.typtype = 'c' and a.attrelid = t.typrelid and a.attnum > 0
      and not a.attisdropped)::pg_catalog.text,
  coalesce((select g.rngsubtype from pg_catalog.pg_range g
    where g.rngtypid = t.oid or g.rngmultitypid = t.oid), 0)::pg_catalog.text,
  (select x.extname from pg_catalog.pg_depend d join pg_catalog.pg_extension x on x.oid = d.refobjid
    where d.classid = 'pg_catalog.pg_type'::pg_catalog.regclass and d.objid = t.oid and d.deptype = 'e'
      and d.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass)::pg_catalog.text,
  t.typdelim::pg_catalog.text
from wanted join pg_catalog.pg_type t on t.oid = wanted.oid
join pg_catalog.pg_namespace n on n.oid = t.typnamespace"""

MONEY_SCALE_QUERY = """\
select (pg_catalog.length(
  ('x' || pg_catalog.encode(pg_catalog.cash_send('1'::pg_catalog.money), 'hex'))
    ::bit(64)::pg_catalog.int8::pg_catalog.text
) - 1)::pg_catalog.text"""
"""One row, one text column: the digits after the point of `money` in the session's `lc_monetary`."""


def type_query(oids: Iterable[int]) -> str:
    """Return the query for some types and, recursively, all types that they are built from.

    Args:
        oids: OIDs to look up. Those that do not exist give no row.

    Returns:
        SQL text without parameters; its rows go to `parse_type_rows`.
    """
    return _QUERY % ", ".join(str(int(oid)) for oid in oids)


def parse_type_rows(rows: Iterable[Sequence[str | None]]) -> list[TypeInfo]:
    """Parse the rows of `type_query`.

    Args:
        rows: Rows of text, in the query's column order.

    Returns:
        One `TypeInfo` for each row.
    """
    return [
        TypeInfo(
            oid=int(oid or 0),
            name=name or "",
            schema=schema or "",
            kind=kind or "",
            element_oid=int(element or 0),
            base_oid=int(base or 0),
            relation_oid=int(relation or 0),
            labels=msgspec.json.decode(labels, type=tuple[str, ...]) if labels else (),
            fields=msgspec.json.decode(fields, type=tuple[tuple[str, int], ...]) if fields else (),
            range_subtype=int(subtype or 0),
            extension=extension,
            delimiter=delimiter or ",",
        )
        for oid, name, schema, kind, element, base, relation, labels, fields, subtype, extension, delimiter in rows
    ]
