"""pyro-postgres: synchronous and asynchronous, written in Rust."""

from __future__ import annotations

from sqlspec.adapters.pyro_postgres.config import (
    PyroPostgresAsyncConfig,
    PyroPostgresDriverFeatures,
    PyroPostgresSyncConfig,
)

__all__ = ("PyroPostgresAsyncConfig", "PyroPostgresDriverFeatures", "PyroPostgresSyncConfig")
