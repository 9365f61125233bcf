"""The performance goals in the plan of data-bridge, a library that does not exist yet."""

from __future__ import annotations

from benchmarks.bars import ADAPTERS
from benchmarks.book import Claim, Ref
from benchmarks.cases.many import batch_of

__all__ = ("CLAIMS", "TITLE")

TITLE = "data-bridge, plan: performance goals"
OURS = tuple(f"sqlspec on {name}" for name in ADAPTERS)
INSERT, SELECT = batch_of("insert", 1000), "1000 rows, to dict"
COMMIT = tuple(Ref("transaction", name, "transaction") for name in OURS)


def _best(case: str, call: str = "") -> tuple[Ref, ...]:
    return tuple(Ref(case, name, call) for name in OURS)


CLAIMS = (
    Claim("insert 1000 rows, time", "< 40 ms", None, None, _best(INSERT), absolute=True),
    Claim("insert 1000 rows, over asyncpg", ">= 1.5x", Ref(INSERT, "asyncpg"), None, _best(INSERT)),
    Claim("insert 1000 rows, over psycopg2", "100 ms / 40 ms: 2.5x", Ref(INSERT, "psycopg2"), None, _best(INSERT)),
    Claim("select 1000 rows, time", "< 30 ms", None, None, _best(SELECT), absolute=True),
    Claim("select 1000 rows, over asyncpg", ">= 1.3x", Ref(SELECT, "asyncpg"), None, _best(SELECT)),
    Claim("select 1000 rows, over psycopg2", "80 ms / 30 ms: 2.7x", Ref(SELECT, "psycopg2"), None, _best(SELECT)),
    Claim(
        "transaction begin and commit",
        "< 1 ms",
        None,
        None,
        COMMIT,
        absolute=True,
        less={ref: ref._replace(call="query alone") for ref in COMMIT},
    ),
    Claim("connection acquisition", "< 0.1 ms", None, None, _best("pool checkout", "checkout alone"), absolute=True),
    Claim(
        "one row with a checkout, over asyncpg",
        ">= 1.5x for common operations",
        Ref("checkout and one row, to dict", "asyncpg"),
        None,
        _best("checkout and one row, to dict"),
    ),
)
