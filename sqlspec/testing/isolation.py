"""Tests that leave nothing behind: `rolled_back`."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any, overload

if TYPE_CHECKING:
    from sqlspec.driver._async_config import AsyncConfig
    from sqlspec.driver._sync_config import SyncConfig
    from sqlspec.testing._async_rollback import AsyncRolledBack
    from sqlspec.testing._sync_rollback import SyncRolledBack

__all__ = ("rolled_back",)


@overload
def rolled_back(config: AsyncConfig[Any], *, isolation: str | None = None) -> AsyncRolledBack: ...
@overload
def rolled_back(config: SyncConfig[Any], *, isolation: str | None = None) -> SyncRolledBack: ...
def rolled_back(config: Any, *, isolation: str | None = None) -> Any:
    """Return a scope whose sessions store nothing: at its end, everything is rolled back.

    Inside, every session of the config works on one connection, in one transaction: the one that the scope gives, and
    those that the code under test takes with `provide_session`. They behave as sessions of their own: `begin`,
    `commit`, `rollback`, `transaction()` and `run_in_transaction` work and see no transaction around them, and an error
    outside of a transaction undoes its own statement only. Constraints that are deferred are checked at `commit`.

    What one connection in one transaction cannot do is refused: two transactions at a time (those of several tasks
    or threads wait for each other; the second one of the same task is a `TransactionError`), and scripts with BEGIN or
    COMMIT. `now()` stands still, the isolation is that of the scope, and what cannot be run in a transaction
    (`vacuum`, `create database`) is an error of the server. `listen` has a connection of its own, which sees nothing
    of this; notifications that are sent are not delivered. To close the config inside does nothing.

    Example:
        `async with rolled_back(config) as session: ...`

    Args:
        config: The config; a scope of a synchronous one is entered by a plain `with`.
        isolation: Isolation of the transaction, as in `begin`.

    Raises:
        ParameterError: PostgreSQL has no such isolation level.
    """
    if inspect.iscoroutinefunction(type(config).close):
        from sqlspec.testing._async_rollback import AsyncRolledBack

        return AsyncRolledBack(config, isolation)
    from sqlspec.testing._sync_rollback import SyncRolledBack

    return SyncRolledBack(config, isolation)
