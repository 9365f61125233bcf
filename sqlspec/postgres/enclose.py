"""Put a statement that returns rows inside another one that converts some of its columns."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlspec.core.scan import scan

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ("enclose",)


def enclose(sql: str, width: int, items: Sequence[str]) -> str | None:
    """Enclose a statement in a select of `items` over its columns.

    The statement itself stays as it is: its rows, their order (nothing in the outer query gives the planner a reason
    to sort), its locks and its parameters.

    Args:
        sql: The statement, with `$n` placeholders.
        width: Number of its columns.
        items: Expressions over the columns, which are called `c0`, `c1`, ...

    Returns:
        The text; `None` for a statement that cannot be part of another.
    """
    found = scan(sql)
    if not found.can_enclose:
        return None
    head, body = sql[: found.main_verb_at], sql[found.main_verb_at : found.statements[0][1]]
    names = ", ".join(f"c{number}" for number in range(width))
    alias = f"sqlspec_q({names})" if width else "sqlspec_q"
    listed = ", ".join(items)
    if found.verb in ("SELECT", "VALUES", "TABLE"):
        return f"{head}select {listed} from (\n{body}\n) as {alias}"
    lead = ", " if scan(head).statements else "with "
    return f"{head}{lead}{alias} as (\n{body}\n) select {listed} from sqlspec_q"
