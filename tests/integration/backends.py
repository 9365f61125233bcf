"""What a backend waits for, as the server itself tells it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import psycopg

__all__ = ("is_waiting", "until_waiting")


def is_waiting(admin: psycopg.Connection[Any], pid: int, event: str = "PgSleep") -> bool:
    """Tell whether a backend is in the middle of a statement, and waits there.

    Args:
        admin: A connection of another user of the server.
        pid: Process ID of the backend.
        event: Name or type of the wait event, e.g. `ClientRead` or `Lock` (PostgreSQL manual, "Wait Events").
    """
    query = "select 1 from pg_stat_activity where pid = %s and state = 'active' and %s in (wait_event, wait_event_type)"
    return admin.execute(query, [pid, event]).fetchone() is not None


async def until_waiting(
    admin: psycopg.Connection[Any], pid: int, event: str = "PgSleep", call: asyncio.Future[Any] | None = None
) -> None:
    """Wait until a backend waits; a call that has ended before tells why."""
    async with asyncio.timeout(20):
        while not is_waiting(admin, pid, event):
            if call is not None and call.done():
                raise AssertionError(f"it gave {await call}")
            await asyncio.sleep(0.002)
