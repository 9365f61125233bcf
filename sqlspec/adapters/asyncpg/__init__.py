"""asyncpg: asynchronous, C protocol implementation."""

from __future__ import annotations

from sqlspec.adapters.asyncpg.config import AsyncpgConfig, AsyncpgDriverFeatures

__all__ = ("AsyncpgConfig", "AsyncpgDriverFeatures")
