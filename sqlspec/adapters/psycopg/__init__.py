"""psycopg 3: synchronous and asynchronous, on libpq."""

from __future__ import annotations

# First, because it says what to install where there is no psycopg.
from sqlspec.adapters.psycopg import _protocol as _protocol
from sqlspec.adapters.psycopg.config import PsycopgAsyncConfig, PsycopgDriverFeatures, PsycopgSyncConfig

__all__ = ("PsycopgAsyncConfig", "PsycopgDriverFeatures", "PsycopgSyncConfig")
