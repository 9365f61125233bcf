"""The same without async and await. One pool serves all threads."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor

from sqlspec.adapters.psycopg import PsycopgSyncConfig
from sqlspec.testing import EmbeddedPostgres


def main(dsn: str) -> None:
    with PsycopgSyncConfig(connection_config={"dsn": dsn, "max_size": 3}) as config:
        with config.provide_session() as session:
            with session.transaction():
                session.execute("create temporary table numbers (n int)")
                session.execute_many("insert into numbers values (?)", range(1, 6))
            print(session.select_value("select sum(n) from numbers"))
            print(session.select("select n, sqrt(n)::numeric(4, 3) as root from numbers order by n limit :top", top=2))

        def power(exponent: int) -> int:
            with config.provide_session() as session:
                result: int = session.select_value("select (2 ^ $1::int)::bigint", exponent)
                return result

        with ThreadPoolExecutor(max_workers=8) as threads:
            print(list(threads.map(power, range(10))))
        print("at most 3 connections:", config.stats().size <= 3)


if __name__ == "__main__":
    if given := os.environ.get("SQLSPEC_TEST_DSN"):
        main(given)
    else:
        with EmbeddedPostgres() as server:
            main(server.dsn)
