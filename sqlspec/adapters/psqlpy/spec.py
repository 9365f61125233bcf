"""What psqlpy can do, and the spellings that it uses."""

from __future__ import annotations

from typing import Any

from sqlspec.adapters.psqlpy._native import psqlpy
from sqlspec.core.capabilities import NATIVE, AdapterSpec, Capabilities, Support
from sqlspec.driver._statements import cache_size
from sqlspec.postgres.poolers import UNFIT
from sqlspec.postgres.settings import Alias, BadValueError, KeyDialect, Spread

__all__ = ("DIALECT", "SPEC")

SPEC = AdapterSpec(
    name="psqlpy",
    dialect="postgres",
    parameter_style="numeric",
    tested_with="psqlpy>=0.13.1,<0.14",
    capabilities=Capabilities(
        rows_affected=Support(
            "emulated",
            "the driver hides the command tag, so RETURNING is added to a data change and its rows are counted; "
            "SELECT INTO, CREATE TABLE AS, and tables whose rules forbid RETURNING give None, and a load into such a "
            "table counts what was sent",
        ),
        columns_when_empty=Support("emulated", "the driver tells names only; types are read from the server's catalog"),
        duplicate_columns=NATIVE,
        sqlstate=Support(
            "emulated",
            "the driver hides the error's fields, so they are read from the server's English messages; what user code "
            "raises has none, nor has a message that is not in the package's table, and a text that repeats one of the "
            "server's is taken for it",
        ),
        error_position=Support(
            "emulated",
            "the driver hides it; where the server's English message quotes a word that stands in the statement only "
            "once, it is there",
        ),
        usable_after_error=NATIVE,
        savepoints=NATIVE,
        isolation=NATIVE,
        multi_statement=NATIVE,
        execute_many_returning=Support("emulated", "the driver's own batch drops the rows; it is not used"),
        stream=Support("emulated", "the driver's own cursor rolls the transaction back; DECLARE and FETCH are sent"),
        stack_in_one_trip=Support(
            "emulated",
            "a stack of statements that the connection knows is sent at once, between BEGIN and COMMIT; any other goes "
            "one by one",
            "upstream",
        ),
        listen=NATIVE,
        cancel=Support(
            "emulated",
            "the driver sends no cancel request; a second connection that is opened for it calls pg_cancel_backend()",
        ),
        concurrent_calls=NATIVE,
        copy_in=Support("emulated", "the driver's COPY takes a whole stream at a time; several are sent, one by one"),
        copy_out=Support("no", "the driver has no COPY to the client", "upstream"),
        arrow_in=NATIVE,
        arrow_out=Support("emulated", "the driver has no COPY to the client; the server sends each row as one value"),
        tls=Support(
            "emulated",
            "the driver falls back to plain text for more than it should; what it cannot enforce is refused",
        ),
    ),
)

_SSL_MODES = {
    "Disable": "disable",
    "Allow": "allow",
    "Prefer": "prefer",
    "Require": "require",
    "VerifyCa": "verify-ca",
    "VerifyFull": "verify-full",
}
_SESSION_ATTRS = {"Any": "any", "ReadWrite": "read-write", "ReadOnly": "read-only"}
_BALANCING = {"Disable": "disable", "Random": "random"}

# The policies that do the same. Open transactions are rolled back under all of them.
_RECYCLING = {
    "fast": {"reset": "never", "validate": "never"},
    "verified": {"reset": "never", "validate": "always"},
    "clean": {"reset": "always", "validate": "always"},
    "auto": {"reset": "when_dirty", "validate": "when_idle"},
}


def _read_enum(kind: Any, names: dict[str, str], value: Any) -> Any:
    """Return the portable word for a member of one of the driver's enumerations; anything else as it is."""
    if isinstance(value, kind):
        for member, word in names.items():
            if value == getattr(kind, member):
                return word
    return value


def _ssl_mode(value: Any) -> Any:
    word = _read_enum(psqlpy.SslMode, _SSL_MODES, value)
    return _SSL_MODES.get(word, word)


def _session_attrs(value: Any) -> Any:
    return _read_enum(psqlpy.TargetSessionAttrs, _SESSION_ATTRS, value)


def _balancing(value: Any) -> Any:
    return _read_enum(psqlpy.LoadBalanceHosts, _BALANCING, value)


def _recycling(value: Any) -> dict[str, str]:
    methods = {member.capitalize(): member for member in ("fast", "verified", "clean")}
    word = _read_enum(psqlpy.ConnRecyclingMethod, methods, value)
    policies = _RECYCLING.get(word.lower()) if isinstance(word, str) else None
    if policies is None:
        raise BadValueError(f"one of {', '.join(_RECYCLING)}, or a ConnRecyclingMethod")
    return policies


def _whole(value: Any) -> int:
    if value != int(value):
        raise BadValueError("whole seconds")
    return int(value)


def _none_of_it(value: Any) -> int:
    if value:
        raise BadValueError("0: keepalives are timed in whole seconds")
    return 0


_PLAINTEXT = (
    "the driver would connect without TLS to a server that has none, and say nothing; "
    "use require together with sslrootcert, which verifies the certificate and the host's name"
)
_NO_CLIENT_CERTIFICATE = "the driver sends no client certificate; remove it, or use another adapter"

DIALECT = KeyDialect(
    adapter="psqlpy",
    aliases={
        "username": "user",
        "db_name": "database",
        "max_db_pool_size": "max_size",
        "conn_recycling_method": Spread(_recycling),
        "connect_timeout_sec": Alias("connect_timeout", part=True),
        "connect_timeout_nanosec": Alias("connect_timeout", lambda value: value / 1e9, part=True),
        "tcp_user_timeout_sec": Alias("tcp_user_timeout", lambda value: value * 1000, part=True),
        "tcp_user_timeout_nanosec": Alias("tcp_user_timeout", lambda value: value / 1e6, part=True),
        "keepalives_idle_sec": Alias("keepalives_idle", _whole, part=True),
        "keepalives_idle_nanosec": Alias("keepalives_idle", _none_of_it, part=True),
        "keepalives_interval_sec": Alias("keepalives_interval", _whole, part=True),
        "keepalives_interval_nanosec": Alias("keepalives_interval", _none_of_it, part=True),
        "keepalives_retries": "keepalives_count",
        "ssl_mode": Alias("sslmode", _ssl_mode),
        "ca_file": "sslrootcert",
        "statement_cache_size": Spread(cache_size),
    },
    accepts={"target_session_attrs": _session_attrs, "load_balance_hosts": _balancing},
    refused={
        ("pooler", True): UNFIT,
        ("sslmode", "verify-ca"): _PLAINTEXT,
        ("sslmode", "verify-full"): _PLAINTEXT,
        ("sslrootcert", "system"): "the driver cannot use the system's certificates; name a file",
        "sslcert": _NO_CLIENT_CERTIFICATE,
        "sslkey": _NO_CLIENT_CERTIFICATE,
    },
)
