"""A pooler between driver and server, in transaction mode: how it is noticed, and what is impossible behind one.

It lends a session of the server for one transaction. What a session keeps from one to the next - prepared statements,
settings, LISTEN, the number of its process - is gone then, or another client's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlspec.exceptions import ImproperConfigurationError

if TYPE_CHECKING:
    from sqlspec.postgres.settings import ConnectionSettings

__all__ = ("DIRECT", "UNFIT", "check_kept", "is_own_backend", "refuses_settings", "unfit_driver", "unkept")

DIRECT = "sqlspec.direct"
"""A setting of ours, given when connecting. A server keeps it, a pooler refuses or drops it."""

UNFIT = (
    "the driver cancels by the number of a backend, which serves others too behind a pooler, and keeps statements "
    "prepared; use the asyncpg or psycopg adapter, or a pooler in session mode with pooler=False"
)

# What PgBouncer sets on each session that it lends, as its client had it.
_KEPT = frozenset({"application_name", "client_encoding", "datestyle", "standard_conforming_strings", "timezone"})


def is_own_backend(pid: int) -> str:
    """Return the statement that gives one row when a backend of its own answers, and none behind a pooler.

    Args:
        pid: What the connection was told to be the backend's process ID. A pooler makes one up.
    """
    return f"select where pg_catalog.pg_backend_pid() = {pid:d}"


def refuses_settings(words: str) -> bool:
    """Tell whether these words of a failed attempt to connect are a pooler's, for a setting that it cannot keep."""
    return "unsupported startup parameter" in words


def check_kept(settings: ConnectionSettings, adapter: str) -> None:
    """Refuse settings that a session behind a pooler does not keep.

    Raises:
        ImproperConfigurationError: There are some.
    """
    if settings.options or not _KEPT.issuperset(settings.session_settings):
        raise unkept(settings, adapter)


def unkept(settings: ConnectionSettings, adapter: str) -> ImproperConfigurationError:
    """Return the error for settings that a session behind a pooler does not keep."""
    names = ["options"] if settings.options else sorted(settings.session_settings.keys() - _KEPT)
    return ImproperConfigurationError(
        f"cannot set {', '.join(names) or 'what is configured'}: the connection leads to a pooler, where sessions keep "
        "no settings; give them to the role (ALTER ROLE ... SET), or to a transaction by with_settings()",
        adapter=adapter,
    )


def unfit_driver(adapter: str) -> ImproperConfigurationError:
    """Return the error of an adapter that cannot work behind a pooler."""
    return ImproperConfigurationError(f"cannot use {adapter} behind a pooler: {UNFIT}", adapter=adapter)
