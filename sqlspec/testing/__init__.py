"""A real PostgreSQL for tests: `EmbeddedPostgres`, and pytest fixtures in `sqlspec.testing.plugin`."""

from __future__ import annotations

from sqlspec.testing.embedded import EmbeddedPostgres

__all__ = ("EmbeddedPostgres",)
