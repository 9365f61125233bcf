"""Send parameters as text, which the server converts: for types that have no binary format, or none that is known."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sqlspec.core.scan import scan, splice

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ("REGCLASS", "Cast", "cast_parameters", "type_names_query")


REGCLASS = 2205


class Cast(NamedTuple):
    """What a text is converted to.

    Attributes:
        name: SQL name of the type.
        is_regclass: It is `regclass` or a domain over it, whose cast from text takes less than its input function.
    """

    name: str
    is_regclass: bool = False


def type_names_query(oids: Iterable[int]) -> str:
    """Return the query for one row with the SQL names of types, as the session's search path has them."""
    return f"select {', '.join(f'pg_catalog.format_type({oid:d}, null)' for oid in oids)}"


def cast_parameters(sql: str, casts: Mapping[int, Cast]) -> str:
    """Return the text with some parameters sent as text.

    Args:
        sql: A text with `$n` placeholders.
        casts: By number of the parameter.
    """

    def render(number: int) -> str:
        cast, text = casts.get(number), f"${number}::pg_catalog.text"
        if cast is None:
            return f"${number}"
        if cast.is_regclass:
            numeric = f"pg_catalog.replace({text}, '-', '0')::pg_catalog.oid::pg_catalog.regclass"
            named = f"{text}::pg_catalog.regclass"
            return (
                f"(case when {text} operator(pg_catalog.~) '^(-|[0-9]+)$' then {numeric} else {named} end::{cast.name})"
            )
        return f"({text}::{cast.name})"

    return splice(sql, scan(sql), render)
