"""The config classes of psycopg."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from sqlspec.adapters.psycopg._async_driver import AsyncPsycopgDriver
from sqlspec.adapters.psycopg._sync_driver import SyncPsycopgDriver
from sqlspec.adapters.psycopg.spec import DIALECT, SPEC
from sqlspec.driver._async_config import AsyncConfig
from sqlspec.driver._features import DriverFeatures
from sqlspec.driver._sync_config import SyncConfig

__all__ = ("PsycopgAsyncConfig", "PsycopgDriverFeatures", "PsycopgSyncConfig")


@dataclass(frozen=True, slots=True, kw_only=True)
class PsycopgDriverFeatures(DriverFeatures):
    """How values are converted; see `DriverFeatures`."""


class PsycopgAsyncConfig(AsyncConfig[PsycopgDriverFeatures]):
    """A database reached through psycopg's asynchronous connections.

    Example:
        `config = PsycopgAsyncConfig(connection_config={"dsn": "postgresql://app@localhost/shop"})`
    """

    spec = SPEC
    driver_class = AsyncPsycopgDriver
    features_class: ClassVar[type[DriverFeatures]] = PsycopgDriverFeatures
    dialect = DIALECT


class PsycopgSyncConfig(SyncConfig[PsycopgDriverFeatures]):
    """A database reached through psycopg's synchronous connections; it may be shared by threads.

    Example:
        `config = PsycopgSyncConfig(connection_config={"dsn": "postgresql://app@localhost/shop"})`
    """

    spec = SPEC
    driver_class = SyncPsycopgDriver
    features_class: ClassVar[type[DriverFeatures]] = PsycopgDriverFeatures
    dialect = DIALECT
