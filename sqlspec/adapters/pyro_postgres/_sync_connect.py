# Generated from _async_connect.py by tools/unasync.py. Do not edit.
"""Opening a connection: several hosts, a server that is as it must be, a driver that does what is built upon."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from sqlspec.adapters.pyro_postgres._sio import SPEC, Stopper, close_connection, in_time, open_connection
from sqlspec.adapters.pyro_postgres._sync_wire import SyncWire
from sqlspec.adapters.pyro_postgres._connect import SHOW_SESSION, Session, none_fits, targets, unfit
from sqlspec.adapters.pyro_postgres._native import NATIVE_ERRORS
from sqlspec.adapters.pyro_postgres._swap import name_of, null_row, stub, swap
from sqlspec.driver._sockets import link_of
from sqlspec.exceptions import DatabaseConnectionError, ImproperConfigurationError, SQLSpecError
from sqlspec.postgres.errors import check_session
from sqlspec.postgres.poolers import unfit_driver

if TYPE_CHECKING:
    from sqlspec.adapters.pyro_postgres._connect import Target
    from sqlspec.postgres.settings import ConnectionSettings

__all__ = ("open_wire",)

_USERS = """\
select $1::int4 as a, '1999-12-31 23:59:59.5+00'::timestamptz as b, ($2::numeric::text || '001')::numeric as c,
  $3::int4[]::text as d"""

_UNREACHABLE: tuple[type[Exception], ...] = (DatabaseConnectionError, *NATIVE_ERRORS)
_DIFFERENT: tuple[type[Exception], ...] = (IndexError, ValueError, *NATIVE_ERRORS)

_tested: list[bool] = []
"""Not empty once the driver of this process has passed the test."""


def open_wire(settings: ConnectionSettings) -> SyncWire:
    """Open a connection to the first host that will do.

    Raises:
        SQLSpecError: None will do; or the error of the driver for the last one that could not be reached.
    """
    wanted = settings.target_session_attrs
    hosts = targets(settings)
    failure: Exception | None = None
    reasons: list[str] = []
    # With prefer-standby any server will do when there is no standby.
    for accepted in (wanted, "any") if wanted == "prefer-standby" else (wanted,):
        for target in hosts:
            try:
                wire, reason = in_time(
                    target, settings.connect_timeout, partial(_open, target, settings, accepted)
                )
            except _UNREACHABLE as error:
                failure = error
                continue
            if not reason:
                return wire
            reasons.append(reason)
            close_connection(wire.connection)
    if failure is not None and not reasons:
        raise failure
    raise none_fits(wanted, reasons) from failure


def _open(target: Target, settings: ConnectionSettings, wanted: str) -> tuple[SyncWire, str]:
    connection, pid = open_connection(target)
    wire = SyncWire(connection, pid, Stopper(target, pid))
    try:
        session = Session(*(value for (value,) in wire.query(SHOW_SESSION)))
        check_session(session.client_encoding, session.standard_conforming_strings)
        if settings.pooler is None and int(session.backend_pid) != pid:
            raise unfit_driver(SPEC.name)
        wire.link = link_of(session.client_port, target.port, settings)
        if not _tested:
            _test_driver(wire)
            _tested.append(True)
    except BaseException:
        close_connection(connection)
        raise
    return wire, unfit(wanted, session)


def _test_driver(wire: SyncWire) -> None:
    """Try what is undocumented and built upon: with another release values could be wrong in silence.

    Raises:
        ImproperConfigurationError: The driver behaves differently.
    """
    array = bytes.fromhex("00000001000000000000001700000001000000010000000400000005")
    try:
        real = wire.prepare("select 1::int4 as one, 2::int4 as two where $1::int4 is null")
        wire.script(swap(name_of(real), null_row(2, 1)))
        names = wire.swapped_rows(real, (None,), named=True)
        fake = wire.prepare(stub((23, 1184, 1700, 25), (False, True, False)))
        wire.script(swap(name_of(fake), _USERS, (name_of(real),)))
        rows = wire.swapped_rows(fake, (b"\0\0\0\7", b"0.00", array))
        wire.script(f'deallocate "{name_of(fake)}"')
    except _DIFFERENT as error:
        raise _other_driver() from error
    before_2000 = (-500_000).to_bytes(8, "big", signed=True)
    small = bytes.fromhex("0001fffe0000000503e8")
    if names != [{"one": None, "two": None}] or rows != [(7, before_2000, small, "{5}")]:
        raise _other_driver()


def _other_driver() -> SQLSpecError:
    return ImproperConfigurationError(
        f"cannot use pyro-postgres: this release does not behave like the tested one; install {SPEC.tested_with}",
        adapter=SPEC.name,
    )
