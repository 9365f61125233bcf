"""A transaction around one query."""

from __future__ import annotations

from benchmarks.cases import ask, contest, overhead

ONE = {"query": "one", "parameter": 5}
ALONE = ask("select", target="dict", **ONE)

CASES = (
    overhead(
        "transaction",
        ask("transaction", **ONE),
        {
            "driver, query alone": ALONE._replace(raw=True),
            "query alone": ALONE,
            "transaction": ask("transaction", **ONE),
        },
        seconds=2.0,
    ),
    contest("transaction with one row, to dict", ask("transaction", **ONE), block=100, seconds=3.0, quick=False),
)
