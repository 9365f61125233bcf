"""The comparison with psycopg in the introduction of pyro-postgres."""

from __future__ import annotations

from benchmarks.book import Claim, Ref
from benchmarks.cases import ask, contest
from benchmarks.cases.many import batch_of

__all__ = ("CASES", "CLAIMS", "TITLE")

TITLE = "pyro-postgres, introduction: compared with psycopg"
PSYCOPG, PYRO = "psycopg sync, execute()", "pyro sync"
OURS = ("sqlspec on pyro sync", "sqlspec on psycopg sync")
ROWS = {1: 200, 10: 200, 100: 50, 1000: 20}
SAYS = {
    1: "39 us, psycopg 104 us: 2.7x",
    10: "46 us, psycopg 113 us: 2.4x",
    100: "112 us, psycopg 178 us: 1.6x",
    1000: "570 us, psycopg 810 us: 1.4x",
}


def as_tuples(rows: int) -> str:
    """Return the name of a case."""
    return f"{rows} rows, to tuple"


CASES = tuple(
    contest(
        as_tuples(rows),
        ask("select", query="many", parameter=rows, target="tuple"),
        block=block,
        seconds=2.0,
        only=(PSYCOPG, "psycopg sync", PYRO, *OURS),
        quick=rows == 1,
    )
    for rows, block in ROWS.items()
)
INSERT = batch_of("insert", 1000)
CLAIMS = (
    *(
        Claim(
            f"SELECT {rows} row{'s' if rows > 1 else ''}",
            SAYS[rows],
            Ref(as_tuples(rows), PSYCOPG),
            Ref(as_tuples(rows), PYRO),
            tuple(Ref(as_tuples(rows), name) for name in OURS),
        )
        for rows in ROWS
    ),
    Claim(
        "INSERT, in a batch of 1000",
        "6 us, psycopg 20 us: 3.0x",
        Ref(INSERT, "psycopg sync"),
        Ref(INSERT, PYRO),
        tuple(Ref(INSERT, name) for name in OURS),
    ),
)
