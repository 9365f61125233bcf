"""What is asked of the package, as far as it is a figure of this suite."""

from __future__ import annotations

from benchmarks.book import Bar, Book, Ref, difference, quicker, times
from benchmarks.cases import RAW
from benchmarks.cases.many import batch_of
from benchmarks.cases.point import SMALL_HEAP
from benchmarks.cases.pool import BARE
from benchmarks.cases.stack import SEQUENCE, STACK

__all__ = ("ADAPTERS", "BARS", "overhead_of")

ADAPTERS = ("asyncpg", "psycopg", "psycopg sync", "psqlpy", "pyro", "pyro sync")
OURS = tuple(f"sqlspec on {name}" for name in ADAPTERS)
ONE_ROW = "one row by key"
THOUSAND = "1000 rows"
TO_DICT = "one row by key, to dict"
PLAIN = "1000 rows of int8, text, float8, to dict"
STAMPED = "1000 rows of int8, text, float8, timestamptz, to dict"
MICROSECONDS, RATIO = "{:+.1f} us", "{:.2f}x"
LEAST_OVERHEAD = 0.5
"""Microseconds; what is less than this, or negative, counts as this when overheads are compared."""


def overhead_of(contestant: str, call: str = "dict", case: str = ONE_ROW) -> tuple[Ref, Ref]:
    """Return what a library does, and the same by its driver alone."""
    return Ref(case, contestant, call), Ref(case, contestant, RAW)


def _less_overhead(driver: str) -> Bar:
    ours = difference(*overhead_of(f"sqlspec on {driver}"))
    theirs = difference(*overhead_of(f"SQLSpec 0.69 on {driver}"))

    def value(book: Book) -> float | None:
        here, there = ours(book), theirs(book)
        return None if here is None or there is None else there / max(here, LEAST_OVERHEAD)

    return Bar("one row by key to dict: overhead of SQLSpec 0.69 / ours", driver, ">= 8x", value, 8, False, "{:.0f}x")


def _one_row(driver: str, limit: float) -> Bar:
    value = difference(*overhead_of(f"sqlspec on {driver}"))
    return Bar("one row by key to dict, over the driver", driver, f"<= +{limit:g} us", value, limit, True, MICROSECONDS)


def _mapped(driver: str, limit: float) -> Bar:
    value = times(*overhead_of(f"sqlspec on {driver}", "Struct", THOUSAND))
    return Bar("1000 rows to Struct / the driver's rows", driver, f"<= {limit:g}x", value, limit, True, RATIO)


def _best(what: str, case: str, limit: float) -> Bar:
    value = quicker([Ref(case, name) for name in OURS], Ref(case, "asyncpg"))
    return Bar(f"{what}: best adapter / asyncpg alone", "", f">= {limit:g}x faster", value, limit, False, RATIO)


def _many(driver: str, limit: float) -> Bar:
    case = batch_of("insert", 1000)
    value = times(Ref(case, f"sqlspec on {driver}"), Ref(case, "asyncpg"))
    return Bar("execute_many, 1000 inserts / asyncpg.executemany", driver, f"<= {limit:g}x", value, limit, True, RATIO)


def _checkout(driver: str) -> Bar:
    ours = f"sqlspec on {driver}"
    value = times(Ref("pool checkout", ours, "checkout and query"), Ref("pool checkout", ours, BARE))
    return Bar("checkout and one row / one row", driver, "<= 1.05x", value, 1.05, True, RATIO)


def _acquire(driver: str) -> Bar:
    ref = Ref("pool checkout", f"sqlspec on {driver}", "checkout alone")

    def value(book: Book) -> float | None:
        seconds = book.median(ref)
        return None if seconds is None else seconds * 1e6

    return Bar("pool acquisition", driver, "<= 5 us", value, 5, True, "{:.1f} us")


def _stack(driver: str) -> Bar:
    ours = f"sqlspec on {driver}"
    value = times(Ref("stack", ours, SEQUENCE), Ref("stack", ours, STACK))
    return Bar("stack of 20 / 20 queries one after the other", driver, ">= 3x faster", value, 3, False, RATIO)


def _transaction(driver: str) -> Bar:
    ours = f"sqlspec on {driver}"
    whole = difference(*overhead_of(ours, "transaction", "transaction"))
    query = difference(Ref("transaction", ours, "query alone"), Ref("transaction", ours, "driver, query alone"))

    def value(book: Book) -> float | None:
        both = whole(book), query(book)
        return None if both[0] is None or both[1] is None else both[0] - both[1]

    return Bar("begin and commit, over the driver", driver, "<= +15 us", value, 15, True, MICROSECONDS)


BARS = (
    *(_one_row(*one) for one in (("asyncpg", 5), ("psycopg sync", 4), ("pyro sync", 6), ("psqlpy", 8))),
    *map(_less_overhead, ("asyncpg", "psycopg", "psycopg sync", "psqlpy")),
    *(
        _mapped(driver, 1.2 if driver in ("psqlpy", "pyro", "pyro sync") else 1.12)
        for driver in ("asyncpg", "psycopg", "psycopg sync", "psqlpy", "pyro", "pyro sync")
    ),
    _best("one row by key", TO_DICT, 1.8),
    _best("one row by key, small heap", SMALL_HEAP, 1.8),
    _best("1000 rows with a timestamptz", STAMPED, 1.3),
    _best("1000 rows without one", PLAIN, 1.1),
    *(_many(driver, 0.8 if "pyro" in driver else 0.6) for driver in ADAPTERS),
    *map(_checkout, ADAPTERS),
    *map(_acquire, ADAPTERS),
    *map(_stack, [driver for driver in ADAPTERS if driver != "asyncpg"]),  # the drivers that can send a stack together
    *map(_transaction, ADAPTERS),
)
