"""Text that breaks out of SQL that is put together without care, one way out each."""

from __future__ import annotations

__all__ = ("HOSTILE", "NAMES", "REFUSED", "SPRUNG", "TRAP")

TRAP = """
create sequence fired;
create function fire() returns bigint language sql as $$ select nextval('fired') $$;
"""
"""Makes what each of the texts would call. A sequence keeps its value, whatever is rolled back later."""

SPRUNG = "select is_called from {}.fired"
"""Tells whether any of them did; takes the schema."""

_CALL = "select fire()"

NAMES: dict[str, str] = {
    "double quote": f'x"; {_CALL}; --',
    "quote": f"x'; {_CALL}; --",
    "backslash": f"x\\'; {_CALL}; --",
    "both": f"""x'"\\""'; {_CALL}; --""",
    "parenthesis": f"x); {_CALL}; --",
    "list": 'x", "id" = "id"; --',
    "placeholders": f"$1 :a %s ? %(a)s {{c}} {{0}} {{}} %d $$; {_CALL}; $$",
    "comment": f"x*/ -- /*\n; {_CALL};",
    "statement": f"{_CALL}::int as id",
    "keyword": "select",
    "mixed case": "Mixed Case.Name",
    "wide": "x\uff02; \u02bc; \u2019 --",  # what other encodings fold into quotes
}
"""Names that PostgreSQL takes: an object may have each of them."""

REFUSED: dict[str, str] = {
    "long": "x" * 62 + f'"; {_CALL}; --',  # what cutting a name off would leave open
    "nul": f'x\0"; {_CALL}; --',
    "surrogate": f'x\ud800"; {_CALL}; --',
    "empty": "",
    "blank": " ",
}

HOSTILE: dict[str, str] = {**NAMES, **REFUSED}
