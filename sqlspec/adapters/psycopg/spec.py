"""What psycopg can do, and the spellings that it uses."""

from __future__ import annotations

from sqlspec.core.capabilities import NATIVE, AdapterSpec, Capabilities
from sqlspec.driver._statements import cache_size
from sqlspec.postgres.dsn import LIBPQ_ONLY
from sqlspec.postgres.settings import KeyDialect, Spread

__all__ = ("DIALECT", "SPEC")

SPEC = AdapterSpec(
    name="psycopg",
    dialect="postgres",
    parameter_style="numeric",
    tested_with="psycopg>=3.3.9,<3.4",
    capabilities=Capabilities(
        rows_affected=NATIVE,
        columns_when_empty=NATIVE,
        duplicate_columns=NATIVE,
        sqlstate=NATIVE,
        error_position=NATIVE,
        usable_after_error=NATIVE,
        savepoints=NATIVE,
        isolation=NATIVE,
        multi_statement=NATIVE,
        execute_many_returning=NATIVE,
        stream=NATIVE,
        stack_in_one_trip=NATIVE,
        listen=NATIVE,
        cancel=NATIVE,
        concurrent_calls=NATIVE,
        copy_in=NATIVE,
        copy_out=NATIVE,
        arrow_in=NATIVE,
        arrow_out=NATIVE,
        tls=NATIVE,
    ),
)

DIALECT = KeyDialect(
    adapter="psycopg",
    aliases={
        "conninfo": "dsn",
        "dbname": "database",
        "timeout": "acquire_timeout",
        "statement_cache_size": Spread(cache_size),
    },
    # Whatever libpq knows goes to libpq, but for what would make the connection another kind of connection.
    native=LIBPQ_ONLY - {"replication"},
    refused={
        "replication": "a replication connection takes no ordinary statements; use the driver itself",
        "prepare_threshold": "every statement is prepared at its first use; set statement_cache_size",
        "autocommit": "sessions are in autocommit mode; use transaction()",
        "row_factory": "rows are mapped by schema_type; pass it to the call",
        "cursor_factory": "no cursors of the driver are used; take provide_connection() for them",
        "configure": "run statements in a session instead, or use session_settings",
        "check": "use validate",
        "num_workers": "connections are opened by those who need them",
        "reconnect_timeout": "a connection is opened when it is needed; use connect_timeout",
        "max_waiting": "the queue of waiting callers is limited by acquire_timeout",
    },
)
