# The synchronous twin is generated from this file by tools/unasync.py. Written for psycopg 3.3.
"""The driver's connection, kept from what others do to it."""

from __future__ import annotations

import psycopg
from psycopg import pq
from psycopg.rows import Row

from sqlspec.adapters.psycopg._protocol import AsyncBare, cut

__all__ = ("AsyncNative",)

CANCEL_LIMIT = 1.0
"""Seconds in which the server must be told to stop a statement."""

IN_STEP = (pq.TransactionStatus.IDLE, pq.TransactionStatus.INTRANS, pq.TransactionStatus.INERROR)


class AsyncNative(AsyncBare[Row]):
    """A connection of psycopg."""

    async def _try_cancel(self, *, timeout: float = CANCEL_LIMIT) -> None:
        """Give up sooner than psycopg 3.3 does: it waits twice five seconds on a silent network, whatever the limit."""
        try:
            await self.cancel_safe(timeout=min(timeout, CANCEL_LIMIT))
        except psycopg.Error:
            cut(self.pgconn)  # nobody will answer

    def is_in_step(self) -> bool:
        """Tell whether the next query will be taken, and answered by itself."""
        pgconn = self.pgconn
        return pgconn.transaction_status in IN_STEP and pgconn.pipeline_status == pq.PipelineStatus.OFF
