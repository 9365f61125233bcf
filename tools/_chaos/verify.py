"""Compares what workers were told with what the server has stored."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from typing import Any

import psycopg

from tools._chaos.calls import ACCOUNTS, BALANCE, WRITES
from tools._chaos.ledger import ABSENT, STORED, WRONG, Entry, payload

__all__ = ("calm", "differences", "ill_after", "sentences")

Key = tuple[int, int]

HEALTHY_WITHIN = 2.0
"""Seconds after the last fault from which on no checkout may fail, nor a connection that was checked out then."""

_BROKEN = ("CommitUnknownError", "ConnectionTimeoutError", "DatabaseConnectionError", "PoolTimeoutError")


def sentences(entries: Iterable[Entry]) -> Iterator[str]:
    """Yield the calls that went wrong by themselves."""
    yield from (str(entry) for entry in entries if entry.outcome == WRONG)


def ill_after(entries: Iterable[Entry], healed: float) -> Iterator[str]:
    """Yield the calls that failed although the last fault was over when their session was asked for."""
    for entry in entries:
        if entry.visit > healed + HEALTHY_WITHIN and _is_broken(entry) and not _is_refused(entry):
            yield f"{entry.started - healed:.1f} s after the last fault, {entry}"


def _is_broken(entry: Entry) -> bool:
    return entry.note.partition(": ")[0] in _BROKEN


def _is_refused(entry: Entry) -> bool:
    """Tell whether the connection was lost to an earlier call of the visit: a limit that strikes may cost it."""
    return entry.note.partition(": ")[2].startswith("cannot call")


def calm(entries: Iterable[Entry], healed: float) -> str:
    """Tell how it went after the last fault. Where limits cost connections then, the machine has too much to do."""
    later = [entry for entry in entries if entry.visit > healed]
    failed = [entry for entry in later if _is_broken(entry) and not _is_refused(entry)]
    last = max((entry.ended - healed for entry in failed), default=0.0)
    return (
        f"after the last fault: {len(later)} calls; {len(failed)} failed, until {last:.1f} s after it; "
        f"{sum(map(_is_refused, later))} found that a limit had cost their connection"
    )


def differences(server: psycopg.Connection[Any], entries: Iterable[Entry], running: set[Key]) -> Iterator[str]:
    """Yield what is stored and must not be, and what is not and must.

    Args:
        server: A connection to the server, with no worker left.
        entries: All calls that ended.
        running: Calls that did not, because their process ended: worker and number.
    """
    writes = {(entry.worker, entry.number): entry for entry in entries if entry.kind in WRITES}
    stored: dict[Key, Counter[int]] = defaultdict(Counter)
    whole: dict[Key, int] = {}
    for worker, number, part, parts, text in server.execute(
        "select worker, number, part, parts, payload from appended"
    ):
        stored[worker, number][part] += 1
        whole[worker, number] = parts
        if text != payload(worker, number, part):
            yield f"worker {worker}, call {number}, row {part} holds another text: {text!r:.80}"
    for worker, number, count in server.execute("select worker, number, count(*) from transfers group by 1, 2"):
        stored[worker, number][0] += count
    for key, found in stored.items():
        if max(found.values()) > 1:
            yield f"stored {max(found.values())} times: {writes.get(key, key)}"
        if len(found) != whole.get(key, 1):
            yield f"only a part is stored: {writes.get(key, key)}"
        if key not in writes and key not in running:
            yield f"stored by no call: {key}"
    for key, entry in writes.items():
        if entry.outcome == STORED and key not in stored:
            yield f"acknowledged and lost: {entry}"
        if entry.outcome == ABSENT and key in stored:
            yield f"failed and stored all the same: {entry}"
    yield from _balances(server)


def _balances(server: psycopg.Connection[Any]) -> Iterator[str]:
    moved = f"""select id, balance, {BALANCE} + coalesce(sum(change), 0)::int8 from accounts left join (
              select target as id, amount as change from transfers union all select source, -amount from transfers
            ) moved using (id) group by id having balance <> {BALANCE} + coalesce(sum(change), 0)"""
    for account, balance, wanted in server.execute(moved.encode()):
        yield f"account {account} holds {balance} and was given {wanted}"
    for (total,) in server.execute("select sum(balance)::int8 from accounts"):
        if total != ACCOUNTS * BALANCE:
            yield f"the bank holds {total} and was given {ACCOUNTS * BALANCE}"
