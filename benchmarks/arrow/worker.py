"""The process of one contestant: `python -m benchmarks.arrow.worker`, see `benchmarks.harness.serve`.

It runs in environments without this package, so it needs no more than pyarrow, numpy and the contestant's own module.
"""

from __future__ import annotations

import time
from pkgutil import resolve_name
from typing import Any, Self

import pyarrow as pa
import pyarrow.compute as pc

from benchmarks.arrow.compare import difference
from benchmarks.arrow.data import STREAM
from benchmarks.harness.memory import Peak
from benchmarks.harness.serve import main

__all__ = ("Worker",)

WARM_UP_ROWS = 1000


class Clock:
    """Takes what a call costs: seconds, those of them in which this process had a processor, and the peak of memory."""

    def __init__(self, measure_memory: bool) -> None:
        self.answer: dict[str, float] = {}
        self._memory = Peak() if measure_memory else None

    def __enter__(self) -> Self:
        self._cpu, self._started = time.process_time(), time.perf_counter()
        return self

    def __exit__(self, *_: object) -> None:
        seconds, cpu = time.perf_counter() - self._started, time.process_time() - self._cpu
        self.answer = {"seconds": seconds, "cpu": cpu} | ({"peak": self._memory.bytes()} if self._memory else {})


class Worker:
    """One contestant with what it is about to load or read."""

    opened = None

    def __init__(self, factory: str, argument: str, dsn: str) -> None:
        self.contestant: Any = resolve_name(factory)(dsn, argument)
        self.table = self.sql = ""
        self.source: pa.Table | None = None
        self.found: pa.Table | None = None

    def prepare_load(self, table: str, source: str) -> None:
        """Read the rows to load, and load a few of them: what a first call imports is not measured."""
        self.table, self.source = table, read_table(source)
        self.contestant.load(table, self.source.slice(0, WARM_UP_ROWS))

    def prepare_select(self, sql: str) -> None:
        """Remember a query, and read a few of its rows."""
        self.sql = sql
        self.contestant.select(f"{sql} limit {WARM_UP_ROWS}")

    def load(self, measure_memory: bool = False) -> dict[str, float]:
        """Load the rows."""
        with Clock(measure_memory) as clock:
            self.contestant.load(self.table, self.source)
        return clock.answer

    def select(self, measure_memory: bool = False) -> dict[str, float]:
        """Read all rows of the query. What an earlier call read is given up first."""
        self.found = None
        with Clock(measure_memory) as clock:
            found = self.contestant.select(self.sql)
        if measure_memory:
            self.found = found
        return clock.answer

    def check(self, source: str) -> str:
        """Compare what the last measured `select` read with the source; return what differs, or nothing."""
        assert self.found is not None
        return difference(self.found, read_table(source))

    def close(self) -> None:
        """Disconnect."""
        self.contestant.close()

    def load_stream(self, table: str, rows: int) -> dict[str, float]:
        """Load rows that are made one batch after the other."""
        reader = pa.RecordBatchReader.from_batches(STREAM.schema, STREAM.batches(rows))
        with Clock(measure_memory=True) as clock:
            self.contestant.load(table, reader)
        return clock.answer

    def select_stream(self, sql: str) -> dict[str, float]:
        """Read rows batch by batch, and keep only their number and two sums."""
        totals = {"rows": 0, "ids": 0, "characters": 0}

        def take(batch: pa.RecordBatch) -> None:
            totals["rows"] += batch.num_rows
            totals["ids"] += pc.sum(batch.column("id")).as_py() or 0
            totals["characters"] += pc.sum(pc.utf8_length(batch.column("name"))).as_py() or 0

        self.contestant.stream(f"{sql} limit {WARM_UP_ROWS}", take)
        totals.update(rows=0, ids=0, characters=0)
        with Clock(measure_memory=True) as clock:
            self.contestant.stream(sql, take)
        return clock.answer | totals


def read_table(path: str) -> pa.Table:
    """Read a table into memory of this process; a mapped file would count as memory when it is first touched."""
    with pa.OSFile(path) as file, pa.ipc.open_file(file) as reader:
        return reader.read_all()


if __name__ == "__main__":
    main(Worker)
