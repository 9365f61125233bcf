"""Small types that both flavours share, so that there is one of each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlspec.core.plan import Plan

__all__ = ("OWN_SAVEPOINT", "CopyTarget", "DriverStatus", "Entries", "Notification", "PoolStats")

OWN_SAVEPOINT = "sqlspec_call"
"""The savepoint of a call of several statements inside an open transaction."""

DriverStatus: TypeAlias = Literal["idle", "active", "failed", "unknown"]
"""Outside a transaction; inside one; inside an aborted one; the driver does not tell."""

Entries: TypeAlias = "Sequence[tuple[Plan, Sequence[Any]]]"
"""The statements of a stack, with the parameters of each."""


class CopyTarget(NamedTuple):
    """Where a COPY puts its rows.

    Attributes:
        schema: Name of the schema, as it is, without quotes.
        table: Name of the table, as it is.
        columns: Names of the columns, as they are, in the order of the stream's fields.
        proven: The transaction has stored a row there, in these columns, so the server will not refuse to begin.
    """

    schema: str
    table: str
    columns: tuple[str, ...]
    proven: bool = False


class Notification(NamedTuple):
    """One NOTIFY message (protocol message NotificationResponse).

    Attributes:
        channel: The channel's name.
        payload: The payload; empty when none was given.
        pid: Process ID of the notifying backend.
    """

    channel: str
    payload: str
    pid: int


class PoolStats(NamedTuple):
    """Counters of a pool.

    Attributes:
        size: Connections that exist or are being opened.
        idle: Connections ready to be handed out.
        in_use: Connections handed out.
        resetting: Connections being cleaned after their return.
        waiting: Callers waiting for a connection.
        opened: Connections opened so far.
        closed: Connections closed so far, for whatever reason.
        timeouts: Callers that waited in vain.
    """

    size: int
    idle: int
    in_use: int
    resetting: int
    waiting: int
    opened: int
    closed: int
    timeouts: int
