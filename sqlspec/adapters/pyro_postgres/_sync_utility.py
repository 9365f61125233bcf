# Generated from _async_utility.py by tools/unasync.py. Do not edit.
"""Commands with parameters or rows, which the server runs without planning them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlspec.adapters.pyro_postgres._sio import SPEC
from sqlspec.adapters.pyro_postgres._types import is_misread, make_encoder, refuse_misread
from sqlspec.core.result import RawResult
from sqlspec.postgres.casts import REGCLASS, Cast, cast_parameters, type_names_query

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlspec.adapters.pyro_postgres._sync_driver import SyncPyroPostgresDriver
    from sqlspec.core.plan import Plan

__all__ = ("COUNTED_COMMANDS", "run_utility", "with_text_parameters")

COUNTED_COMMANDS = frozenset({"COPY", "FETCH", "MOVE", "EXECUTE"})
"""Commands whose tag has a count, so that 0 is one."""


def run_utility(driver: SyncPyroPostgresDriver, plan: Plan, args: Sequence[Any]) -> RawResult:
    """Run a command whose shape may be another one each time.

    The server's statement cannot be replaced in SQL, so what the driver would misread is refused.
    """
    statements, wire = driver.statements, driver.wire
    real = wire.prepare(plan.sql)
    types = statements.types_of(statements.note(real))
    values = make_encoder(driver.derived.codecs, types.parameters)(args)
    if any(map(statements.is_odd, types.parameters)):
        real = wire.prepare(with_text_parameters(driver, plan.sql, types.parameters))
        types = statements.types_of(statements.note(real))
    if types.results is None:
        count = wire.count(real, values)
        return RawResult((), (), "tuple", count if plan.verb in COUNTED_COMMANDS else None)
    if any(map(is_misread, types.results)):
        refuse_misread(SPEC.name, plan.verb, statements.names_of(real, types), types.results)
    if len(types.results) == 1:
        named = wire.named_rows(real, values)
        found = [tuple(row.values()) for row in named]
        names = tuple(named[0]) if named else statements.names_of(real, types)
    else:
        found = wire.rows(real, values)
        names = statements.names_of(real, types)
    columns = statements.columns(names, types.results)
    prepared = statements.described(real, types, columns)
    rows = driver.decoded(prepared, found)
    return RawResult(rows, columns, "tuple", len(rows) if plan.verb in COUNTED_COMMANDS else None)


def with_text_parameters(driver: SyncPyroPostgresDriver, sql: str, oids: Sequence[int]) -> str:
    """Return a text in which the server converts parameters that have no binary format from text."""
    odd = {at: oid for at, oid in enumerate(oids, 1) if driver.statements.is_odd(oid)}
    if not odd:
        return sql
    ((*names,),) = driver.fetch_text(type_names_query(odd.values()))
    base = driver.derived.codecs.base_oid
    casts = {at: Cast(name or "", base(odd[at]) == REGCLASS) for at, name in zip(odd, names, strict=True)}
    return cast_parameters(sql, casts)
