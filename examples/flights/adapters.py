"""The adapters that the demo compares: one line each."""

from __future__ import annotations

from pkgutil import resolve_name
from typing import TYPE_CHECKING, Any, TypeAlias

from sqlspec.driver import SyncConfig

if TYPE_CHECKING:
    from sqlspec.driver import AsyncConfig

Config: TypeAlias = "AsyncConfig[Any] | SyncConfig[Any]"

CONFIGS = (
    "sqlspec.adapters.asyncpg:AsyncpgConfig",
    "sqlspec.adapters.psycopg:PsycopgAsyncConfig",
    "sqlspec.adapters.psycopg:PsycopgSyncConfig",
    "sqlspec.adapters.psqlpy:PsqlpyConfig",
    "sqlspec.adapters.pyro_postgres:PyroPostgresAsyncConfig",
    "sqlspec.adapters.pyro_postgres:PyroPostgresSyncConfig",
)


def label_of(config_class: type[Config]) -> str:
    """Return the name of an adapter, with its flavour if that is not the asynchronous one."""
    name = config_class.spec.name
    return f"{name}-sync" if issubclass(config_class, SyncConfig) else name


def load_configs() -> dict[str, type[Config]]:
    """Return the config classes by label. Each import brings in one driver."""
    classes = [resolve_name(path) for path in CONFIGS]
    return {label_of(config_class): config_class for config_class in classes}
