# The synchronous twin is generated from this file by tools/unasync.py.
"""Parameters as literals, for statements that the server takes no parameters in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlspec.core.plan import Compiler
from sqlspec.core.scan import scan, splice

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlspec.core.plan import Plan
    from sqlspec.driver._async_driver import AsyncDriver

__all__ = ("with_literals",)

# Names of types, their own: unlike those of SQL (`character`, `bit`) they stand for no length. And settings under which
# the text of a value could stand for another value: what they are, and what they have to be meanwhile.
_FACTS = """\
select t.oid::pg_catalog.text, pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(t.typname), null
from pg_catalog.pg_type t join pg_catalog.pg_namespace n on n.oid = t.typnamespace where t.oid in (%s)
union all
select name, pg_catalog.quote_literal(pg_catalog.current_setting(name)), safe
from (values ('datestyle', '^ISO', 'ISO'), ('intervalstyle', '^postgres$', 'postgres'),
  ('extra_float_digits', '^[123]$', '1')) as style(name, pattern, safe)
where pg_catalog.current_setting(name) !~ pattern"""

_compiler = Compiler(max_entries=256)


async def with_literals(driver: AsyncDriver, plan: Plan, args: Sequence[Any]) -> str:
    """Return a statement with its parameters as typed literals, as the server itself quotes them.

    The values are bound to a statement of ours, with the types that the statement gives its parameters, so they are
    checked and converted like all others.

    Args:
        driver: The connection, in a transaction: settings may be changed until the values are text.
        plan: The statement.
        args: Its parameters.

    Returns:
        The statement alone, without a semicolon or comments behind it.

    Raises:
        DataError: A value does not fit its parameter's type.
    """
    found = scan(plan.sql)
    start, end = found.statements[0]
    if not found.placeholders:
        return plan.sql[start:end]
    literals = await _literals(driver, (await driver.describe(plan)).parameter_oids, args)
    text = splice(plan.sql, found, lambda number: literals[number - 1])
    return text[start : len(text) - (len(plan.sql) - end)]


async def _literals(driver: AsyncDriver, oids: Sequence[int], args: Sequence[Any]) -> list[str]:
    """Return an operand for each value: a literal and its type, in parentheses so that no operator can part them."""
    facts = await driver.fetch_text(_FACTS % ", ".join(map(str, oids)))
    names = {oid: name for oid, name, style in facts if style is None}
    types = [names[str(oid)] for oid in oids]
    # Not a cast to text, which drops the blanks at the end of character(n), and may be a function of the user.
    quoted = (f"pg_catalog.format('%L', ${number}::{name})" for number, name in enumerate(types, 1))
    plan = _compiler.plan(f"select {', '.join(quoted)}")
    styles = [(name, setting, safe) for name, setting, safe in facts if safe is not None]
    if styles:
        await driver.execute_script("; ".join(f"set local {name} = {safe}" for name, _, safe in styles))
    (values,) = (await driver.execute(plan, args)).rows
    if styles:
        await driver.execute_script("; ".join(f"set local {name} = {setting}" for name, setting, _ in styles))
    return [f"({value}::{name})" for value, name in zip(values, types, strict=True)]
