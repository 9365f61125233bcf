# The synchronous twin is generated from this file by tools/unasync.py.
"""The `with` blocks of a session: transactions, savepoints, settings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlspec.exceptions import TransactionError
from sqlspec.postgres.sql import BEGIN

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from sqlspec.driver._async_base import OpenTransaction
    from sqlspec.driver._async_transaction import AsyncTransactions

__all__ = ("AsyncSavepoint", "AsyncSettings", "AsyncTransaction")


class AsyncSavepoint:
    """A scope inside a transaction; see `savepoint`."""

    __slots__ = ("_name", "_opened_in", "_session")

    def __init__(self, session: AsyncTransactions, name: str | None) -> None:
        self._session = session
        self._name = name
        self._opened_in: OpenTransaction | None = None

    async def __aenter__(self) -> Self:
        self._name = await self._session._open_savepoint(self._name)
        self._opened_in = self._session._transaction
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._session._close_savepoint(self._name or "", self._opened_in, error is not None)


class AsyncTransaction:
    """A transaction scope, or a savepoint scope inside one; see `transaction`.

    Attributes:
        ended_inside: Its transaction was ended by `commit` or `rollback` before the scope was left.
    """

    __slots__ = ("_begin", "_inner", "_session", "_token", "ended_inside")

    def __init__(self, session: AsyncTransactions, begin: str) -> None:
        self._session = session
        self._begin = begin
        self._inner: AsyncSavepoint | None = None
        self._token: OpenTransaction | None = None
        self.ended_inside = False

    async def __aenter__(self) -> Self:
        session = self._session
        if session._transaction is None:
            try:
                await session._begin("transaction", self._begin)
                self._token = session._transaction
            except BaseException:
                opened = session._transaction
                if opened is not None and opened.owner.is_here():  # a signal's handler has raised behind BEGIN
                    session._abandon(opened)
                raise
            return self
        session._check("transaction")
        if self._begin != BEGIN:
            raise TransactionError(
                "cannot set options of a nested transaction: it is a savepoint; set them on the outermost one"
            )
        self._inner = session.savepoint()
        await self._inner.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._inner is not None:
            await self._inner.__aexit__(kind, error, trace)
            return
        session = self._session
        if self._token is None or session._transaction is not self._token:
            self.ended_inside = True
            return
        try:
            if error is not None:
                await session._end_transaction("rollback")
                return
            try:
                await session._end_transaction("commit")
            except TransactionError:
                if session._transaction is self._token:
                    await session._end_transaction("rollback")
                raise
        finally:
            # Interrupted while it waited for its turn, it has asked nothing of the server.
            if session._transaction is self._token:
                session._abandon(self._token)


class AsyncSettings:
    """A scope with other server settings; see `with_settings`."""

    __slots__ = ("_previous", "_scope", "_session", "_values")

    def __init__(self, session: AsyncTransactions, values: dict[str, str]) -> None:
        self._session = session
        self._values = values
        self._scope = session.transaction()
        self._previous: dict[str, str] = {}

    async def __aenter__(self) -> Self:
        nested = self._session.in_transaction
        await self._scope.__aenter__()
        try:
            if nested:
                # Releasing a savepoint keeps what was set inside, so success must put the old values back.
                old = await self._session._setting_values(list(self._values))
                self._previous = {name: value or "" for name, value in zip(self._values, old, strict=True)}
            await self._session._apply_settings(self._values)
        except BaseException as error:
            await self._scope.__aexit__(type(error), error, error.__traceback__)
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None and self._previous and self._session.in_transaction:
            try:
                await self._session._apply_settings(self._previous)
            except BaseException as failure:
                await self._scope.__aexit__(type(failure), failure, failure.__traceback__)
                raise
        await self._scope.__aexit__(kind, error, trace)
