"""psycopg 3: synchronous and asynchronous, on libpq."""

from __future__ import annotations

from sqlspec.adapters.psycopg.config import PsycopgAsyncConfig, PsycopgDriverFeatures, PsycopgSyncConfig

__all__ = ("PsycopgAsyncConfig", "PsycopgDriverFeatures", "PsycopgSyncConfig")
