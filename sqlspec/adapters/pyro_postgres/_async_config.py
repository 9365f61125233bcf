# The synchronous twin is generated from this file by tools/unasync.py.
"""The part of the config classes that both flavours share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from sqlspec.adapters.pyro_postgres._aio import TASKS
from sqlspec.adapters.pyro_postgres._companion import companion_class
from sqlspec.driver._async_config import AsyncConfig
from sqlspec.driver._features import DriverFeatures
from sqlspec.driver._statements import Derived

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from sqlspec.core.observe import Observer
    from sqlspec.driver._async_stream import AsyncListener

__all__ = ("AsyncListeningConfig",)

F = TypeVar("F", bound=DriverFeatures)


class AsyncListeningConfig(AsyncConfig[F]):
    """A config whose driver cannot listen: the driver of another adapter does, if the user has named one."""

    def __init__(
        self,
        connection_config: Mapping[str, Any] | None = None,
        *,
        driver_features: F | Mapping[str, Any] | None = None,
        observers: Iterable[Observer] = (),
    ) -> None:
        super().__init__(connection_config, driver_features=driver_features, observers=observers)
        features: Any = self.driver_features
        companion = companion_class(features, waits_in_tasks=TASKS)
        self._companion: AsyncConfig[Any] | None = None
        if companion is not None:
            # The same settings as they were resolved, whatever spellings they had.
            listening: AsyncConfig[Any] = companion()
            listening.settings = self.settings
            listening._derived = Derived(features.codec_options())
            self._companion = listening

    def listen(self, *channels: str, on_gap: Callable[[], object] | None = None) -> AsyncListener:
        """Return a scope that yields notifications, on a connection of the adapter named in `listen_with`.

        Args:
            *channels: Names of the channels; mixed case is kept.
            on_gap: Called after each reconnection: notifications sent meanwhile are lost.

        Raises:
            ParameterError: No channel was named, or a name is too long.
            NotSupportedError: No adapter is named that can listen.
        """
        if self._companion is None:
            return super().listen(*channels, on_gap=on_gap)
        return self._companion.listen(*channels, on_gap=on_gap)
