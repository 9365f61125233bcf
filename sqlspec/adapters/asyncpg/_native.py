"""The driver, or the sentence that says how to install it."""

from __future__ import annotations

from sqlspec.exceptions import MissingDependencyError

try:
    import asyncpg
except ImportError as error:  # pragma: no cover - needs an environment without the driver
    raise MissingDependencyError("asyncpg", "asyncpg") from error

__all__ = ("asyncpg",)
