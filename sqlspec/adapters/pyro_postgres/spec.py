"""What pyro-postgres can do, and the keys that it takes."""

from __future__ import annotations

from dataclasses import replace

from sqlspec.core.capabilities import NATIVE, AdapterSpec, Capabilities, Support
from sqlspec.driver._statements import cache_size
from sqlspec.postgres.poolers import UNFIT
from sqlspec.postgres.settings import KeyDialect, Spread

__all__ = ("ASYNC_SPEC", "DIALECT", "SYNC_SPEC")

_NO_COPY = Support("no", "the driver has no COPY: one sent to it hangs or ends the connection", "upstream")

ASYNC_SPEC = AdapterSpec(
    name="pyro_postgres",
    dialect="postgres",
    parameter_style="numeric",
    tested_with="pyro-postgres>=0.3.1,<0.3.2",
    capabilities=Capabilities(
        rows_affected=Support("emulated", "the driver counts neither batches nor MERGE, so RETURNING is added to them"),
        columns_when_empty=Support(
            "emulated", "the driver names columns in rows only; names are read once, with a row of NULL in their place"
        ),
        duplicate_columns=Support(
            "emulated", "the driver names columns in dicts only; names that occur twice are read one by one"
        ),
        sqlstate=Support("emulated", "the driver's errors are text; SQLSTATE, detail and hint are read from it"),
        error_position=Support(
            "emulated",
            "the driver hides it; where the server's English message quotes a word that stands in the statement only "
            "once, it is there",
        ),
        usable_after_error=Support(
            "emulated", "the driver leaves an answer unread behind each error; the connection is brought in step again"
        ),
        savepoints=NATIVE,
        isolation=NATIVE,
        multi_statement=NATIVE,
        execute_many_returning=Support("emulated", "the driver's batches give no rows; each row is run as a statement"),
        stream=Support("emulated", "the driver's portals leave the connection out of step; a cursor in SQL is used"),
        stack_in_one_trip=Support(
            "emulated",
            "a stack of queries that the connection knows takes two trips; any other goes one by one, in one "
            "transaction, as the driver's pipeline tells no counts",
            "upstream",
        ),
        listen=Support(
            "no",
            "the driver drops notifications unread; install psycopg or asyncpg and name it in the driver feature "
            "listen_with",
            "upstream",
        ),
        cancel=Support(
            "emulated", "the driver cannot cancel; pg_cancel_backend() is called on a connection opened for it"
        ),
        concurrent_calls=NATIVE,
        copy_in=_NO_COPY,
        copy_out=_NO_COPY,
        arrow_in=Support("emulated", "the driver has no COPY; an INSERT takes each column as one array"),
        arrow_out=Support("emulated", "the driver has no COPY; the server sends each row as one value"),
        tls=Support(
            "no",
            "the driver is built without TLS: sslmode prefer and allow connect in plain text, as they may; "
            "use another adapter where TLS is demanded",
            "upstream",
        ),
    ),
)

SYNC_SPEC = replace(
    ASYNC_SPEC,
    capabilities=replace(
        ASYNC_SPEC.capabilities,
        cancel=Support(
            "no",
            "the driver lets no other thread run while a call waits for the server; pass timeout=, which the server "
            "keeps, or use PyroPostgresAsyncConfig",
            "upstream",
        ),
        concurrent_calls=Support(
            "no",
            "the driver keeps the interpreter locked while a call waits for the server: two threads that wait for each "
            "other's row locks wait for ever; set lock_timeout, or use PyroPostgresAsyncConfig",
            "upstream",
        ),
    ),
)

_NO_TLS = "the driver is built without TLS; use another adapter, or a network that needs none"

DIALECT = KeyDialect(
    adapter="pyro_postgres",
    aliases={
        "db": "database",
        "ssl_mode": "sslmode",
        "statement_cache_size": Spread(cache_size),
    },
    refused={
        ("pooler", True): UNFIT,
        ("sslmode", "require"): _NO_TLS,
        ("sslmode", "verify-ca"): _NO_TLS,
        ("sslmode", "verify-full"): _NO_TLS,
        "sslrootcert": _NO_TLS,
        "sslcert": _NO_TLS,
        "sslkey": _NO_TLS,
        "upgrade_to_unix_socket": "it can reach another server, and loses errors; name the socket's directory as host",
        "pool_max_idle_conn": "connections are pooled here; use max_size and max_idle",
        "pool_max_concurrency": "connections are pooled here; use max_size",
    },
)
