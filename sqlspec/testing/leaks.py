"""Tests that give everything back: `no_leaks`."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any, overload

if TYPE_CHECKING:
    from sqlspec.driver._async_config import AsyncConfig
    from sqlspec.driver._sync_config import SyncConfig
    from sqlspec.testing._async_leak_check import AsyncLeakCheck
    from sqlspec.testing._sync_leak_check import SyncLeakCheck

__all__ = ("LeakError", "no_leaks")


class LeakError(AssertionError):
    """Something was not given back; the message says what, and where it was taken."""


@overload
def no_leaks(config: AsyncConfig[Any]) -> AsyncLeakCheck: ...
@overload
def no_leaks(config: SyncConfig[Any]) -> SyncLeakCheck: ...
def no_leaks(config: Any) -> Any:
    """Return a scope that fails at its end when something of a config was taken inside and not given back.

    That is: a session, or a connection of `provide_connection`, whose scope was not left; a transaction that was still
    open when its session was given back; a connection beside the pool, of `connect` or `listen`, that was not closed,
    or whose process the server still has. Entered before the config's first session, the scope knows the lines of code
    that have taken them. What was out before does not count. An error that leaves the block passes unchanged.

    Without a leak, nothing is asked of the server unless connections were opened beside the pool.

    Example:
        `async with no_leaks(config): ...`

    Args:
        config: The config; a scope of a synchronous one is entered by a plain `with`.

    Raises:
        LeakError: At the end: there is something.
    """
    if inspect.iscoroutinefunction(type(config).close):
        from sqlspec.testing._async_leak_check import AsyncLeakCheck

        return AsyncLeakCheck(config)
    from sqlspec.testing._sync_leak_check import SyncLeakCheck

    return SyncLeakCheck(config)
