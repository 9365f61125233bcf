# Generated from _async_records.py by tools/unasync.py. Do not edit.
"""Rows in bulk that are here already, because no cursor could be declared for them."""

from __future__ import annotations

from itertools import accumulate, islice
from typing import TYPE_CHECKING

from sqlspec.driver._sync_driver import SyncRowFeed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlspec.postgres.arrow._wire import Sink

__all__ = ("SyncRecordFeed",)


class SyncRecordFeed(SyncRowFeed):
    """The rows of a change of data, each as `record_send` gives it."""

    __slots__ = ("_at", "_records")

    def __init__(self, records: Sequence[bytes]) -> None:
        self._records = records
        self._at = 0

    def feed(self, sink: Sink, size: int) -> bool:
        sizes = accumulate(map(len, islice(self._records, self._at, None)))
        count = next((count for count, total in enumerate(sizes, 1) if total >= size), len(self._records) - self._at)
        chunk = self._records[self._at : self._at + count]
        self._at += count
        sink.feed_records(chunk)
        return self._at < len(self._records)

    def close(self) -> None:
        self._records = ()
        self._at = 0
