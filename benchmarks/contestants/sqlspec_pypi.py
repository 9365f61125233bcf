"""SQLSpec from the package index, which has the same import name: this runs in its environment only."""

from __future__ import annotations

from pkgutil import resolve_name
from typing import Any

import sqlspec
from benchmarks.contestants.base import NotOfferedError, required
from benchmarks.contestants.sqlspec import RAW, AsyncSqlspec, SyncSqlspec
from benchmarks.harness.timing import Call

__all__ = ("AsyncPypi", "SyncPypi")

# Else the package of this project was imported, and would be compared with itself.
assert "site-packages" in str(sqlspec.__file__), sqlspec.__file__

OFFERED = ("native", "dict", "Struct", "dataclass", "pydantic")


class _Pypi:
    """How its configs and sessions differ."""

    argument: str
    dsn: str
    kind: Any
    session: Any

    def raw(self) -> Any:
        return resolve_name(RAW[self.argument])(self.dsn, connection=self.session.connection)

    def config(self, size: int, **_: Any) -> Any:
        keys: dict[str, Any] = {"min_size": size, "max_size": size}
        if "psycopg" in self.argument:
            keys |= {"conninfo": self.dsn, "autocommit": True}
        elif self.argument == "psqlpy":
            keys = {"dsn": self.dsn, "max_db_pool_size": max(size, 2)}
        else:
            keys["dsn"] = self.dsn
        return self.scoped(self.kind)(connection_config=keys)

    def scoped(self, kind: type[Any]) -> type[Any]:
        raise NotImplementedError

    def shut(self, config: Any) -> Any:
        return config.close_pool()

    def observed(self, observer: str, query: str, parameter: Any) -> Any:
        raise NotOfferedError

    def stack(self, count: int) -> Call:
        raise NotOfferedError

    def load(self, rows: int) -> Call:
        raise NotOfferedError

    def transaction(self, query: str, parameter: Any) -> Call:
        raise NotOfferedError


class AsyncPypi(_Pypi, AsyncSqlspec):
    """An asynchronous adapter of it."""

    def select(self, query: str, parameter: Any, target: str) -> Call:
        required(target in OFFERED)
        return super().select(query, parameter, target)

    def scoped(self, kind: type[Any]) -> type[Any]:
        """Return the class of configs with a scope that closes the pool."""

        class Scoped(kind):  # type: ignore[misc]
            async def __aenter__(self) -> Any:
                return self

            async def __aexit__(self, *_: object) -> None:
                await self.close_pool()

        return Scoped


class SyncPypi(_Pypi, SyncSqlspec):
    """A synchronous adapter of it."""

    def select(self, query: str, parameter: Any, target: str) -> Call:
        required(target in OFFERED)
        return super().select(query, parameter, target)

    def scoped(self, kind: type[Any]) -> type[Any]:
        """Return the class of configs with a scope that closes the pool."""

        class Scoped(kind):  # type: ignore[misc]
            def __enter__(self) -> Any:
                return self

            def __exit__(self, *_: object) -> None:
                self.close_pool()

        return Scoped
