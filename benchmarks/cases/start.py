"""A new process: import, connect, first query."""

from __future__ import annotations

from benchmarks.cases import Case, ask

CASES = (
    Case(
        "new process",
        "startup",
        {"first query": ask("select", query="one", parameter=5, target="dict")},
        seconds=12.0,
        least=3,
    ),
)
