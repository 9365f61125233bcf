"""The table that rows are loaded into, as the catalog describes it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import msgspec

from sqlspec.exceptions import NotSupportedError, ParameterError
from sqlspec.postgres.catalog import TYPE_PARTS
from sqlspec.postgres.sql import quote_literal, quote_qualified, split_qualified

__all__ = ("Merge", "Target", "TargetColumn", "parse_table_name", "parse_target", "target_query")


class TargetColumn(NamedTuple):
    """One column of the table.

    Attributes:
        name: Its name, as it is.
        oid: OID of its type, of a domain's itself.
        typmod: Type modifier, of a domain that of its base type; -1 for none.
        type_name: The type as SQL writes it, for messages.
        not_null: Whether NULL is forbidden, by the column or by its domain.
        identity: `""`, `"a"` (ALWAYS) or `"d"` (BY DEFAULT).
        generated: Whether the server computes its values.
        has_default: Whether the column or its domain has a default.
        base_name: The type (of a domain: its base type), qualified and quoted, as casts need it.
        array_oid: OID of the array type over the base type.
        array_name: Its name, qualified and quoted.
    """

    name: str
    oid: int
    typmod: int
    type_name: str
    not_null: bool
    identity: str
    generated: bool
    has_default: bool
    base_name: str
    array_oid: int
    array_name: str


class Merge(NamedTuple):
    """How sent rows meet those of the table that have the same key.

    Attributes:
        mode: `"upsert"`, `"update"` or `"delete"`.
        key: Names of the columns that tell rows apart.
        number: Name of the column, of the temporary table only, that holds the row's number in the source.
    """

    mode: str
    key: tuple[str, ...]
    number: str


class Target(NamedTuple):
    """One table.

    Attributes:
        oid: OID in `pg_class`.
        schema: Name of its schema, as it is.
        name: Its name, as it is.
        kind: `relkind`: `r` table, `p` partitioned, `f` foreign, `v` view, ...
        columns: Its columns, in order.
        has_rules: Whether rules rewrite what is inserted; COPY would pass them by.
        row_security: Whether row security is in force for the session's user; COPY is refused then.
        client_encoding: The session's encoding.
        typmods: Type modifiers inside the columns' types: of fields of composite types by `(type OID, field name)`, of
            domains by `(type OID, "")`. Only those that are set.
        array_nulls: Whether NULL in the text form of an array is no word.
        merge: Set where rows are sent to a temporary table first, from which one statement changes this one.
    """

    oid: int
    schema: str
    name: str
    kind: str
    columns: tuple[TargetColumn, ...]
    has_rules: bool
    row_security: bool
    client_encoding: str
    typmods: dict[tuple[int, str], int]
    array_nulls: bool = True
    merge: Merge | None = None

    @property
    def quoted(self) -> str:
        """The name for SQL text, qualified and quoted."""
        return quote_qualified((self.schema, self.name))

    @property
    def triggers_query(self) -> str:
        """The query for the number of triggers that may store other rows than those that are sent."""
        oid = int(self.oid)
        return (
            "select pg_catalog.count(*)::pg_catalog.text from pg_catalog.pg_trigger where not tgisinternal "
            f"and (tgrelid = {oid} or tgrelid in (select relid from pg_catalog.pg_partition_tree({oid})))"
        )

    @property
    def place(self) -> tuple[str, str]:
        """Schema and name of the table that rows are sent to."""
        return (self.schema, self.name) if self.merge is None else ("pg_temp", "sqlspec merge")


# COPY passes rules by, and is refused where row security is in force. A domain's modifier is that of the only type in
# its chain of domains that has one. `typmods` also covers what lies inside composite types.
_QUERY = f"""\
with recursive relation as (
  select c.oid, n.nspname, c.relname, c.relkind
  from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
  where c.oid = pg_catalog.to_regclass(%s)
), wanted(oid) as (
  select a.atttypid from relation r join pg_catalog.pg_attribute a on a.attrelid = r.oid
  where a.attnum > 0 and not a.attisdropped
  union
  select part.oid from wanted join pg_catalog.pg_type t on t.oid = wanted.oid
  cross join lateral (
    {TYPE_PARTS}
  ) part(oid)
), modified(oid, name, typmod) as (
  select t.oid, '', t.typtypmod from wanted join pg_catalog.pg_type t on t.oid = wanted.oid
    where t.typtype = 'd' and t.typtypmod >= 0
  union all select t.oid, a.attname, a.atttypmod from wanted join pg_catalog.pg_type t on t.oid = wanted.oid
    join pg_catalog.pg_attribute a on a.attrelid = t.typrelid
    where t.typtype = 'c' and a.attnum > 0 and not a.attisdropped and a.atttypmod >= 0
)
select r.oid::pg_catalog.text,
  r.nspname::pg_catalog.text,
  r.relname::pg_catalog.text,
  r.relkind::pg_catalog.text,
  (exists (select from pg_catalog.pg_rewrite w
    where w.ev_class = r.oid and w.ev_type = '3' and w.ev_enabled <> 'D'))::pg_catalog.text,
  pg_catalog.row_security_active(r.oid)::pg_catalog.text,
  pg_catalog.current_setting('client_encoding')::pg_catalog.text,
  (select pg_catalog.json_agg(pg_catalog.json_build_array(m.oid::pg_catalog.int8, m.name, m.typmod))
    from modified m)::pg_catalog.text,
  pg_catalog.current_setting('array_nulls')::pg_catalog.text,
  a.attname::pg_catalog.text,
  a.atttypid::pg_catalog.text,
  greatest(a.atttypmod, d.typmod)::pg_catalog.text,
  pg_catalog.format_type(a.atttypid, a.atttypmod)::pg_catalog.text,
  (a.attnotnull or d.not_null)::pg_catalog.text,
  a.attidentity::pg_catalog.text,
  (a.attgenerated <> '')::pg_catalog.text,
  (a.atthasdef or d.has_default)::pg_catalog.text,
  (pg_catalog.quote_ident(bn.nspname) || '.' || pg_catalog.quote_ident(b.typname))::pg_catalog.text,
  b.typarray::pg_catalog.text,
  (pg_catalog.quote_ident(xn.nspname) || '.' || pg_catalog.quote_ident(x.typname))::pg_catalog.text
from relation r
left join pg_catalog.pg_attribute a on a.attrelid = r.oid and a.attnum > 0 and not a.attisdropped
left join lateral (
  with recursive chain as (
    select t.oid, t.typtype, t.typbasetype, t.typtypmod, t.typnotnull, t.typdefault
    from pg_catalog.pg_type t where t.oid = a.atttypid
    union all
    select t.oid, t.typtype, t.typbasetype, t.typtypmod, t.typnotnull, t.typdefault
    from chain join pg_catalog.pg_type t on t.oid = chain.typbasetype where chain.typtype = 'd'
  )
  select pg_catalog.max(chain.typtypmod) as typmod,
    pg_catalog.bool_or(chain.typnotnull) as not_null,
    pg_catalog.bool_or(chain.typdefault is not null and chain.typtype = 'd') as has_default,
    pg_catalog.max(chain.oid) filter (where chain.typtype <> 'd') as base
  from chain
) d on true
left join pg_catalog.pg_type b on b.oid = d.base
left join pg_catalog.pg_namespace bn on bn.oid = b.typnamespace
left join pg_catalog.pg_type x on x.oid = b.typarray
left join pg_catalog.pg_namespace xn on xn.oid = x.typnamespace
order by a.attnum"""

_KINDS = frozenset("rpfv")
READABLE_KINDS = _KINDS | {"m"}
"""Kinds of relations that rows are stored in, or read from: a materialized view too."""


def parse_table_name(text: str) -> tuple[str | None, str]:
    """Take a table's name apart.

    Args:
        text: `users`, `app.users`, `"App"."a.b"`. Bare parts are kept as written, they are not folded to lower case.

    Returns:
        Schema, `None` when it has to be found by the search path, and name; both as they are, without quotes.

    Raises:
        ParameterError: It is no such name, or has more than two parts.
    """
    *schema, name = split_qualified(text)
    if len(schema) > 1:
        raise ParameterError(
            f"cannot find the table: its name has {len(schema) + 1} parts; write table or schema.table, and put a part "
            "with a dot in double quotes"
        )
    return (schema[0] if schema else None), name


def quoted_name(schema: str | None, name: str) -> str:
    """Return a name that `parse_table_name` has taken apart for SQL text.

    Raises:
        ParameterError: It cannot be quoted.
    """
    return quote_qualified((name,) if schema is None else (schema, name))


def target_query(schema: str | None, name: str) -> str:
    """Return the query for one table: no parameters, text columns only, no row when it does not exist.

    Its rows go to `parse_target`.

    Raises:
        ParameterError: The name cannot be quoted.
    """
    return _QUERY % quote_literal(quoted_name(schema, name))


def parse_target(rows: Iterable[Sequence[str | None]], kinds: frozenset[str] = _KINDS) -> Target | None:
    """Parse the rows of `target_query`; `None` when there is no such table.

    Args:
        rows: The answer.
        kinds: What `kind` may be.

    Raises:
        NotSupportedError: The session's client_encoding is not UTF8, or it is a relation of another kind.
    """
    found = [tuple(text or "" for text in row) for row in rows]
    if not found:
        return None
    oid, schema, name, kind, rules, security, encoding, typmods, array_nulls = found[0][:9]
    if encoding != "UTF8":
        raise NotSupportedError(
            f"cannot load rows: client_encoding is {encoding}, which binary text would be taken for; set it to UTF8"
        )
    if kind not in kinds:
        raise NotSupportedError(f"cannot load into {quote_qualified((schema, name))}: it is neither a table nor a view")
    inner = msgspec.json.decode(typmods, type=list[tuple[int, str, int]]) if typmods else []
    columns = tuple(_column(row[9:]) for row in found if row[9])
    return Target(
        oid=int(oid),
        schema=schema,
        name=name,
        kind=kind,
        columns=columns,
        has_rules=rules == "true",
        row_security=security == "true",
        client_encoding=encoding,
        typmods={(part, field): typmod for part, field, typmod in inner},
        array_nulls=array_nulls == "on",
    )


def _column(row: Sequence[str]) -> TargetColumn:
    name, oid, typmod, type_name, not_null, identity, generated, has_default, base_name, array_oid, array_name = row
    return TargetColumn(
        name=name,
        oid=int(oid),
        typmod=int(typmod),
        type_name=type_name,
        not_null=not_null == "true",
        identity=identity,
        generated=generated == "true",
        has_default=has_default == "true",
        base_name=base_name,
        array_oid=int(array_oid or 0),
        array_name=array_name,
    )
