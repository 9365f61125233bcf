"""The source of a copy: its columns, and the text of queries for parts of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from sqlspec.exceptions import DataError, SQLParsingError
from sqlspec.postgres.arrow.target import Target
from sqlspec.postgres.enclose import enclose
from sqlspec.postgres.sql import quote_identifier

__all__ = ("ALL", "Part", "Pick", "Source", "SourceColumn", "create_sql", "pick_columns")


class SourceColumn(NamedTuple):
    """One column of the source.

    Attributes:
        name: Its name, as it is.
        oid: OID of its type.
        typmod: Type modifier, of a domain that of its base type; -1 where none is known.
        type_name: The type as SQL writes it.
        not_null: Whether it forbids NULL, as far as that is known.
    """

    name: str
    oid: int
    typmod: int
    type_name: str
    not_null: bool


class Pick(NamedTuple):
    """A column that is copied.

    Attributes:
        place: Index in the source.
        name: Of the target's column.
    """

    place: int
    name: str


class Part(NamedTuple):
    """A part of the source's rows.

    Attributes:
        condition: SQL over `Source.expressions`; empty for all rows.
    """

    condition: str


ALL = Part("")


@dataclass(frozen=True, slots=True)
class Source:
    """The source of a copy.

    Attributes:
        columns: Its columns, in order.
        sql: The query, without parameters; empty for a table.
        table: The table, view or foreign table; `None` for a query.
    """

    columns: tuple[SourceColumn, ...]
    sql: str
    table: Target | None

    @property
    def name(self) -> str:
        """What it is called in messages."""
        return "the query" if self.table is None else self.table.quoted

    def place(self, column: str) -> int:
        """Return the index of a column.

        Raises:
            DataError: There is none of that name, or several.
        """
        places = [at for at, each in enumerate(self.columns) if each.name == column]
        if len(places) != 1:
            raise DataError(f"cannot copy {self.name}: it has {len(places)} columns named {column!r}, not one")
        return places[0]

    def expressions(self) -> list[str]:
        """Return what stands for each column in conditions and select lists."""
        if self.table is not None:
            return [quote_identifier(column.name) for column in self.columns]
        return [f"c{at}" for at in range(len(self.columns))]

    def select(self, items: Sequence[str], part: Part = ALL) -> str:
        """Return a query for one part; `items` are expressions over the columns."""
        if self.table is not None:
            text = f"select {', '.join(items)} from {self.table.quoted}"
        else:
            text = enclose(self.sql, len(self.columns), items) or ""
        return f"{text}\nwhere {part.condition}" if part.condition else text

    def rows(self, picks: Sequence[Pick], part: Part = ALL) -> str:
        """Return the query for the picked columns of one part, under the names of the target's columns."""
        names = self.expressions()
        return self.select([f"{names[pick.place]} as {quote_identifier(pick.name)}" for pick in picks], part)


def pick_columns(
    source: Source, target: Target | None, columns: Sequence[str] | Mapping[str, str] | None
) -> tuple[Pick, ...]:
    """Return which columns are copied, and where to.

    Args:
        source: The source.
        target: The table; `None` when it is to be made.
        columns: The caller's choice. Without one, all but those that the target's server computes.

    Raises:
        DataError: The source has no such column, or several of one name.
    """
    names = [column.name for column in source.columns]
    if columns is None:
        generated = {column.name for column in target.columns if column.generated} if target is not None else set()
        wanted = {name: name for name in names if name not in generated}
    else:
        wanted = dict(columns) if isinstance(columns, Mapping) else dict(zip(columns, columns, strict=True))
    problems = [f"it has no column {name!r}" for name in wanted if name not in names]
    problems += [
        f"it has several columns named {name!r}"
        for name, count in Counter(names).items()
        if count > 1 and name in wanted
    ]
    if not wanted and not problems:
        problems.append("no column of it is left to be copied")
    if problems:
        raise DataError(f"cannot copy {source.name}: {'; '.join(problems)}")
    return tuple(Pick(names.index(name), wanted[name]) for name in wanted)


def create_sql(name: str, source: Source, picks: Sequence[Pick]) -> str:
    """Return the statement that makes the target: columns of the source's types, NOT NULL where a table has that.

    Args:
        name: Of the target, quoted.
        source: The source.
        picks: The columns.
    """
    columns = [(pick.name, source.columns[pick.place]) for pick in picks]
    listed = ", ".join(
        f"{quote_identifier(name)} {column.type_name}{' not null' if column.not_null else ''}"
        for name, column in columns
    )
    return f"create table {name} ({listed})"


def missing(schema_and_name: str) -> SQLParsingError:
    """Return the error for a source that is not there."""
    return SQLParsingError(f"cannot copy {schema_and_name}: the source has no such table; look at its name and schema")
