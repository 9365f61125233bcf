"""The performance table of HyperDjango's driver, pg.zig, which is on no package index."""

from __future__ import annotations

from benchmarks.book import Claim, Ref
from benchmarks.cases import ask, contest
from benchmarks.cases.stack import COUNT, SEQUENCE, STACK

__all__ = ("CASES", "CLAIMS", "TITLE")

TITLE = "HyperDjango, PostgreSQL features: pg.zig compared with psycopg 3"
PSYCOPG = "psycopg sync, execute()"
OURS = ("sqlspec on pyro sync", "sqlspec on psycopg sync", "sqlspec on asyncpg", "sqlspec on psqlpy")
LOADERS = ("sqlspec on psycopg sync", "sqlspec on asyncpg", "sqlspec on pyro sync")
WHO = (PSYCOPG, "psycopg sync", *OURS)
EACH, LOAD = 500, 10_000
ONE, FIFTY, HUNDRED = "one row by key (pg.zig)", "50 rows (pg.zig)", "100 rows (pg.zig)"
UPDATE, INSERT, BULK = "update of one row by key", "insert, one by one", "bulk import"
BULK_MANY = "bulk import, by execute_many"


def _rows(rows: int) -> dict[str, object]:
    return {"query": "one" if rows == 1 else "many", "parameter": rows, "target": "dict"}


CASES = (
    contest(ONE, ask("select", **_rows(1)), block=200, seconds=2.0, only=WHO, quick=False),
    contest(FIFTY, ask("select", **_rows(50)), block=100, seconds=2.0, only=WHO, quick=False),
    contest(HUNDRED, ask("select", **_rows(100)), block=50, seconds=2.0, only=WHO, quick=False),
    contest(UPDATE, ask("update_one"), block=100, seconds=2.0, only=WHO, quick=False),
    contest(INSERT, ask("each", rows=EACH), per=EACH, seconds=2.0, only=(PSYCOPG, "asyncpg"), quick=False),
    contest(
        BULK,
        ask("load", rows=LOAD),
        per=LOAD,
        seconds=3.0,
        only=("psycopg sync", "asyncpg", *LOADERS),
        quick=False,
    ),
    contest(
        BULK_MANY,
        ask("many", verb="insert", rows=LOAD),
        per=LOAD,
        seconds=2.0,
        only=LOADERS,
        quick=False,
    ),
)


def _line(what: str, says: str, case: str) -> Claim:
    return Claim(what, says, Ref(case, PSYCOPG), Ref(case, "psycopg sync"), tuple(Ref(case, name) for name in OURS))


BULK_OURS = tuple(Ref(case, name) for case in (BULK, BULK_MANY) for name in LOADERS)
STACKS = tuple((Ref("stack", name, SEQUENCE), Ref("stack", name, STACK)) for name in OURS[:2])
CLAIMS = (
    _line("SELECT by PK", "21K/s, psycopg3 10K/s: 2.06x", ONE),
    _line("SELECT range (here 100 rows)", "4.18x", HUNDRED),
    _line("UPDATE", "1.52x", UPDATE),
    Claim(
        "COPY bulk import, over INSERT one by one",
        "536K rows/s, psycopg3 12K rows/s: 42.8x",
        Ref(INSERT, PSYCOPG),
        Ref(BULK, "psycopg sync"),
        BULK_OURS,
    ),
    Claim(
        "COPY bulk import, per row", "536K rows/s: 1.9 us", None, Ref(BULK, "psycopg sync"), BULK_OURS, absolute=True
    ),
    _line("micro-bench 50 rows", "69 us, psycopg3 25 ms: 365x", FIFTY),
    *(
        Claim(
            f"{COUNT} queries pipelined, over one after the other: {sequence.contestant.removeprefix('sqlspec on ')}",
            "0.24 ms, sequential 1.40 ms: 5.74x",
            sequence,
            None,
            (stack,),
        )
        for sequence, stack in STACKS
    ),
)
