"""One statement for many rows of five columns, all or nothing."""

from __future__ import annotations

from benchmarks.cases import ask, contest

ROWS = (100, 1000, 10_000)
SECONDS = {100: 2.0, 1000: 6.0, 10_000: 6.0}
LEAST = {100: 5, 1000: 5, 10_000: 3}


def batch_of(verb: str, rows: int) -> str:
    """Return the name of a case."""
    return f"execute_many, {rows} times {verb}"


CASES = tuple(
    contest(
        batch_of(verb, rows),
        ask("many", verb=verb, rows=rows),
        seconds=SECONDS[rows],
        least=LEAST[rows],
        quick=rows == 1000 and verb == "insert",
    )
    for verb in ("insert", "update", "upsert")
    for rows in ROWS
)
