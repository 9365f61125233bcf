"""psqlpy: asynchronous, on Rust's tokio-postgres."""

from __future__ import annotations

from sqlspec.adapters.psqlpy.config import PsqlpyConfig, PsqlpyDriverFeatures

__all__ = ("PsqlpyConfig", "PsqlpyDriverFeatures")
