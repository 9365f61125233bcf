"""Run random statements while signals interrupt them; print what went wrong. Started by a test, with a limit of time.

Usage: python fuzz_signals.py DSN SEED STATEMENTS
"""

from __future__ import annotations

import random
import signal
import sys
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import psycopg

from sqlspec.adapters.pyro_postgres import PyroPostgresSyncConfig
from sqlspec.core.plan import Compiler
from sqlspec.exceptions import SQLSpecError

STATEMENTS: tuple[Callable[[int], tuple[str, Any]], ...] = (
    lambda nonce: ("select $1::int8 + 1", nonce),
    lambda nonce: ("select ($1::int8 + 1)::numeric", nonce),
    lambda nonce: ("select $1::int8 + 1 as n from pg_sleep(0.002)", nonce),
    lambda nonce: (f"select {nonce % 300}::numeric + $1 + 1", Decimal(nonce - nonce % 300)),
    lambda nonce: ("select 1 / ($1::int8 - $1::int8)", nonce),
    lambda nonce: (f"select {nonce} / (300 - g) + $1::int8 from generate_series(299, 300) g", 1),
)
"""Each gives the number after the given one, or fails: at once, or behind rows."""


class Interrupted(BaseException):
    """What a signal handler of an application may raise, like KeyboardInterrupt."""


def is_in_transaction(watcher: psycopg.Connection[Any], pid: int | None) -> bool:
    state = watcher.execute("select state from pg_stat_activity where pid = %s", [pid]).fetchone()
    return state is not None and state[0].startswith("idle in transaction")


def main(dsn: str, seed: int, count: int) -> int:
    chance = random.Random(seed)
    raising = True

    def ring(*_: Any) -> None:
        if raising:
            raise Interrupted

    signal.signal(signal.SIGALRM, ring)
    plans = Compiler()
    config = PyroPostgresSyncConfig({"dsn": dsn})
    watcher: psycopg.Connection[Any] = psycopg.connect(dsn, autocommit=True)
    driver = config.connect()
    failures: tuple[type[BaseException], ...] = (Interrupted, SQLSpecError, *driver.native_errors)
    wrong = interrupted = reopened = 0
    for _ in range(count):
        nonce = chance.randrange(1 << 40)
        raising = chance.random() < 0.5
        text, value = chance.choice(STATEMENTS)(nonce)
        try:
            try:
                if chance.random() < 0.4:
                    signal.setitimer(
                        signal.ITIMER_REAL, chance.choice([0.0001, 0.0003, 0.004]) * chance.random() + 1e-6
                    )
                if chance.random() < 0.3:
                    driver.begin("begin")
                found = driver.execute(plans.plan(text), (value,)).rows[0][0]
                if found != nonce + 1:
                    wrong += 1
                    print(f"{text} with {value!r} gave {found!r}", file=sys.stderr)
                if driver.status() == "active":
                    driver.commit()
            finally:
                raising = False  # the alarm may be handled by another thread, and reach this one late
                signal.setitimer(signal.ITIMER_REAL, 0)
        except failures:
            interrupted += 1
        try:
            # What a session and its pool do after a failure.
            if not driver.is_closed():
                driver.settle()
                if driver.status() == "idle" and is_in_transaction(watcher, driver.backend_pid):
                    wrong += 1
                    print(f"{text} left a transaction open", file=sys.stderr)
                if driver.status() != "idle":
                    driver.rollback()
        except failures:
            pass
        if driver.is_closed():
            reopened += 1
            driver.close()
            driver = config.connect()
    driver.close()
    config.close()
    print(f"wrong={wrong} interrupted={interrupted} reopened={reopened}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
