# Generated from _async_limit.py by tools/unasync.py. Do not edit.
"""Limits of time that the server keeps, for calls that cannot be stopped from outside."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING

from sqlspec.adapters.pyro_postgres._errors import timed_out
from sqlspec.adapters.pyro_postgres._native import PostgresError
from sqlspec.adapters.pyro_postgres._state import milliseconds

if TYPE_CHECKING:
    from sqlspec.adapters.pyro_postgres._sync_wire import SyncWire

__all__ = ("SyncLimit",)

MOST = 2**31 - 1
"""The largest `statement_timeout`, in milliseconds: some 25 days."""


ATTEMPTS = 50
"""How often the usual limit is set outside a transaction until the one of the call does not strike."""


class SyncLimit:
    """The `statement_timeout` of one call, and the user's own, which is restored behind it.

    Attributes:
        deadline: Clock reading after which a call of several statements is to end.
    """

    __slots__ = ("_inside", "_shorter", "_usual", "_wire", "deadline")

    def __init__(self, wire: SyncWire) -> None:
        self._wire = wire
        self._usual: str | None = None
        self._shorter: str | None = None  # the user's own, which strikes before that of the call
        self._inside = False
        self.deadline = math.inf

    def set(self, seconds: float) -> None:
        """Let the server end every statement that takes longer. In an aborted transaction nothing can be set."""
        wire = self._wire
        self.deadline = time.monotonic() + seconds
        if wire.state == "failed":
            return
        wanted = max(1, math.ceil(min(seconds * 1000, MOST)))
        # SHOW and SET take no snapshot: a transaction can still be given its isolation level.
        ((usual,),) = wire.query(f"show statement_timeout; set statement_timeout = {wanted}")
        self._usual = usual
        self._inside = wire.state != "idle"
        if 0 < milliseconds(usual) < wanted:
            self._restore()
            self._shorter = usual

    def check(self) -> None:
        """Look at the clock, between two statements of one call.

        Raises:
            PostgresError: The time of the whole call has passed.
        """
        if time.monotonic() > self.deadline:
            raise timed_out()

    def take_back(self) -> None:
        """End the limit of a call."""
        self.deadline = math.inf
        self._shorter = None
        self._restore()

    def renew(self) -> None:
        """Let the server end the next statement of the call when the time of the whole call has passed.

        Raises:
            PostgresError: It has passed.
        """
        if self.deadline == math.inf:
            return
        self.check()
        own = self._shorter
        if own is not None and (self.deadline - time.monotonic()) * 1000 < milliseconds(own):
            self._usual, self._shorter = own, None
        self.after_undoing()

    def after_undoing(self) -> None:
        """Set once more what going back to a savepoint has perhaps taken back."""
        if self._usual is not None and self.deadline < math.inf:
            left = max(1, math.ceil(min((self.deadline - time.monotonic()) * 1000, MOST)))
            self._wire.script(f"set statement_timeout = {left}")

    def after_rollback(self) -> None:
        """Take back what could not be taken back in the aborted transaction."""
        if self.deadline == math.inf:
            self._restore()

    def forget(self) -> None:
        """Note that the setting was changed by somebody else, who has the last word."""
        self._usual = self._shorter = None

    def _restore(self) -> None:
        """Restore the usual limit. In an aborted transaction nothing can be set; what was set inside ends with it."""
        wire, usual = self._wire, self._usual
        if usual is None or wire.broken:
            return
        if wire.state == "failed" and not self._inside:
            return  # it was set before the transaction, and is taken back behind it
        self._usual = None
        if wire.state != "failed":
            self._put_back(usual)

    def _put_back(self, usual: str) -> None:
        """Set the usual limit. A very short one may strike this statement too, on a server that is busy.

        Raises:
            PostgresError: It struck inside a transaction, which is aborted; or it could not be set at all.
        """
        wire = self._wire
        for left in reversed(range(ATTEMPTS)):
            try:
                wire.script(f"set statement_timeout = '{usual}'")
            except PostgresError:
                if wire.state == "failed" and not self._inside:
                    self._usual = usual  # for when the transaction is over
                elif wire.state == "idle" and not wire.broken:
                    if left:
                        continue
                    wire.mark_broken()  # the next call would have a limit that nobody has set
                raise
            return
