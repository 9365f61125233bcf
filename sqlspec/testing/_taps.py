"""Listening to sessions for a while, whether or not their config has observers."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from sqlspec.driver._forks import _opened
from sqlspec.driver._listeners import listeners
from sqlspec.exceptions import ParameterError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlspec.core.observe import Event
    from sqlspec.driver._listeners import Listener

__all__ = ("listening",)


@contextmanager
def listening(target: Any, listener: Listener) -> Iterator[None]:
    """Hear what a session reports, or every session of a config, or every session there is.

    Args:
        target: A session, a config, or `None` for all.
        listener: Called with session and event.

    Raises:
        ParameterError: It is none of these.
    """
    from sqlspec.driver._async_base import AsyncSessionBase
    from sqlspec.driver._async_config import AsyncConfig
    from sqlspec.driver._async_observed import observe as observe_async
    from sqlspec.driver._sync_base import SyncSessionBase
    from sqlspec.driver._sync_config import SyncConfig
    from sqlspec.driver._sync_observed import observe as observe_sync

    if target is not None and not isinstance(target, (AsyncConfig, SyncConfig, AsyncSessionBase, SyncSessionBase)):
        raise ParameterError(
            f"cannot record statements of this: {type(target).__name__} given; pass a config or session"
        )
    of_config = isinstance(target, (AsyncConfig, SyncConfig))
    is_open = _open() if target is None or of_config else (target,)

    def is_meant(session: Any) -> bool:
        # Each config has a compiler of its own.
        return target is None or (session._compiler is target._compiler if of_config else session is target)

    def hear(session: Any, event: Event) -> None:
        if is_meant(session):
            listener(session, event)

    listeners.append(hear)
    try:
        for session in filter(is_meant, is_open):
            (observe_async if isinstance(session, AsyncSessionBase) else observe_sync)(session)
        yield
    finally:
        listeners.remove(hear)


def _open() -> Iterator[Any]:
    """Yield all sessions that are open."""
    for pool in tuple(_opened):
        for pooled in tuple(getattr(pool, "_used", ())):
            if pooled.session is not None:
                yield pooled.session
