"""Which database a command is about: from its arguments, the environment, or pyproject.toml."""

from __future__ import annotations

import os
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlspec.cli._drivers import DRIVERS, config_class, default_driver
from sqlspec.exceptions import ImproperConfigurationError
from sqlspec.postgres.dsn import suggest

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sqlspec.driver import AsyncConfig

__all__ = ("Database", "find_database", "named_or_dsn")

VARIABLES = ("SQLSPEC_DSN", "DATABASE_URL")
KEYS = ("dsn", "driver")


@dataclass(frozen=True, slots=True)
class Database:
    """A database to connect to.

    Attributes:
        dsn: Its connection string.
        origin: Where that was found, for messages.
        driver: Name of the driver to use; `None`: the first that is installed.
    """

    dsn: str = field(repr=False)
    origin: str
    driver: str | None = None

    def config(self, driver: str | None = None) -> AsyncConfig[Any]:
        """Return a config for it.

        Args:
            driver: A driver to use in place of its own.

        Raises:
            MissingDependencyError: The driver is not installed.
            ImproperConfigurationError: The connection string is malformed, or asks for what the driver cannot do.
        """
        return config_class(driver or self.driver or default_driver())({"dsn": self.dsn})


def find_database(dsn: str | None = None, name: str | None = None) -> Database:
    """Return the database that a command is about.

    The first of these counts: `dsn`, `name`, the environment, `dsn` of pyproject.toml.

    Args:
        dsn: A connection string.
        name: A name from `[tool.sqlspec.databases]` of pyproject.toml.

    Raises:
        ImproperConfigurationError: None of them is there, there is no such name, or pyproject.toml is malformed.
    """
    database = configured_database(dsn, name)
    if database is None:
        raise ImproperConfigurationError(
            "no database is given: there is no --dsn, no --db, no SQLSPEC_DSN or DATABASE_URL, and no dsn under "
            "[tool.sqlspec] in pyproject.toml; give one of them (`postgresql://` alone reads PGHOST and its kin)"
        )
    return database


def configured_database(dsn: str | None = None, name: str | None = None) -> Database | None:
    """Return the same as `find_database`, or `None` where nothing is configured."""
    if dsn is not None and name is not None:
        raise ImproperConfigurationError("cannot choose a database: --dsn and --db are both given; give one")
    if dsn is not None:
        return Database(dsn, "--dsn")
    if name is not None:
        return _named(name)
    for variable in VARIABLES:
        if os.environ.get(variable):
            return Database(os.environ[variable], variable)
    path, table = _settings()
    if path is None or "dsn" not in table:
        return None
    entry = {key: value for key, value in table.items() if key != "databases"}
    return _database(entry, f"{path.name}: [tool.sqlspec]")


def named_or_dsn(text: str) -> Database:
    """Return the database that an argument means: a connection string, or a name from pyproject.toml.

    Raises:
        ImproperConfigurationError: There is no such name.
    """
    return Database(text, "the argument") if "://" in text or "=" in text else _named(text)


def _named(name: str) -> Database:
    path, table = _settings()
    databases = table.get("databases", {})
    where = "there is no pyproject.toml with [tool.sqlspec] here or above" if path is None else f"not in {path.name}"
    if not isinstance(databases, dict) or name not in databases:
        known = suggest(name, databases) if isinstance(databases, dict) and databases else "none is defined"
        raise ImproperConfigurationError(
            f"no database is named {name!r}: {where}; add it to [tool.sqlspec.databases] ({known}), or give a DSN"
        )
    return _database(databases[name], f"pyproject.toml: [tool.sqlspec.databases] {name}")


def _database(entry: Any, origin: str) -> Database:
    """Read `"dsn"`, or a table with `dsn` and perhaps `driver`."""
    table: Mapping[str, Any] = entry if isinstance(entry, dict) else {"dsn": entry}
    _check_keys(table, KEYS, origin)
    dsn, driver = table.get("dsn"), table.get("driver")
    if not isinstance(dsn, str):
        raise ImproperConfigurationError(f"cannot use {origin}: `dsn` is not there or no string; write dsn = '...'")
    if driver is not None and driver not in list(DRIVERS):
        raise ImproperConfigurationError(f"cannot use {origin}: the driver is unknown; {_choices(DRIVERS)}")
    return Database(dsn, origin, driver)


def _check_keys(table: Mapping[str, Any], known: Iterable[str], origin: str) -> None:
    unknown = sorted(table.keys() - set(known))
    if unknown:
        raise ImproperConfigurationError(f"cannot use {origin}: {unknown[0]!r} is unknown there; {_choices(known)}")


def _choices(names: Iterable[str]) -> str:
    return f"choose among {', '.join(names)}"


def _settings() -> tuple[Path | None, Mapping[str, Any]]:
    """Return the nearest pyproject.toml with a table of ours, in this directory or above, and that table."""
    here = Path.cwd()
    for folder in (here, *here.parents):
        path = folder / "pyproject.toml"
        if not path.is_file():
            continue
        try:
            tools = tomllib.loads(path.read_text(encoding="utf-8")).get("tool")
        except (tomllib.TOMLDecodeError, UnicodeError) as error:
            # The parser's message holds no text of the file.
            raise ImproperConfigurationError(f"cannot read {path}: {error}; correct the file") from None
        if not isinstance(tools, dict) or "sqlspec" not in tools:
            continue
        table = tools["sqlspec"]
        if not isinstance(table, dict):
            raise ImproperConfigurationError(f"cannot use {path}: tool.sqlspec is no table; write [tool.sqlspec]")
        _check_keys(table, (*KEYS, "databases"), f"{path.name}: [tool.sqlspec]")
        return path, table
    return None, {}
