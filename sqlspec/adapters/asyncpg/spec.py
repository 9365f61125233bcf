"""What asyncpg can do, and the spellings that it uses."""

from __future__ import annotations

import ssl
from typing import Any

from sqlspec.core.capabilities import NATIVE, AdapterSpec, Capabilities, Support
from sqlspec.driver._statements import cache_size
from sqlspec.postgres.settings import KeyDialect, Spread

__all__ = ("DIALECT", "SPEC")

SPEC = AdapterSpec(
    name="asyncpg",
    dialect="postgres",
    parameter_style="numeric",
    tested_with="asyncpg>=0.32,<0.33",
    capabilities=Capabilities(
        rows_affected=Support(
            "emulated",
            "the driver reports no count for a batch, so RETURNING is added to it; a batch into a table whose rules "
            "forbid that gives None",
        ),
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
        stack_in_one_trip=Support(
            "emulated",
            "the driver has no pipeline mode: statements of a stack are sent one by one, in one transaction",
            "upstream",
        ),
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


def _ssl(value: Any) -> dict[str, Any]:
    """Read asyncpg's `ssl`: a mode, a truth value, or an `ssl.SSLContext`, which is passed on.

    What a context verifies is its mode: one that is given beside it must be the same.
    """
    if isinstance(value, bool):
        return {"sslmode": "require" if value else "disable"}
    if not isinstance(value, ssl.SSLContext):
        return {"sslmode": value}
    verified = value.verify_mode is ssl.CERT_REQUIRED
    mode = "require" if not verified else "verify-full" if value.check_hostname else "verify-ca"
    return {"sslmode": mode, "ssl_context": value}


TLS_KEYS = ("sslcrl", "sslpassword", "ssl_min_protocol_version", "ssl_max_protocol_version")
"""What the driver takes for a context that it makes itself."""

DIALECT = KeyDialect(
    adapter="asyncpg",
    aliases={
        "timeout": "connect_timeout",
        "ssl": Spread(_ssl),
        "ssl_context": Spread(_ssl),
        "server_settings": "session_settings",
        "max_inactive_connection_lifetime": "max_idle",
        "statement_cache_size": Spread(cache_size),
    },
    native=frozenset({"passfile", "sslnegotiation", "direct_tls", *TLS_KEYS}),
    replaces={"ssl_context": frozenset({"sslrootcert", "sslcert", "sslkey", *TLS_KEYS})},
    refused={
        ("sslrootcert", "system"): "the driver cannot use the system's certificates; name a file, or pass ssl=",
        "max_queries": "connections are not retired by a count of queries; use max_lifetime",
        "max_cached_statement_lifetime": "statements are kept by number; use statement_cache_size",
        "max_cacheable_statement_size": "statements are kept by number; use statement_cache_size",
        "record_class": "rows are mapped by schema_type; pass it to the call",
        "connection_class": "the connection class is the package's own choice",
        "loop": "the running event loop is used",
        "init": "run statements in a session instead, or use session_settings",
        "setup": "run statements in a session instead, or use session_settings",
    },
)
