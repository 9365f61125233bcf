"""The registry: configs and named SQL of an application, in one place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar, overload

from sqlspec.core.scan import scan, statement_text
from sqlspec.core.sqlfiles import NamedStatement, normalize_name
from sqlspec.exceptions import ImproperConfigurationError, NotFoundError, SQLParsingError

if TYPE_CHECKING:
    from os import PathLike
    from types import TracebackType
    from typing import Self

    from sqlspec.driver._async_config import AsyncConfig, AsyncSessionContext
    from sqlspec.driver._sync_config import SyncConfig, SyncSessionContext

__all__ = ("SQLSpec",)

C = TypeVar("C", bound="AsyncConfig[Any] | SyncConfig[Any]")


class SQLSpec:
    """Holds configs and named SQL, and closes every pool at the end.

    Example:
        `spec = SQLSpec(); db = spec.add_config(config); spec.load_sql_files("queries/")`
    """

    def __init__(self) -> None:
        self._configs: list[Any] = []
        self._statements: dict[str, NamedStatement] = {}

    # -- configs ----------------------------------------------------------------------------------

    def add_config(self, config: C) -> C:
        """Register a config and return it, so that the name given to it is the handle.

        Raises:
            ImproperConfigurationError: It is no config.
        """
        if not hasattr(config, "provide_session"):
            raise ImproperConfigurationError(f"add_config() takes a config: {type(config).__name__} given")
        if config not in self._configs:
            self._configs.append(config)
        return config

    @property
    def configs(self) -> tuple[Any, ...]:
        """The registered configs, in order."""
        return tuple(self._configs)

    @overload
    def provide_session(self, config: AsyncConfig[Any], *, timeout: float | None = None) -> AsyncSessionContext: ...
    @overload
    def provide_session(self, config: SyncConfig[Any], *, timeout: float | None = None) -> SyncSessionContext: ...
    def provide_session(self, config: Any, *, timeout: float | None = None) -> Any:
        """Return a scope with a session of a registered config.

        Args:
            config: The config.
            timeout: As in the config's own `provide_session`.

        Raises:
            ImproperConfigurationError: The config is not registered here, so nobody would close its pool.
        """
        if config not in self._configs:
            raise ImproperConfigurationError("the config is not registered: pass it to add_config() first")
        return config.provide_session(timeout=timeout)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for config in self._configs:
            if not hasattr(config, "__exit__"):
                raise ImproperConfigurationError(f"{config!r} is asynchronous: use `async with` on the registry")
        for config in self._configs:
            config.close()

    async def close_all(self) -> None:
        """Close the pool of every config, synchronous ones too; the last error is raised when all are closed."""
        failure: BaseException | None = None
        for config in self._configs:
            try:
                closing = config.close()
                if hasattr(closing, "__await__"):
                    await closing
            except Exception as error:
                failure = error
        if failure is not None:
            raise failure

    # -- named SQL --------------------------------------------------------------------------------

    def add_named_sql(self, name: str, sql: str) -> None:
        """Register a statement under a name; `-` and `_` are equal in names.

        Raises:
            SQLParsingError: The name is taken, or a quote or comment of the statement is not closed.
        """
        sql = statement_text(sql)
        scan(sql)
        self._add(NamedStatement(normalize_name(name), sql, "add_named_sql()", 0))

    def load_sql_files(self, *paths: str | PathLike[str]) -> None:
        """Register the `-- name:` sections of SQL files, and of all `*.sql` files in folders.

        All or nothing: after an error no section of this call is registered.

        Raises:
            SQLParsingError: A file cannot be read as sections, or a name is there twice; with file and line.
            ImproperConfigurationError: A path does not exist.
        """
        # Imported here: an application without SQL files should not pay for looking at file systems.
        from sqlspec.sqlfiles import load_sql_files

        loaded = list(load_sql_files(*paths))
        before = dict(self._statements)
        try:
            for statement in loaded:
                self._add(statement)
        except SQLParsingError:
            self._statements = before
            raise

    def _add(self, statement: NamedStatement) -> None:
        other = self._statements.get(statement.name)
        if other is not None:
            raise SQLParsingError(
                f"duplicate statement name {statement.name!r}: {_place(statement)} and {_place(other)}; rename one"
            )
        self._statements[statement.name] = statement

    def get_sql(self, name: str) -> str:
        """Return the text of a named statement.

        Raises:
            NotFoundError: There is none; the message gives the nearest name.
        """
        statement = self._statements.get(normalize_name(name))
        if statement is None:
            import difflib

            close = difflib.get_close_matches(normalize_name(name), self._statements, n=1)
            hint = f"did you mean {close[0]!r}?" if close else "load a file or call add_named_sql() first"
            raise NotFoundError(f"no statement is named {name!r}: {hint}")
        return statement.sql

    @property
    def sql_names(self) -> tuple[str, ...]:
        """The names of all statements, in order of registration."""
        return tuple(self._statements)


def _place(statement: NamedStatement) -> str:
    return f"{statement.source}:{statement.line}" if statement.line else statement.source
