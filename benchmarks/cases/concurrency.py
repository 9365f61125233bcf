"""Many tasks, or threads, that share a pool of ten connections: time per query of all together."""

from __future__ import annotations

from benchmarks.cases import ask, contest

TASKS = (1, 4, 16, 64)
QUERIES = 320
"""Of all tasks together."""


def tasks_at_once(tasks: int) -> str:
    """Return the name of a case."""
    return f"{tasks} at once, checkout and one row"


CASES = tuple(
    contest(
        tasks_at_once(tasks),
        ask("throughput", tasks=tasks, queries=QUERIES // tasks),
        per=QUERIES,
        seconds=4.0,
        quick=tasks == 16,
    )
    for tasks in TASKS
)
