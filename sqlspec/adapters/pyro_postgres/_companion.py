"""Notifications by the connection of another adapter, where the user has named one."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from sqlspec.exceptions import ImproperConfigurationError

if TYPE_CHECKING:
    from sqlspec.adapters.pyro_postgres.config import PyroPostgresDriverFeatures

__all__ = ("LISTENERS", "companion_class")

LISTENERS = ("psycopg", "asyncpg")

_CLASSES = {
    ("psycopg", True): "PsycopgAsyncConfig",
    ("psycopg", False): "PsycopgSyncConfig",
    ("asyncpg", True): "AsyncpgConfig",
}


def companion_class(features: PyroPostgresDriverFeatures, *, waits_in_tasks: bool) -> Any:
    """Return the config class of the adapter that is to listen; `None` when none is named.

    Raises:
        ImproperConfigurationError: It is no adapter that can, or has no flavour for it.
        MissingDependencyError: Its driver is not installed.
    """
    named = features.listen_with
    if named is None:
        return None
    found = _CLASSES.get((named, waits_in_tasks)) if isinstance(named, str) else None
    if found is None:
        choices = [name for name in LISTENERS if (name, waits_in_tasks) in _CLASSES]
        raise ImproperConfigurationError(
            f"cannot use driver feature 'listen_with': no such adapter listens for this config; use one of "
            f"{', '.join(choices)}"
        )
    # Imported by name, and only on demand: adapters do not depend on one another.
    return getattr(importlib.import_module(f"sqlspec.adapters.{named}"), found)
