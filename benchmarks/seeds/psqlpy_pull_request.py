"""The four causes that psqlpy's pull request 172 gives for being slower than asyncpg, in the release used here.

The request has no figures; what is reproduced is the distance to asyncpg that it names each cause of, and how much of
it is left through this package.
"""

from __future__ import annotations

from benchmarks.book import Claim, Ref
from benchmarks.cases import ask, contest
from benchmarks.cases.concurrency import tasks_at_once
from benchmarks.cases.many import batch_of

__all__ = ("CASES", "CLAIMS", "TITLE")

TITLE = "psqlpy, pull request 172: distance to asyncpg"
OURS = "sqlspec on psqlpy"
RECORDS, COPY = "1000 rows as the driver gives them", "COPY of 5000 records"
MANY = "5000 records by execute_many"

CASES = (
    contest(
        RECORDS,
        ask("select", query="many", parameter=1000, target="native"),
        block=20,
        seconds=2.0,
        only=("asyncpg", "psqlpy, result()", "psqlpy", OURS),
        quick=False,
    ),
    contest(
        COPY,
        ask("load", rows=5000),
        per=5000,
        seconds=3.0,
        only=("asyncpg", "psqlpy", OURS, "sqlspec on asyncpg"),
        quick=False,
    ),
    contest(MANY, ask("many", verb="insert", rows=5000), per=5000, seconds=2.0, only=(OURS,), quick=False),
)


def _cause(what: str, says: str, case: str, theirs: str = "psqlpy") -> Claim:
    return Claim(what, says, Ref(case, "asyncpg"), Ref(case, theirs), (Ref(case, OURS),))


CLAIMS = (
    _cause("prepared execute: a lock of the process", "one row by key", "one row by key, to dict"),
    _cause("the same with 16 tasks", "serialization point", tasks_at_once(16)),
    _cause("execute_many: the statement is built for each row", "1000 rows: 999 lookups", batch_of("insert", 1000)),
    _cause("COPY of records: pieces of 4 KiB", "asyncpg: 512 KiB, 128x", COPY)._replace(
        ours=(Ref(COPY, OURS), Ref(MANY, OURS))
    ),
    _cause("result(): a dict for each row", "3x the memory of a Record", RECORDS, "psqlpy, result()"),
)
