"""One row by its key."""

from __future__ import annotations

from benchmarks.cases import ask, contest, overhead

ONE = {"query": "one", "parameter": 5}
AS_DICT = ask("select", target="dict", **ONE)
SMALL_HEAP = "one row by key, to dict, small heap"

CASES = (
    overhead(
        "one row by key",
        AS_DICT,
        {
            "dict": AS_DICT,
            "tuple": ask("select", target="tuple", **ONE),
            "Struct": ask("select", target="Struct", **ONE),
            "dataclass": ask("select", target="dataclass", **ONE),
            "pydantic": ask("select", target="pydantic", **ONE),
            ":name": ask("named", **ONE),
        },
        seconds=3.0,
    ),
    contest("one row by key, to dict", AS_DICT, block=200),
    contest(SMALL_HEAP, AS_DICT, block=200, keeps_memory=False, quick=False),
    contest("one row by key, to Struct", ask("select", target="Struct", **ONE), block=200, seconds=2.0),
    contest("one row by key, :name to dict", ask("named", **ONE), block=200, seconds=2.0, quick=False),
)
