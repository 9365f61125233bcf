# The synchronous twin is generated from this file by tools/unasync.py.
"""Configs: what to connect to, and everything that is opened from it."""

from __future__ import annotations

import time
from threading import Lock
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

from sqlspec.core.observe import Observer, Watch
from sqlspec.core.plan import Compiler
from sqlspec.driver._async_base import check_limit
from sqlspec.driver._async_leaks import AsyncWatchedPool
from sqlspec.driver._async_observed import AsyncObservedSession, AsyncPoolWatch, database_of
from sqlspec.driver._async_pool import AsyncPool, Pooled
from sqlspec.driver._async_session import AsyncSession
from sqlspec.driver._async_stream import AsyncListener
from sqlspec.driver._features import DriverFeatures, checked_observers, features_of
from sqlspec.driver._forks import refuse_after_fork, tell_after_fork
from sqlspec.driver._listeners import connections, listeners
from sqlspec.driver._statements import Derived
from sqlspec.driver._types import PoolStats
from sqlspec.exceptions import (
    DatabaseConnectionError,
    ImproperConfigurationError,
    OperationalError,
    ParameterError,
    SQLSpecError,
    connect_error,
)
from sqlspec.postgres.dsn import format_places
from sqlspec.postgres.poolers import refuses_settings, unkept
from sqlspec.postgres.settings import KeyDialect, redacted_dsn, resolve
from sqlspec.postgres.sql import quote_channel

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping
    from types import TracebackType
    from typing import Self

    from sqlspec.core.capabilities import AdapterSpec
    from sqlspec.driver._async_driver import AsyncDriver

__all__ = ("AsyncConfig", "AsyncConnectionContext", "AsyncSessionContext")

F_co = TypeVar("F_co", bound=DriverFeatures, covariant=True)


class AsyncConfig(Generic[F_co]):
    """A database to connect to, through one driver. Subclasses differ in nothing but the driver.

    The pool is opened by the first session, or by `open`; `close` is final. A config may also be used as a
    scope that closes it.

    Attributes:
        spec: Name and capabilities of the adapter.
        settings: The connection settings that were resolved; its `repr` hides the password.
        pool_settings: The pool settings.
        driver_features: The features that were given, as an object.
    """

    spec: ClassVar[AdapterSpec]
    driver_class: ClassVar[type[AsyncDriver]]
    features_class: ClassVar[type[DriverFeatures]]
    dialect: ClassVar[KeyDialect]

    def __init__(
        self,
        connection_config: Mapping[str, Any] | None = None,
        *,
        driver_features: F_co | Mapping[str, Any] | None = None,
        observers: Iterable[Observer] = (),
    ) -> None:
        """Check every key; connect to nothing yet.

        Args:
            connection_config: Portable keys, or the driver's own spellings of them.
            driver_features: How values are converted.
            observers: Called with every event of this config; without any, nothing is measured.

        Raises:
            ImproperConfigurationError: A key is unknown, conflicts with another, or asks for what the driver
                cannot do.
        """
        if connection_config is not None and not hasattr(connection_config, "keys"):
            raise ImproperConfigurationError("connection_config must be a dict; pass a DSN as {'dsn': ...}")
        self.settings, self.pool_settings = resolve(connection_config or {}, self.dialect)
        features: Any = features_of(driver_features, self.features_class)
        self.driver_features: F_co = features
        self._observers = checked_observers(observers)
        self._watch = Watch(self._observers, database_of(self))
        self._pool_watch = AsyncPoolWatch(self._watch, self.connect) if self._watch else None
        self._compiler = Compiler()
        self._derived = Derived(features.codec_options())
        self._pool: AsyncPool | None = None
        self._mutex = Lock()

    # -- lifecycle --------------------------------------------------------------------------------

    async def open(self) -> None:
        """Open the pool and its first `min_size` connections. Opening twice is fine.

        Raises:
            DatabaseConnectionError: The server cannot be reached or refuses.
        """
        await self._opened_pool().fill()

    def _opened_pool(self) -> AsyncPool:
        pool = self._pool
        if pool is None:
            with self._mutex:  # two threads may come here at once
                pool = self._pool
                if pool is None:
                    kind = AsyncPool if self.pool_settings.leak_after is None else AsyncWatchedPool
                    watch = self._pool_watch
                    pool = kind(self.connect if watch is None else watch.connect, self.pool_settings)
                    if watch is not None:
                        pool.on_wait = watch.wait
                    self._pool = pool
        return pool

    async def close(self, timeout: float | None = 10.0) -> None:
        """Close the pool for good; connections still in use are cut after `timeout` seconds."""
        await self._opened_pool().close(timeout)

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def connect(self) -> AsyncDriver:
        """Open one connection outside the pool; the caller closes it.

        Raises:
            DatabaseConnectionError: The server cannot be reached or refuses.
            ConnectionTimeoutError: It did not answer within `connect_timeout`.
            OperationalError: The driver was used before this process was forked, and cannot be used in both.
        """
        kind = self.driver_class
        if kind.has_threads:
            refuse_after_fork(self.spec.name)
        try:
            driver = await kind.connect(self.settings, self._derived)
        except kind.native_errors as error:
            told = kind.connect_error_info(error)
            if refuses_settings(told.message):
                raise unkept(self.settings, self.spec.name) from error
            told = told._replace(message=self._cannot_connect(told.message))
            raise connect_error(told, adapter=self.spec.name) from error
        except SQLSpecError as error:
            if isinstance(error, DatabaseConnectionError):  # an adapter's own, which does not say where
                error.args = (self._cannot_connect(error.message),)
            error.adapter = error.adapter or self.spec.name
            raise
        tell_after_fork(driver)
        for tell in tuple(connections):
            tell(self, driver)
        return driver

    def _cannot_connect(self, reason: str) -> str:
        return f"cannot connect to {format_places(self.settings.hosts, self.settings.ports)}: {reason}"

    # -- what users take --------------------------------------------------------------------------

    def provide_session(self, *, timeout: float | None = None) -> AsyncSessionContext:
        """Return a scope with a session on a pooled connection.

        Leaving it rolls an open transaction back and gives the connection back.

        Args:
            timeout: Limit in seconds for each call of the session that has none of its own, BEGIN and COMMIT included;
                by default the config's `command_timeout`.

        Raises:
            ParameterError: `timeout` is not a positive number.
            PoolTimeoutError: On entering: no connection became free in time.
            DatabaseConnectionError: On entering: a new one could not be opened.
        """
        if timeout is None:
            timeout = self.settings.command_timeout
        else:
            check_limit(timeout)
        return AsyncSessionContext(self, timeout)

    def provide_connection(self) -> AsyncConnectionContext:
        """Return a scope with the driver's own connection, from the pool. It is reset afterwards."""
        return AsyncConnectionContext(self)

    def listen(self, *channels: str, on_gap: Callable[[], object] | None = None) -> AsyncListener:
        """Return a scope that yields notifications, on a connection of its own that reconnects.

        Args:
            *channels: Names of the channels; mixed case is kept.
            on_gap: Called after each reconnection: notifications sent meanwhile are lost.

        Raises:
            ParameterError: No channel was named, or a name is too long.
            NotSupportedError: The driver cannot listen.
        """
        if not channels:
            raise ParameterError("listen() needs a channel: none given; name at least one")
        for channel in channels:
            quote_channel(channel)
        if not self.spec.capabilities.listen:
            raise self.spec.refusal("listen")
        return AsyncListener(self.connect, tuple(dict.fromkeys(channels)), on_gap)

    # -- diagnostics ------------------------------------------------------------------------------

    @property
    def observers(self) -> tuple[Observer, ...]:
        """What the events of this config are told to."""
        return self._observers

    @property
    def pool(self) -> AsyncPool | None:
        """The pool; `None` before the first session."""
        return self._pool

    def stats(self) -> PoolStats:
        """Return the counters of the pool; all are 0 before the first session."""
        pool = self._pool
        return pool.stats() if pool is not None else PoolStats(0, 0, 0, 0, 0, 0, 0, 0)

    def __repr__(self) -> str:
        pool = f", pool: {self._pool.state()}" if self._pool is not None else ""
        return f"{type(self).__name__}({redacted_dsn(self.settings)}{pool})"

    def _acquire(self) -> Awaitable[Pooled]:
        pool = self._pool or self._opened_pool()
        return pool.acquire() if self._pool_watch is None else self._pool_watch.acquire(pool)

    def _session(self, driver: AsyncDriver, limit: float | None) -> AsyncSession:
        if self._pool_watch is not None or listeners:
            return AsyncObservedSession(driver, self._compiler, limit, self._watch)
        return AsyncSession(driver, self._compiler, limit)


class AsyncSessionContext:
    """A session for the length of a `with` block; see `provide_session`."""

    __slots__ = ("_config", "_limit", "_pooled", "_session")

    def __init__(self, config: AsyncConfig[Any], limit: float | None) -> None:
        self._config = config
        self._limit = limit
        self._pooled: Pooled | None = None

    async def __aenter__(self) -> AsyncSession:
        if self._pooled is not None:
            raise _entered_twice("provide_session")
        config = self._config
        pool = config._pool
        pooled = None if pool is None or config._pool_watch is not None else pool.try_acquire()
        if pooled is None:
            pooled = await config._acquire()
        try:
            session = self._session = pooled.session = config._session(pooled.driver, self._limit)
        except BaseException:  # of a signal's handler
            await pooled.pool.release(pooled, dirty=False, broken=False)
            raise
        self._pooled = pooled
        return session

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pooled = self._pooled
        if pooled is None:
            return
        try:
            self._pooled = None
            if not self._session._try_give_back(pooled):
                await self._session._give_back(pooled)
        except BaseException:  # of a signal's handler, too
            await pooled.pool.release(pooled, dirty=True, broken=True)
            raise


class AsyncConnectionContext:
    """The driver's own connection for the length of a `with` block; see `provide_connection`."""

    __slots__ = ("_config", "_pooled", "_taken")

    def __init__(self, config: AsyncConfig[Any]) -> None:
        self._config = config
        self._pooled: Pooled | None = None
        self._taken = 0.0

    async def __aenter__(self) -> Any:
        if self._pooled is not None:
            raise _entered_twice("provide_connection")
        pooled = self._pooled = await self._config._acquire()
        pooled.lent = True
        self._taken = time.perf_counter()
        return pooled.driver.connection

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pooled, self._pooled = self._pooled, None
        if pooled is not None:
            pooled.lent = False
            await pooled.pool.release(pooled, dirty=True, broken=False)
            watch = self._config._pool_watch
            if watch is not None:
                watch.give_back(self._taken)


def _entered_twice(method: str) -> OperationalError:
    return OperationalError(f"cannot enter the scope of {method}() twice at a time: call {method}() once for each use")
