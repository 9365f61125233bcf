"""The config class of psqlpy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from sqlspec.adapters.psqlpy.driver import PsqlpyDriver
from sqlspec.adapters.psqlpy.spec import DIALECT, SPEC
from sqlspec.driver._async_config import AsyncConfig
from sqlspec.driver._features import DriverFeatures

__all__ = ("PsqlpyConfig", "PsqlpyDriverFeatures")


@dataclass(frozen=True, slots=True, kw_only=True)
class PsqlpyDriverFeatures(DriverFeatures):
    """How values are converted; see `DriverFeatures`."""


class PsqlpyConfig(AsyncConfig[PsqlpyDriverFeatures]):
    """A database reached through psqlpy.

    Example:
        `config = PsqlpyConfig(connection_config={"dsn": "postgresql://app@localhost/shop"})`
    """

    spec = SPEC
    driver_class = PsqlpyDriver
    features_class: ClassVar[type[DriverFeatures]] = PsqlpyDriverFeatures
    dialect = DIALECT
