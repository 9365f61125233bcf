"""Changing rows by key: the temporary table that rows are sent to, and the one statement that takes them further."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from sqlspec.exceptions import CONDITIONS, DataError, SQLParsingError
from sqlspec.postgres.arrow.target import Merge, Target, TargetColumn
from sqlspec.postgres.sql import quote_identifier, quote_qualified

if TYPE_CHECKING:
    from sqlspec.exceptions import ErrorInfo, SQLSpecError

__all__ = ("MERGES", "MergeSQL", "Merged", "bad_keys", "key_columns", "merge_target", "refusal")

MERGES = ("upsert", "update", "delete")

SHOWN = 10
"""Keys, and rows of each, that an error lists."""

_COUNTS = {
    "upsert": ("inserted", "updated", "unchanged"),
    "update": ("updated", "unchanged", "unmatched"),
    "delete": ("deleted", "unmatched"),
}


class Merged(NamedTuple):
    """What a merge has done, as `MergeSQL.apply` gives it; see `LoadJob`."""

    updated: int
    inserted: int
    deleted: int
    unchanged: int
    unmatched: int

    @classmethod
    def of(cls, rows: Iterable[Sequence[str | None]]) -> Merged:
        """Add up the answers of one statement or several."""
        none = ("0",) * len(cls._fields)
        return cls(*(sum(int(text or 0) for text in texts) for texts in zip(none, *rows, strict=True)))

    @property
    def rows(self) -> int:
        """Number of rows of the table that were written or deleted."""
        return self.updated + self.inserted + self.deleted

    def counts(self, mode: str) -> dict[str, int]:
        """Return what a mode tells."""
        return {name: getattr(self, name) for name in _COUNTS[mode]}


def merge_target(target: Target, mode: str, key: Sequence[str]) -> Target:
    """Return a table as it looks to rows that are sent to a temporary one first.

    That one takes what the statement behind it will handle: NULL or nothing in a column that it does not fill, and a
    column that the server generates, as long as it is only compared.
    """
    number = "sqlspec row"
    while any(column.name == number for column in target.columns):
        number += "_"
    columns = target.columns
    if mode != "upsert":
        columns = tuple(_relaxed(column, column.name in key) for column in columns)
    return target._replace(columns=columns, merge=Merge(mode, tuple(key), number))


def _relaxed(column: TargetColumn, is_key: bool) -> TargetColumn:
    column = column._replace(not_null=False)
    return column._replace(identity="", generated=False) if is_key else column


def refusal(target: Target, info: ErrorInfo) -> SQLSpecError | None:
    """Return the error for a statement that the server does not plan, if there is advice for it."""
    assert target.merge is not None
    key = ", ".join(map(repr, target.merge.key))
    if info.sqlstate == CONDITIONS["invalid_column_reference"]:
        return SQLParsingError(
            f"cannot upsert into {target.quoted}: it has no unique index of exactly the columns {key}; make one, or "
            "choose the key of another",
            sqlstate=info.sqlstate,
        )
    if info.sqlstate == CONDITIONS["undefined_function"]:
        return SQLParsingError(
            f"cannot {target.merge.mode} {target.quoted} by {key}: {info.message}; choose key columns of types that "
            "can be compared",
            sqlstate=info.sqlstate,
        )
    return None


def bad_keys(target: Target, total: int, groups: Iterable[Sequence[str | None]]) -> DataError:
    """Return the error for keys that are in several rows of the source, or hold NULL.

    Args:
        target: From `merge_target`.
        total: How many there are.
        groups: The first of them, as `MergeSQL.show_bad_keys` gives them.
    """
    assert target.merge is not None
    names = ", ".join(target.merge.key)
    places, details = [], []
    for rows, count, key, has_null in ([text or "" for text in group] for group in groups):
        more = int(count) - rows.count(",") - 1
        where = f"{'rows' if count != '1' else 'row'} {rows}{f' and {more} more' if more else ''}"
        places.append(f"{where} ({'NULL' if has_null == 'true' else 'the same key'})")
        details.append(f"Key ({names})=({key}) is in {where}.")
    rest = f"; and {total - len(places)} more keys" if total > len(places) else ""
    return DataError(
        f"cannot {target.merge.mode} {target.quoted}: the key ({names}) must tell the rows of the source apart: "
        f"{'; '.join(places)}{rest}; nothing is stored, leave such rows out",
        detail="\n".join(details),
    )


def _numbers(rows: Iterable[int]) -> str:
    return f"'{{{','.join(map(str, rows))}}}'::pg_catalog.int8[]"


def key_columns(
    columns: Sequence[str] | Mapping[str, str] | None, key: Sequence[str]
) -> Sequence[str] | Mapping[str, str]:
    """Return the choice of columns that leaves only the key of what was chosen."""
    if isinstance(columns, Mapping):
        return {name: new for name, new in columns.items() if new in key}
    return [name for name in key if columns is None or name in columns]


@dataclass(frozen=True)
class MergeSQL:
    """The statements of one merge.

    Attributes:
        target: From `merge_target`.
        names: The columns that are sent, without the row's number.
    """

    target: Target
    names: tuple[str, ...]

    @property
    def create(self) -> str:
        """Makes the temporary table: the columns have the types of the target, and no constraints."""
        columns = ", ".join(f"t.{quote_identifier(name)}" for name in self.names)
        return (
            f"create temporary table {quote_identifier(self.target.place[1])} on commit drop as "
            f"select {columns}, 0::pg_catalog.int8 as {self._number} from {self.target.quoted} as t with no data"
        )

    @property
    def check(self) -> str:
        """Lets the server refuse the other statements before rows are sent: it plans them and checks the rights."""
        return f"explain {self.count_bad_keys};\nexplain {self.apply()}"

    @property
    def drop(self) -> str:
        """Drops the temporary table."""
        return f"drop table {self._staging}"

    @property
    def mode(self) -> str:
        """What the rows are for."""
        return self._merge.mode

    # -- keys ---------------------------------------------------------------------------------------------------

    @property
    def count_bad_keys(self) -> str:
        """Counts the keys that are in several rows or hold NULL."""
        return f"select pg_catalog.count(*)::pg_catalog.text from (select {self._bad_keys}) as g"

    @property
    def show_bad_keys(self) -> str:
        """Gives the first of these keys, as `bad_keys` reads them."""
        names = [quote_identifier(name) for name in self._key]
        same = " and ".join(f"s.{name} is not distinct from g.{name}" for name in names)
        texts = ", ".join(f"coalesce(g.{name}::pg_catalog.text, 'null')" for name in names)
        return f"""\
select
  pg_catalog.array_to_string(
    array(select s.{self._number} from {self._staging} as s where {same} order by 1 limit {SHOWN}), ', '
  ),
  n::pg_catalog.text, pg_catalog.concat_ws(', ', {texts}), (nulls > 0)::pg_catalog.text
from (
  select {self._keys_of("s")}, pg_catalog.count(*) as n, {self._nulls} as nulls,
    pg_catalog.min(s.{self._number}) as first
  {self._bad_keys} order by first limit {SHOWN}
) as g
order by first"""

    @property
    def find_bad_keys(self) -> str:
        """Gives the numbers of all rows of these keys, and whether the key holds NULL."""
        return f"""\
select number::pg_catalog.text, (nulls > 0)::pg_catalog.text
from (
  select s.{self._number} as number, {self._nulls} as nulls,
    pg_catalog.count(*) over (partition by {self._keys_of("s")}) as n
  from {self._staging} as s
) as s
where n > 1 or nulls > 0 order by s.number"""

    @property
    def index(self) -> str:
        """Makes an index for the rows' numbers."""
        return f"create index on {self._staging} ({self._number})"

    @property
    def key_column(self) -> str | None:
        """The key, where it is a single column."""
        return self._key[0] if len(self._key) == 1 else None

    def discard(self, rows: Iterable[int]) -> str:
        """Take rows out of the temporary table, by their numbers."""
        return f"delete from {self._staging} where {self._number} = any ({_numbers(rows)})"

    def discard_others(self, rows: Iterable[int]) -> str:
        """Take all other rows out of the temporary table."""
        return f"delete from {self._staging} where {self._number} <> all ({_numbers(rows)})"

    # -- the statement ------------------------------------------------------------------------------------------

    def apply(self, start: int | None = None, stop: int | None = None) -> str:
        """Return the statement that changes the target; its answer is for `Merged.of`.

        Args:
            start: Number of the first row; `None` for all rows.
            stop: Number behind the last row.
        """
        within = "" if start is None else f" where {self._number} >= {start} and {self._number} < {stop}"
        rows = f"with s as not materialized (select * from {self._staging}{within})"
        return f"{rows},\n{self._upsert() if self.mode == 'upsert' else self._change()}"

    @property
    def quick(self) -> str:
        """Upserts all rows in less time, or is refused.

        By servers before PostgreSQL 17, for some kinds of tables, and when others insert the same keys meanwhile.
        """
        update = f"when matched and {self._differ('s')} then update set {self._sets('s')}" if self._values else ""
        names, sources = self._inserted
        return f"""\
with merged as (
  merge into {self._table} as t using {self._staging} as s on {self._same} {update}
  when not matched then insert ({names}) values ({sources}) returning merge_action() as action
)
select updated::pg_catalog.text, inserted::pg_catalog.text, '0', (n - updated - inserted)::pg_catalog.text, '0'
from (
  select pg_catalog.count(*) filter (where action = 'UPDATE') as updated,
    pg_catalog.count(*) filter (where action = 'INSERT') as inserted from merged
) as counted, (select pg_catalog.count(*) as n from {self._staging}) as sent"""

    def _upsert(self) -> str:
        # ON CONFLICT would do by itself, but it locks also the rows that it leaves as they are, and does not tell what
        # it has done. Here it is for rows that others insert meanwhile.
        names, sources = self._inserted
        update = f"update {self._table} as t set {self._sets('s')} from s where {self._same} and {self._differ('s')}"
        action = f"update set {self._sets('excluded')} where {self._differ('excluded')}"
        return f"""\
updated as ({f"{update} returning 1" if self._values else "select where false"}),
inserted as (
  insert into {self.target.quoted} as t ({names})
  select {sources} from s where not exists (select from {self._table} as t where {self._same})
  on conflict ({", ".join(map(quote_identifier, self._key))}) do {action if self._values else "nothing"} returning 1
)
select updated::pg_catalog.text, inserted::pg_catalog.text, '0', (n - updated - inserted)::pg_catalog.text, '0'
from (
  select (select pg_catalog.count(*) from updated) as updated, (select pg_catalog.count(*) from inserted) as inserted,
    (select pg_catalog.count(*) from s) as n
) as counted"""

    @property
    def _inserted(self) -> tuple[str, str]:
        """Names of the columns, and where their values come from."""
        names = [quote_identifier(name) for name in self.names]
        return ", ".join(names), ", ".join(f"s.{name}" for name in names)

    @property
    def _table(self) -> str:
        """The table to upsert into: itself, as a unique index is of it, not of tables that inherit from it."""
        return f"only {self.target.quoted}" if self.target.kind == "r" else self.target.quoted

    def _change(self) -> str:
        target, hit = self.target.quoted, f"t.{quote_identifier(self._key[0])}"
        if self.mode == "update":
            change = f"update {target} as t set {self._sets('s')} from s where {self._same} and {self._differ('s')}"
            done = "n::pg_catalog.text, '0', '0'"
        else:
            change = f"delete from {target} as t using s where {self._same}"
            done = "'0', '0', n::pg_catalog.text"
        return f"""\
changed as ({change} returning 1)
select {done}, (hits - n)::pg_catalog.text, misses::pg_catalog.text
from (select pg_catalog.count(*) as n from changed) as counted, (
  select pg_catalog.count({hit}) as hits, pg_catalog.count(*) - pg_catalog.count({hit}) as misses
  from s left join {target} as t on {self._same}
) as found"""

    def _sets(self, other: str) -> str:
        return ", ".join(f"{name} = {other}.{name}" for name in self._values)

    @property
    def _same(self) -> str:
        return " and ".join(f"t.{name} = s.{name}" for name in map(quote_identifier, self._key))

    def _differ(self, other: str) -> str:
        # Byte by byte: it works for every type, also for those without an operator for equality.
        old = ", ".join(f"t.{name}" for name in self._values)
        new = ", ".join(f"{other}.{name}" for name in self._values)
        return f"row({old})::pg_catalog.record operator(pg_catalog.*<>) row({new})::pg_catalog.record"

    def _keys_of(self, table: str) -> str:
        return ", ".join(f"{table}.{quote_identifier(name)}" for name in self._key)

    @property
    def _bad_keys(self) -> str:
        keys = self._keys_of("s")
        return f"from {self._staging} as s group by {keys} having pg_catalog.count(*) > 1 or {self._nulls} > 0"

    @property
    def _nulls(self) -> str:
        # Not `is null`, which is true for a composite value of NULLs.
        return f"pg_catalog.num_nulls({self._keys_of('s')})"

    @cached_property
    def _values(self) -> list[str]:
        """The columns that are not part of the key, quoted."""
        return [quote_identifier(name) for name in self.names if name not in self._key]

    @property
    def _merge(self) -> Merge:
        assert self.target.merge is not None
        return self.target.merge

    @property
    def _key(self) -> tuple[str, ...]:
        return self._merge.key

    @property
    def _number(self) -> str:
        return quote_identifier(self._merge.number)

    @property
    def _staging(self) -> str:
        return quote_qualified(self.target.place)
