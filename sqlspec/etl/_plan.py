"""How a copy is done, and what is wrong when it cannot be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from sqlspec.etl._wires import fits, wire_of
from sqlspec.exceptions import OperationalError, ParameterError
from sqlspec.postgres.arrow.plan import column_problems
from sqlspec.postgres.catalog import TypeInfo, parse_type_rows

if TYPE_CHECKING:
    from sqlspec.etl._source import Pick, SourceColumn
    from sqlspec.postgres.arrow.target import Target

__all__ = (
    "READS",
    "SERVER",
    "XID",
    "KnownTypes",
    "differs",
    "known_types",
    "miscounted",
    "own_rows",
    "passes_through",
    "reads_itself",
)

SERVER = """\
select pg_catalog.concat_ws('/', extract(epoch from pg_catalog.pg_postmaster_start_time()),
  pg_catalog.current_setting('port'), (select oid from pg_catalog.pg_database where datname = current_database())),
  pg_catalog.pg_backend_pid()::pg_catalog.text"""
"""The database, told from those of other servers, and the session."""

READS = """\
select pg_catalog.count(*)::pg_catalog.text from pg_catalog.pg_locks where locktype = 'relation' and pid = %s
  and relation in (select %d::pg_catalog.oid union all select relid from pg_catalog.pg_partition_tree(%d))"""
"""Whether a session of this database has locked a table or one of its partitions."""

XID = "select pg_catalog.pg_current_xact_id()::pg_catalog.text"


def own_rows(xid: str | None) -> str:
    """Return the condition for the rows that a transaction has stored, itself or in its savepoints.

    In its snapshot no row is from a transaction that began later.

    Args:
        xid: Its number; `None` when the table was empty before.
    """
    if xid is None:
        return ""
    return f" where pg_catalog.age(xmin) <= pg_catalog.age('{int(xid) % (1 << 32)}'::pg_catalog.xid)"


class KnownTypes(NamedTuple):
    """What a server says of types.

    Attributes:
        types: By OID.
        versions: Of its extensions.
    """

    types: Mapping[int, TypeInfo]
    versions: Mapping[str, str]


def known_types(rows: Sequence[Sequence[str | None]], versions: Sequence[Sequence[str | None]]) -> KnownTypes:
    """Read the answers to `type_query` and `EXTENSIONS_QUERY`."""
    return KnownTypes(
        {found.oid: found for found in parse_type_rows(rows)}, {str(name): str(version) for name, version in versions}
    )


def passes_through(
    columns: Sequence[SourceColumn], target: Target, picks: Sequence[Pick], known: KnownTypes, target_known: KnownTypes
) -> bool:
    """Tell whether the target reads the source's binary rows as they are.

    Args:
        columns: Of the source.
        target: The target.
        picks: The columns that are copied.
        known: Types of the source's columns.
        target_known: Types of the target's columns.
    """
    if column_problems(target, [pick.name for pick in picks], identities=True):
        return False
    into = {column.name: column for column in target.columns}
    return all(
        fits(
            wire_of(columns[pick.place].oid, *known),
            columns[pick.place].typmod,
            wire_of(into[pick.name].oid, *target_known),
            into[pick.name].typmod,
        )
        for pick in picks
    )


def miscounted(label: str, read: int, stored: int) -> OperationalError:
    """Return the error for a number of stored rows that nothing explains."""
    return OperationalError(
        f"{label} failed: {read} rows were read and {stored} stored; the target is as it was, run it again"
    )


def differs(label: str) -> OperationalError:
    """Return the error for rows that are stored otherwise than they were read."""
    return OperationalError(
        f"{label} failed: the checksums of source and target differ; the target is as it was: look for triggers of the "
        "target that change rows, and for a query that gives other rows each time"
    )


def reads_itself(name: str) -> ParameterError:
    """Return the error for a target that the source reads."""
    return ParameterError(
        f"cannot overwrite {name}: the source reads it, so TRUNCATE would wait for ever; pass truncate=False, or copy "
        "into another table first"
    )
