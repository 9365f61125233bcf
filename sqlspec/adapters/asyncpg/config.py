"""The config class of asyncpg."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from sqlspec.adapters.asyncpg.driver import AsyncpgDriver
from sqlspec.adapters.asyncpg.spec import DIALECT, SPEC
from sqlspec.driver._async_config import AsyncConfig
from sqlspec.driver._features import DriverFeatures

__all__ = ("AsyncpgConfig", "AsyncpgDriverFeatures")


@dataclass(frozen=True, slots=True, kw_only=True)
class AsyncpgDriverFeatures(DriverFeatures):
    """How values are converted; see `DriverFeatures`."""


class AsyncpgConfig(AsyncConfig[AsyncpgDriverFeatures]):
    """A database reached through asyncpg.

    Example:
        `config = AsyncpgConfig(connection_config={"dsn": "postgresql://app@localhost/shop"})`
    """

    spec = SPEC
    driver_class = AsyncpgDriver
    features_class: ClassVar[type[DriverFeatures]] = AsyncpgDriverFeatures
    dialect = DIALECT
