"""Errors of a copy: each says which side failed, and what becomes of the target."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from sqlspec.exceptions import (
    RETRYABLE,
    CommitUnknownError,
    DatabaseConnectionError,
    PermissionDeniedError,
    SQLSpecError,
)

if TYPE_CHECKING:
    from typing import Literal

__all__ = ("failed_at",)

E = TypeVar("E", bound=SQLSpecError)


def failed_at(side: Literal["source", "target"], error: E) -> E:
    """Name the side of a failure that the server or the driver reports; nothing else of the error changes."""
    if not isinstance(error, CommitUnknownError):
        again = isinstance(error, (DatabaseConnectionError, *RETRYABLE)) and not isinstance(
            error, PermissionDeniedError
        )
        advice = "run it again" if again else "mend that and run it again"
        reason = " ".join(error.message.split()).rstrip(".")  # libpq's own messages have lines
        error.args = (f"copy failed at the {side}: {reason}; the target is as it was, {advice}", *error.args[1:])
    return error
