"""Many rows: what reading them costs, and what mapping them adds."""

from __future__ import annotations

from benchmarks.cases import ask, contest, overhead

THOUSAND = {"query": "many", "parameter": 1000}
BLOCKS = {10: 200, 100: 50, 1000: 20, 10_000: 3}


def rows_to_dict(rows: int) -> str:
    """Return the name of a case."""
    return f"{rows} rows, to dict"


CASES = (
    overhead(
        "1000 rows",
        ask("select", target="native", **THOUSAND),
        {
            "driver's dict": ask("select", target="dict", **THOUSAND)._replace(raw=True),
            "Struct": ask("select", target="Struct", **THOUSAND),
            "dict": ask("select", target="dict", **THOUSAND),
            "tuple": ask("select", target="tuple", **THOUSAND),
            "dataclass": ask("select", target="dataclass", **THOUSAND),
            "pydantic": ask("select", target="pydantic", **THOUSAND),
        },
        seconds=3.0,
    ),
    *(
        contest(rows_to_dict(rows), ask("select", query="many", parameter=rows, target="dict"), block=block)
        for rows, block in BLOCKS.items()
    ),
    contest("1000 rows, to Struct", ask("select", target="Struct", **THOUSAND), block=20),
    contest(
        "1000 rows of int8, text, float8, to dict",
        ask("select", query="plain", parameter=1000, target="dict"),
        block=50,
        seconds=8.0,
        quick=False,
    ),
    contest(
        "1000 rows of int8, text, float8, timestamptz, to dict",
        ask("select", query="stamped", parameter=1000, target="dict"),
        block=50,
        seconds=8.0,
    ),
    contest("1000 rows with jsonb, to dict", ask("select", query="json", parameter=1000, target="dict"), block=20),
)
