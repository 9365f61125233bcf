"""Parameters of a statement, from texts of the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlspec.core.plan import Compiler
from sqlspec.exceptions import ParameterError, SQLParsingError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlspec.core.plan import Plan
    from sqlspec.driver import AsyncSession

__all__ = ("as_parameters", "read_parameters")

PREPARED = "sqlspec_parameters"
AS_TEXT = frozenset({"text", "character varying", "json", "jsonb"})
"""Types whose values a session takes as they are written. A JSON document that is null would become SQL's NULL."""


def read_parameters(given: Sequence[str]) -> dict[str, str | None]:
    """Split `name=value`; a name alone is NULL.

    Raises:
        ParameterError: A name is missing, or given twice.
    """
    found: dict[str, str | None] = {}
    for number, item in enumerate(given, 1):
        name, equals, value = item.partition("=")
        if not name or name in found:
            seen = f"{name!r} is there twice" if name else "it has no name"
            raise ParameterError(f"cannot read parameter {number}: {seen}; write -p name=value, or -p name for NULL")
        found[name] = value if equals else None
    return found


async def as_parameters(session: AsyncSession, sql: str, given: dict[str, str | None]) -> list[Any]:
    """Return what a session takes as the parameters of a statement.

    The server converts each text to the type that the statement gives to its placeholder, so that a text means what it
    means in SQL.

    Args:
        session: A session.
        sql: A statement.
        given: Texts by name; by `"1"`, `"2"` and so on where placeholders have no names.

    Returns:
        The positional arguments: none, or one mapping or sequence.

    Raises:
        ParameterError: Names do not fit the placeholders.
        DataError: A text is no value of its type.
    """
    plan = Compiler().plan(sql)
    texts = _bound(plan.names, plan.arity, given)
    # What cannot be executed must not be run by the preparation: that is a script.
    if not texts or plan.refusal is not None:
        return []
    try:
        await session.execute_script(f"prepare {PREPARED} as {plan.body}")
    except SQLParsingError:  # the statement itself will say so, with the place in the text that the user wrote
        return _fitted(plan, texts)
    types = await session.select_value(
        "select parameter_types::text[] from pg_catalog.pg_prepared_statements where name = $1", (PREPARED,)
    )
    await session.execute_script(f"deallocate {PREPARED}")
    values: list[Any] = list(texts)
    typed = [at for at, kind in enumerate(types) if kind not in AS_TEXT and texts[at] is not None]
    if typed:
        casts = ", ".join(f"cast(${number}::text as {types[at]})" for number, at in enumerate(typed, 1))
        row = await session.select_one(f"select {casts}", tuple(texts[at] for at in typed), schema_type=tuple)
        for at, value in zip(typed, row, strict=True):
            values[at] = value
    return _fitted(plan, values)


def _fitted(plan: Plan, values: Sequence[Any]) -> list[Any]:
    return [tuple(values)] if plan.names is None else [dict(zip(plan.names, values, strict=True))]


def _bound(names: tuple[str, ...] | None, arity: int, given: dict[str, str | None]) -> list[str | None]:
    wanted = [str(number) for number in range(1, arity + 1)] if names is None else list(names)
    missing = [name for name in wanted if name not in given]
    unused = [name for name in given if name not in wanted]
    if missing or unused:
        parts = [f"{label}: {', '.join(found)}" for label, found in (("missing", missing), ("unused", unused)) if found]
        advice = "give each as -p name=value"
        if names is None and arity:
            advice += "; placeholders without a name are 1, 2, and so on"
        raise ParameterError(f"parameters do not fit the placeholders: {', '.join(parts)}; {advice}")
    return [given[name] for name in wanted]
