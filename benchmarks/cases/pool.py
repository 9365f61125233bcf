"""Taking a connection from a pool."""

from __future__ import annotations

from benchmarks.cases import TWIN, Case, ask, contest

ONE = {"query": "one", "parameter": 5}
BARE = "query on a kept session"

CASES = (
    Case(
        "pool checkout",
        "overhead",
        {
            BARE: ask("kept", **ONE),
            BARE + TWIN: ask("kept", **ONE),
            "checkout and query": ask("checkout", **ONE),
            "checkout alone": ask("acquire"),
        },
        baseline=BARE,
        block=50,
        seconds=2.0,
    ),
    contest("checkout and one row, to dict", ask("checkout", **ONE), block=200),
)
