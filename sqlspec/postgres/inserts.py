"""Storing the rows of a plain INSERT all at once: which tables that is the same for, and how rows are written.

Row by row, each row is inserted by a statement of its own: what is evaluated for it may see the rows before it, and a
constraint is checked before the next one comes. A table that `TARGET_QUERY` gives has nothing that could tell the
difference.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from struct import Struct
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlspec.postgres._fields import array_fields, copy_fields
from sqlspec.postgres.sql import quote_identifier

if TYPE_CHECKING:
    from sqlspec.postgres.codec import CodecRegistry, Encoder

__all__ = ("COPY_HEADER", "COPY_TRAILER", "TARGET_QUERY", "InsertTarget", "Writers", "parse_insert", "writers")

COPY_HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
COPY_TRAILER = b"\xff\xff"

# Functions of the server that are not immutable, and all the same see neither the table nor where a statement starts.
# Those that make JSON may call a cast of the user's.
_HARMLESS = (
    "age clock_timestamp concat concat_ws current_database current_schema current_setting date date_part date_trunc "
    "extract format gen_random_uuid inet_client_addr nextval now pg_backend_pid pg_current_xact_id random "
    "session_user text time timestamp timestamptz timestamptz_mi_interval timestamptz_pl_interval timetz timezone "
    "to_char to_tsvector transaction_timestamp txid_current uuidv4 uuidv7"
)
# Parts of an expression that call no function but those they name. PostgreSQL 15 and older call some otherwise.
_NODES = (
    "VAR CONST FUNCEXPR OPEXPR DISTINCTEXPR NULLIFEXPR SCALARARRAYOPEXPR BOOLEXPR RELABELTYPE COERCEVIAIO "
    "ARRAYCOERCEEXPR COLLATEEXPR CASEEXPR CASE CASEWHEN WHEN CASETESTEXPR ARRAYEXPR ARRAY COALESCEEXPR COALESCE "
    "NULLTEST BOOLEANTEST SQLVALUEFUNCTION NEXTVALUEEXPR"
)

TARGET_QUERY = f"""\
select n.nspname::pg_catalog.text, c.relname::pg_catalog.text, l.time = '0', f.names, f.types, f.arrays, f.array_names
from (select pg_catalog.current_setting('statement_timeout') as time) l
cross join pg_catalog.pg_class c
cross join lateral (
  select pg_catalog.count(*) filter (where s.filled) as number,
    pg_catalog.bool_and(case when s.filled then s.fits else s.kind <> 'd' end) as fit,
    pg_catalog.array_agg(s.attnum) filter (where s.evaluated) as evaluated,
    pg_catalog.array_agg(s.name order by s.place) filter (where s.filled) as names,
    pg_catalog.array_agg(s.type order by s.place) filter (where s.filled) as types,
    pg_catalog.array_agg(s.array_type order by s.place) filter (where s.filled) as arrays,
    pg_catalog.array_agg(pg_catalog.format_type(s.array_type::pg_catalog.oid, -1) order by s.place)
      filter (where s.filled) as array_names
  from (
    select p.*, coalesce(p.place <= $3::pg_catalog.int4, false) as filled,
      p.atthasdef and not coalesce(p.place <= $3, false) as evaluated
    from (
      select a.attnum, a.attname::pg_catalog.text as name, a.atttypid::pg_catalog.int8 as type, a.atthasdef,
        t.typarray::pg_catalog.int8 as array_type, t.typtype as kind,
        case when $2::pg_catalog._text is null then pg_catalog.row_number() over (order by a.attnum)
          else pg_catalog.array_position($2::pg_catalog._text, a.attname::pg_catalog.text collate pg_catalog."C")
        end as place,
        t.typtype in ('b', 'e', 'r', 'm') and t.typarray <> 0 and not (t.typelem <> 0 and t.typlen = -1)
          and a.attgenerated = '' and a.attidentity <> 'a' and (a.atttypmod = -1 or a.atttypid < 16384) as fits
      from pg_catalog.pg_attribute a
      cross join lateral (select * from pg_catalog.pg_type t where t.oid = a.atttypid limit 1) t
      where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
    ) p
  ) s
) f
cross join lateral (select * from pg_catalog.pg_namespace n where n.oid = c.relnamespace limit 1) n
where c.oid = pg_catalog.to_regclass($1::pg_catalog.text)
  and pg_catalog.pg_stat_get_xact_tuples_inserted(c.oid) > 0
  and pg_catalog.current_setting('transaction_isolation') like 'read %'
  and (l.time = '0' or l.time::pg_catalog.interval >= '10 s')
  and c.relkind = 'r' and not (c.relispartition or c.relhasrules or c.relrowsecurity)
  and f.fit and f.number = $3
  and not (c.relhastriggers and exists (
    select from pg_catalog.pg_trigger g where g.tgrelid = c.oid and not g.tgisinternal
  ))
  and not exists (
    select from pg_catalog.pg_constraint k
    where k.conrelid = c.oid and (k.condeferrable or (k.contype = 'f' and k.confrelid = c.oid))
  )
  and not exists (
    select from (
      select d.adbin::pg_catalog.text as tree from pg_catalog.pg_attrdef d
      where f.evaluated is not null and d.adrelid = c.oid and d.adnum = any (f.evaluated)
      union all select k.conbin::pg_catalog.text from pg_catalog.pg_constraint k
      where c.relchecks > 0 and k.conrelid = c.oid and k.contype = 'c'
      union all select pg_catalog.concat(i.indexprs::pg_catalog.text, i.indpred::pg_catalog.text)
      from pg_catalog.pg_index i
      where c.relhasindex and i.indrelid = c.oid and (i.indexprs is not null or i.indpred is not null)
    ) e
    where exists (
      select from pg_catalog.regexp_matches(e.tree, '\\{{([A-Z]+)', 'g') m
      where m[1] <> all ('{{{",".join(_NODES.split())}}}')
    ) or exists (
      select from pg_catalog.regexp_matches(e.tree, ':(?:op)?funcid ([0-9]+)', 'g') m
      left join pg_catalog.pg_proc p on p.oid = m[1]::pg_catalog.oid
      where p.oid is null or p.oid >= 16384
        or (p.provolatile <> 'i' and p.proname <> all ('{{{",".join(_HARMLESS.split())}}}'))
    ) or exists (
      select from pg_catalog.regexp_matches(e.tree, ':resulttype ([0-9]+)', 'g') m
      where m[1]::pg_catalog.oid >= 16384
    )
  )"""
"""Look at the table that an INSERT of the running transaction has stored a row in, and has locked by that.

Parameters: the table's name as SQL writes it; the names of the columns that are filled, or NULL for the first ones;
their number. No row: only row by row it is the same.

With an isolation level that keeps a snapshot, the answer could be older than the lock.
Everything that is evaluated for a row is looked at as the server keeps it (`pg_node_tree`): each function is known
by its OID there, however it is called. Functions of the user may do anything, and so may what makes a value of the
user's types from text.

A time limit of a statement that one row keeps may be too short for many.
"""


class InsertTarget(NamedTuple):
    """A table that rows can be stored in all at once.

    Attributes:
        schema: Name of its schema, as it is.
        table: Its name, as it is.
        steady: Statements have no time limit, so one may go on while rows are waited for.
        columns: Names of the columns that are filled.
        oids: Their types.
        array_oids: Types of arrays over these.
        array_names: Their names, qualified where that is needed, and quoted.
    """

    schema: str
    table: str
    steady: bool
    columns: tuple[str, ...]
    oids: tuple[int, ...]
    array_oids: tuple[int, ...]
    array_names: tuple[str, ...]

    def insert_sql(self, table: str) -> str:
        """Return the INSERT with one parameter per column, an array of its values.

        Args:
            table: Name of the table as the statement has it.
        """
        # In the select list the server takes the arrays apart in step, row by row, in their order.
        names = ", ".join(map(quote_identifier, self.columns))
        items = ", ".join(f"pg_catalog.unnest(${at}::{name})" for at, name in enumerate(self.array_names, 1))
        return f"insert into {table} ({names}) select {items}"


def parse_insert(rows: Sequence[Sequence[Any]]) -> InsertTarget | None:
    """Read the answer to `TARGET_QUERY`."""
    if not rows:
        return None
    schema, table, steady, *lists = rows[0]
    return InsertTarget(schema, table, steady, *map(tuple, lists))


# --- rows as bytes -----------------------------------------------------------------------------------------

Writer = Callable[[list[Sequence[Any]]], list[bytes]]

_ARRAY = Struct(">iiiii").pack

# By which letter the compiled module knows a type whose usual values it writes itself; it has the codec write others.
_KINDS = {
    "int2": "h",
    "int4": "i",
    "int8": "q",
    "uint4": "I",
    "uint8": "Q",
    "float4": "f",
    "float8": "d",
    "bool": "?",
    "text": "t",
    "bytes": "b",
    "uuid": "u",
    "date": "D",
}
_STAMPS = {1114: "s", 1184: "z"}
_OTHER = " "


class Writers(NamedTuple):
    """From rows of values to what is sent. What they raise when a value is refused does not tell which one.

    Attributes:
        copy: Gives a piece of a binary COPY (PostgreSQL manual, COPY, Binary Format), in a list of one.
        arrays: Gives an array for each column, in the binary format.
        encode: From one row to its values; raises `DataError` for the one that is refused.
    """

    copy: Writer
    arrays: Writer
    encode: Encoder


def writers(codecs: CodecRegistry, oids: tuple[int, ...]) -> Writers | None:
    """Return the functions for rows of these types; `None` where a type's binary format is not known.

    Raises:
        MissingTypesError: A type has to be read from the catalog first.
    """

    def build() -> Writers | None:
        encode = codecs.encoder(oids)
        known = [codec for oid in oids if (codec := codecs.get(oid)) is not None and not codec.is_text_fallback]
        if len(known) < len(oids):
            return None
        encoders = tuple(codec.encode for codec in known)
        kinds = "".join(_STAMPS.get(codec.oid) or _KINDS.get(codec.inline, _OTHER) for codec in known).encode()

        def arrays(rows: list[Sequence[Any]]) -> list[bytes]:
            # One dimension, NULLs possible, type of the elements, length, first index.
            heads = [_ARRAY(1, 1, oid, len(rows), 1) for oid in oids]
            return list(map(bytes.__add__, heads, array_fields(rows, kinds, encoders)))

        return Writers(lambda rows: [copy_fields(rows, kinds, encoders)], arrays, encode)

    return codecs.derive(("many", oids), oids, build)
