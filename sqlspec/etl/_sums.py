"""Checksums of rows, equal on two servers and in any order.

Each row becomes the server's own binary form, which no setting has a say in; the sum of the hashes of all rows is
compared. Types that are not the same on every server are taken as their text, which the settings of the source decide
on: those of the target follow, since a query gives other rows under other settings.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from sqlspec.etl._wires import base_oid, wire_of
from sqlspec.postgres.sql import quote_identifier, quote_literal

if TYPE_CHECKING:
    from sqlspec.etl._plan import KnownTypes
    from sqlspec.etl._source import Pick
    from sqlspec.postgres.arrow.target import Target

__all__ = ("STYLES", "Checksum", "digest_expressions", "digest_items", "read_checksum", "styles_script")

STYLES = (
    "select name, pg_catalog.current_setting(name) from (values ('datestyle'), ('intervalstyle'), ('timezone'), "
    "('extra_float_digits'), ('bytea_output')) as style(name)"
)
"""What the text of values depends on."""

_EQUAL_FORMS = {
    790: "({})::pg_catalog.numeric",  # its text has the signs of a language that the other server may not know
    1042: "({})::pg_catalog.bpchar::pg_catalog.text",  # without the blanks that fill it up
    1700: "pg_catalog.trim_scale(({})::pg_catalog.numeric)",  # without the zeros that fill it up
}
"""By type: what is the same for values that are equal and have several forms."""


class Checksum(NamedTuple):
    """What is known of some rows.

    Attributes:
        rows: How many there are.
        total: Sum of their hashes.
    """

    rows: int
    total: int

    def plus(self, other: Checksum) -> Checksum:
        """Return the checksum of both together."""
        return Checksum(self.rows + other.rows, self.total + other.total)


def digest_expressions(
    picks: Sequence[Pick], target: Target, known: KnownTypes, expressions: Sequence[str] | None
) -> list[str]:
    """Return an expression for each column, of a type that is the same on both servers.

    Args:
        picks: The columns.
        target: The target, whose types count: what differs in the source is converted as by the copy.
        known: Its types.
        expressions: Over the source's columns; `None` for the target itself.
    """
    columns = {column.name: column for column in target.columns}
    items = []
    for pick in picks:
        column = columns[pick.name]
        item = quote_identifier(pick.name) if expressions is None else expressions[pick.place]
        wire = wire_of(column.oid, *known)
        base = base_oid(column.oid, known.types)
        if base in _EQUAL_FORMS:
            items.append(_EQUAL_FORMS[base].format(item))
        elif wire is not None and wire[0] == "oid":
            items.append(f"({item})::pg_catalog.{quote_identifier(known.types[base].name)}")
        else:
            items.append(f"pg_catalog.format('%L', {item})")  # in which NULL and an empty text differ
    return items


def digest_items(expressions: Sequence[str]) -> list[str]:
    """Return the select list for the checksum of rows.

    Args:
        expressions: Over the columns, each of a type that is the same on both servers.
    """
    row = f"pg_catalog.record_send(row({', '.join(expressions)}))"
    hashed = f"pg_catalog.encode(pg_catalog.substr(pg_catalog.sha256({row}), 1, 8), 'hex')"
    total = f"pg_catalog.sum(('x' || {hashed})::bit(64)::pg_catalog.int8)"
    return ["pg_catalog.count(*)::pg_catalog.text", f"coalesce({total}, 0)::pg_catalog.text"]


def styles_script(rows: Sequence[Sequence[str | None]]) -> str:
    """Return the script that gives another server, until the end of the transaction, the settings of `STYLES`."""
    return "; ".join(f"set local {name} = {quote_literal(value or '')}" for name, value in rows)


def read_checksum(rows: Sequence[Sequence[str | None]]) -> Checksum:
    """Read the answer to such a query."""
    ((count, total),) = rows
    return Checksum(int(count or 0), int(total or 0))
