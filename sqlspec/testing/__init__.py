"""Helpers for tests: a real PostgreSQL, sessions that store nothing, budgets for queries, leak checks.

The pytest fixtures are in `sqlspec.testing.plugin`.
"""

from __future__ import annotations

from sqlspec.testing.embedded import EmbeddedPostgres
from sqlspec.testing.isolation import rolled_back
from sqlspec.testing.leaks import LeakError, no_leaks
from sqlspec.testing.recorder import Recorder, Statement, assert_queries, record_queries

__all__ = (
    "EmbeddedPostgres",
    "LeakError",
    "Recorder",
    "Statement",
    "assert_queries",
    "no_leaks",
    "record_queries",
    "rolled_back",
)
