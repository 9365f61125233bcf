"""The config classes of pyro-postgres."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from sqlspec.adapters.pyro_postgres._async_config import AsyncListeningConfig
from sqlspec.adapters.pyro_postgres._async_driver import AsyncPyroPostgresDriver
from sqlspec.adapters.pyro_postgres._sync_config import SyncListeningConfig
from sqlspec.adapters.pyro_postgres._sync_driver import SyncPyroPostgresDriver
from sqlspec.adapters.pyro_postgres.spec import ASYNC_SPEC, DIALECT, SYNC_SPEC
from sqlspec.driver._features import DriverFeatures

__all__ = ("PyroPostgresAsyncConfig", "PyroPostgresDriverFeatures", "PyroPostgresSyncConfig")


@dataclass(frozen=True, slots=True, kw_only=True)
class PyroPostgresDriverFeatures(DriverFeatures):
    """How values are converted; see `DriverFeatures`.

    Attributes:
        listen_with: The driver drops notifications, so `config.listen()` needs a connection of another driver: that of
            the adapter `"psycopg"` or, in tasks, `"asyncpg"`, which must be installed.
    """

    listen_with: Literal["psycopg", "asyncpg"] | None = None


class PyroPostgresAsyncConfig(AsyncListeningConfig[PyroPostgresDriverFeatures]):
    """A database reached through pyro-postgres' asynchronous connections.

    Example:
        `config = PyroPostgresAsyncConfig(connection_config={"dsn": "postgresql://app@localhost/shop"})`
    """

    spec = ASYNC_SPEC
    driver_class = AsyncPyroPostgresDriver
    features_class: ClassVar[type[DriverFeatures]] = PyroPostgresDriverFeatures
    dialect = DIALECT


class PyroPostgresSyncConfig(SyncListeningConfig[PyroPostgresDriverFeatures]):
    """A database reached through pyro-postgres' synchronous connections.

    Example:
        `config = PyroPostgresSyncConfig(connection_config={"dsn": "postgresql://app@localhost/shop"})`
    """

    spec = SYNC_SPEC
    driver_class = SyncPyroPostgresDriver
    features_class: ClassVar[type[DriverFeatures]] = PyroPostgresDriverFeatures
    dialect = DIALECT
