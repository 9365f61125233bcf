"""The most memory that the first reading of 100,000 rows of four columns takes."""

from __future__ import annotations

from benchmarks.cases import Case, ask

ROWS = {"query": "many", "parameter": 100_000}

CASES = tuple(
    Case(
        f"100000 rows, to {target}",
        "memory",
        {"": ask("select", target=target, **ROWS)},
        least=2,
        quick=False,
    )
    for target in ("dict", "Struct")
)
