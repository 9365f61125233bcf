"""The adapters that the command line can use, and what of them is installed."""

from __future__ import annotations

from importlib import metadata
from pkgutil import resolve_name
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlspec.exceptions import MissingDependencyError

if TYPE_CHECKING:
    from sqlspec.driver import AsyncConfig

__all__ = ("DRIVERS", "Driver", "config_class", "default_driver")


class Driver(NamedTuple):
    """A driver, under the name of the extra that brings it.

    Attributes:
        name: What `--driver` takes.
        distribution: Name of the package on the index.
        package: Package of the adapter.
        configs: Names of its config classes, the asynchronous one first.
    """

    name: str
    distribution: str
    package: str
    configs: tuple[str, ...]

    @property
    def version(self) -> str | None:
        """The installed version; `None` where the driver is not installed."""
        try:
            return metadata.version(self.distribution)
        except metadata.PackageNotFoundError:
            return None


DRIVERS = {
    driver.name: driver
    for driver in (
        Driver("asyncpg", "asyncpg", "sqlspec.adapters.asyncpg", ("AsyncpgConfig",)),
        Driver("psycopg", "psycopg", "sqlspec.adapters.psycopg", ("PsycopgAsyncConfig", "PsycopgSyncConfig")),
        Driver("psqlpy", "psqlpy", "sqlspec.adapters.psqlpy", ("PsqlpyConfig",)),
        Driver(
            "pyro",
            "pyro-postgres",
            "sqlspec.adapters.pyro_postgres",
            ("PyroPostgresAsyncConfig", "PyroPostgresSyncConfig"),
        ),
    )
}
"""By name; the first that is installed is taken where none is asked for."""


def default_driver() -> str:
    """Return the name of the first driver that is installed.

    Raises:
        MissingDependencyError: None is.
    """
    for driver in DRIVERS.values():
        if driver.version is not None:
            return driver.name
    reason = f"none is installed; run: pip install 'sqlspec[{next(iter(DRIVERS))}]'"
    raise MissingDependencyError("a driver", next(iter(DRIVERS)), reason=reason)


def config_class(name: str, flavour: int = 0) -> type[AsyncConfig[Any]]:
    """Import the adapter of a driver.

    Args:
        name: One of `DRIVERS`.
        flavour: Which of its config classes.

    Raises:
        MissingDependencyError: The driver is not installed.
    """
    driver = DRIVERS[name]
    try:
        found: type[AsyncConfig[Any]] = resolve_name(f"{driver.package}:{driver.configs[flavour]}")
    except ImportError as error:
        raise MissingDependencyError(driver.distribution, driver.name) from error
    return found
