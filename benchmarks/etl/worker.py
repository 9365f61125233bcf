"""One copy in a process of its own: prints seconds, technique and peak memory as JSON."""

from __future__ import annotations

import asyncio
import inspect
import json
import sys
from pkgutil import resolve_name
from typing import Any

from benchmarks.harness.memory import Peak
from sqlspec.etl import copy_table

__all__ = ("ADAPTERS",)

ADAPTERS = {
    "asyncpg": "sqlspec.adapters.asyncpg:AsyncpgConfig",
    "psycopg": "sqlspec.adapters.psycopg:PsycopgAsyncConfig",
    "psycopg-sync": "sqlspec.adapters.psycopg:PsycopgSyncConfig",
    "psqlpy": "sqlspec.adapters.psqlpy:PsqlpyConfig",
    "pyro": "sqlspec.adapters.pyro_postgres:PyroPostgresAsyncConfig",
    "pyro-sync": "sqlspec.adapters.pyro_postgres:PyroPostgresSyncConfig",
}


async def run(adapters: list[str], dsns: list[str], table: str, options: dict[str, Any]) -> dict[str, Any]:
    """Copy a few rows, which loads all modules; then the table."""
    source, target = (resolve_name(ADAPTERS[name])({"dsn": dsn}) for name, dsn in zip(adapters, dsns, strict=True))
    jobs = []
    peak = Peak()
    for query in (f"select * from {table} limit 10", table):
        peak = Peak()
        job: Any = copy_table(source, target, query, table, overwrite=True, **options)
        jobs.append(await job if inspect.isawaitable(job) else job)
    last = jobs[-1]
    return {
        "seconds": last.seconds,
        "technique": last.technique,
        "partitions": last.partitions,
        "rows": last.rows,
        "verified": last.verified,
        "peak": peak.bytes(),
    }


if __name__ == "__main__":
    given = json.loads(sys.argv[1])
    print(json.dumps(asyncio.run(run(given["adapters"], given["dsns"], given["table"], given["options"]))))
