# Generated from _async_scopes.py by tools/unasync.py. Do not edit.
"""The `with` blocks of a session: transactions, savepoints, settings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlspec.exceptions import TransactionError
from sqlspec.postgres.sql import BEGIN

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from sqlspec.driver._sync_base import OpenTransaction
    from sqlspec.driver._sync_transaction import SyncTransactions

__all__ = ("SyncSavepoint", "SyncSettings", "SyncTransaction")


class SyncSavepoint:
    """A scope inside a transaction; see `savepoint`."""

    __slots__ = ("_name", "_opened_in", "_session")

    def __init__(self, session: SyncTransactions, name: str | None) -> None:
        self._session = session
        self._name = name
        self._opened_in: OpenTransaction | None = None

    def __enter__(self) -> Self:
        self._name = self._session._open_savepoint(self._name)
        self._opened_in = self._session._transaction
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._session._close_savepoint(self._name or "", self._opened_in, error is not None)


class SyncTransaction:
    """A transaction scope, or a savepoint scope inside one; see `transaction`.

    Attributes:
        ended_inside: Its transaction was ended by `commit` or `rollback` before the scope was left.
    """

    __slots__ = ("_begin", "_inner", "_session", "_token", "ended_inside")

    def __init__(self, session: SyncTransactions, begin: str) -> None:
        self._session = session
        self._begin = begin
        self._inner: SyncSavepoint | None = None
        self._token: OpenTransaction | None = None
        self.ended_inside = False

    def __enter__(self) -> Self:
        session = self._session
        if session._transaction is None:
            try:
                session._begin("transaction", self._begin)
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
        self._inner.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._inner is not None:
            self._inner.__exit__(kind, error, trace)
            return
        session = self._session
        if self._token is None or session._transaction is not self._token:
            self.ended_inside = True
            return
        try:
            if error is not None:
                session._end_transaction("rollback")
                return
            try:
                session._end_transaction("commit")
            except TransactionError:
                if session._transaction is self._token:
                    session._end_transaction("rollback")
                raise
        finally:
            # Interrupted while it waited for its turn, it has asked nothing of the server.
            if session._transaction is self._token:
                session._abandon(self._token)


class SyncSettings:
    """A scope with other server settings; see `with_settings`."""

    __slots__ = ("_previous", "_scope", "_session", "_values")

    def __init__(self, session: SyncTransactions, values: dict[str, str]) -> None:
        self._session = session
        self._values = values
        self._scope = session.transaction()
        self._previous: dict[str, str] = {}

    def __enter__(self) -> Self:
        nested = self._session.in_transaction
        self._scope.__enter__()
        try:
            if nested:
                # Releasing a savepoint keeps what was set inside, so success must put the old values back.
                old = self._session._setting_values(list(self._values))
                self._previous = {name: value or "" for name, value in zip(self._values, old, strict=True)}
            self._session._apply_settings(self._values)
        except BaseException as error:
            self._scope.__exit__(type(error), error, error.__traceback__)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None and self._previous and self._session.in_transaction:
            try:
                self._session._apply_settings(self._previous)
            except BaseException as failure:
                self._scope.__exit__(type(failure), failure, failure.__traceback__)
                raise
        self._scope.__exit__(kind, error, trace)
