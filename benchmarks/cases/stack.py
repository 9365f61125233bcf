"""Twenty queries for one row each, sent together or one after the other."""

from __future__ import annotations

from benchmarks.cases import TWIN, Case, ask, contest

COUNT = 20
SEQUENCE = f"{COUNT} queries, one after the other"
STACK = f"{COUNT} queries, as a stack"

CASES = (
    Case(
        "stack",
        "overhead",
        {
            SEQUENCE: ask("sequence", count=COUNT),
            SEQUENCE + TWIN: ask("sequence", count=COUNT),
            STACK: ask("stack", count=COUNT),
        },
        baseline=SEQUENCE,
        seconds=1.0,
    ),
    contest(SEQUENCE, ask("sequence", count=COUNT), block=20, seconds=3.0, quick=False),
    contest(STACK, ask("stack", count=COUNT), block=20, seconds=3.0),
)
