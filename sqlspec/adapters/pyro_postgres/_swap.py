"""SQL that makes the driver read values as bytes. Written for pyro-postgres 0.3.1.

In a pipeline the driver decodes rows with the description that it keeps in the statement object, and the server runs
whatever statement has that object's name. So a stub is prepared whose columns have types that the driver leaves
alone, and then the server's statement of this name is replaced by the user's own, in his very words. In the same way
the names of columns, which the driver tells only as keys of a row, are read without running the statement: the
server's statement is replaced by one that gives a row of NULL.

A pipeline takes twice as long as a plain call. So a query whose columns cannot change unseen is put inside one that
gives bytes instead.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlspec.adapters.pyro_postgres._types import MARKS, NUMERIC, guard, send_items, stub_type
from sqlspec.core.scan import scan
from sqlspec.driver._statements import with_returning
from sqlspec.postgres.enclose import enclose
from sqlspec.postgres.sql import RESET_STATEMENTS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sqlspec.core.plan import Plan

__all__ = (
    "LOOKUP",
    "PREFIX",
    "freeing",
    "giving_bytes",
    "is_numeric",
    "mark_rows",
    "name_of",
    "null_row",
    "oids_of",
    "prefix_row",
    "reset_script",
    "statement_of",
    "stub",
    "swap",
    "text_of",
)

PREFIX = "_zero_s_"
"""How the driver's names of prepared statements begin."""

_BORROWED = "WHERE from_sql"

LOOKUP = (
    "select parameter_types::pg_catalog.oid[]::pg_catalog.text, result_types::pg_catalog.oid[]::pg_catalog.text, "
    "array(select p.name from pg_catalog.pg_prepared_statements p where p.name = any($2::pg_catalog.text[]))"
    "::pg_catalog.text from pg_catalog.pg_prepared_statements where name = $1"
)
"""Types of a prepared statement, and which of some other names exist: `oid` itself would be read as signed."""


def name_of(statement: Any) -> str:
    """Return the server's name of a prepared statement; the driver shows it in the `repr` alone."""
    return repr(statement).split("'")[1]


def oids_of(text: str) -> list[int]:
    """Read the text form of an array of OIDs."""
    return [int(oid) for oid in text.strip("{}").split(",") if oid]


def statement_of(sql: str) -> str:
    """Return a statement without the semicolons around it."""
    start, end = scan(sql).statements[0]
    return sql[start:end]


def freeing(names: Iterable[str]) -> str:
    """Return statements that free prepared statements, which must exist."""
    return "".join(f'deallocate "{name}"; ' for name in names)


def swap(name: str, sql: str, freed: Sequence[str] = ()) -> str:
    """Return the script that gives a prepared statement another meaning."""
    return f'{freeing((*freed, name))}prepare "{name}" as {statement_of(sql)}'


def stub(oids: Iterable[int], formats: Sequence[bool]) -> str:
    """Return the statement whose description the driver is to keep.

    Args:
        oids: Types of the columns, without domains.
        formats: For each parameter, whether it is sent as text: the driver does so for type numeric.
    """
    columns = ", ".join(f"null::pg_catalog.{stub_type(oid)}" for oid in oids)
    types = ["numeric" if as_text else "bytea" for as_text in formats]
    return f"select {columns}{_where(types)}"


def giving_bytes(sql: str, oids: Sequence[int]) -> str | None:
    """Return a query enclosed in one that gives bytes for whatever the driver would misread.

    Returns:
        The text; `None` where a change of the columns could pass unseen. A star stands for other columns, or other
        names, after a change; anything multiplied is taken for one.
    """
    if "*" in sql.replace("(*)", "") or scan(sql).verb not in ("SELECT", "VALUES"):
        return None
    text = enclose(sql, len(oids), send_items(oids, oids))
    return None if text is None else text + guard(oids)


def is_numeric(oid: int) -> bool:
    """Tell whether the driver sends bytes for this type as text."""
    return oid == NUMERIC


def _where(types: Sequence[str]) -> str:
    tests = " and ".join(f"${at}::pg_catalog.{kind} is null" for at, kind in enumerate(types, 1))
    return f" where {tests}" if tests else ""


def null_row(columns: int, parameters: int) -> str:
    """Return a statement that gives one row of NULL, for parameters that are all NULL."""
    return f"select {', '.join(['null'] * columns)}{_where(['int4'] * parameters)}"


def mark_rows(oids: Sequence[int], parameters: int) -> str:
    """Return a statement whose n-th row has a value in its n-th column alone."""
    columns = ", ".join(f"case when g = {at} then {_mark(oid)} end" for at, oid in enumerate(oids))
    series = f"pg_catalog.generate_series(0, {len(oids) - 1}) g"
    return f"select {columns} from {series}{_where(['int4'] * parameters)}"


def prefix_row(oids: Sequence[int], parameters: int) -> str:
    """Return a statement with one row that has a value in its last column alone."""
    columns = ["null"] * (len(oids) - 1) + [_mark(oids[-1])]
    return f"select {', '.join(columns)}{_where(['int4'] * parameters)}"


def _mark(oid: int) -> str:
    return MARKS.get(oid, "'x'::text")


def reset_script() -> str:
    """Return the script that resets a session, and keeps the statements that were prepared in SQL for the driver."""
    own = f"{_BORROWED} AND NOT pg_catalog.starts_with(name, '{PREFIX}')"
    return "; ".join(statement.replace(_BORROWED, own) for statement in RESET_STATEMENTS)


def text_of(plan: Plan) -> str:
    """Return what is prepared for a plan: the driver's count of a MERGE is 0, so its rows are counted."""
    return with_returning(plan.body) if plan.verb == "MERGE" and not plan.returns_rows else plan.sql
