"""What the steps of both flavours share: the classes of rows, the job, and the answer of a step."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import msgspec

from sqlspec.exceptions import (
    CheckViolationError,
    ForeignKeyViolationError,
    IntegrityError,
    NotNullViolationError,
    UniqueViolationError,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    import pyarrow as pa

    from examples.flights.data import Data, Row
    from sqlspec import SQLSpec


class Route(msgspec.Struct):
    """A route of one airline."""

    origin: str
    dest: str
    airport: str | None
    airline: str
    flights: int
    mean_delay: Decimal | None


class Delay(msgspec.Struct):
    """A flight that left late."""

    hour: datetime
    airline: str
    flight: int
    origin: str
    dest: str
    minutes: int
    plane: str | None


class Visibility(msgspec.Struct):
    """Flights in one kind of weather."""

    visibility: str
    gust: float | None
    temp: Decimal | None
    flights: int
    cancelled: int
    mean_delay: Decimal | None


@dataclass(frozen=True, slots=True)
class Job:
    """What every adapter is given.

    Attributes:
        data: The rows of the files.
        tables: The same as Arrow tables, which are loaded.
        source: Checksum of the flights among them.
        sql: The statements of `flights.sql`, by name.
        schema: Name of the schema that the tables are made in. It is dropped at the end.
        watch: Wraps rows to insert, to show how far that is.
    """

    data: Data
    tables: Mapping[str, pa.Table]
    source: str
    sql: SQLSpec
    schema: str
    watch: Callable[[Sequence[Row]], Iterable[Row]]


@dataclass(frozen=True, slots=True)
class Answer:
    """What a step found out.

    Attributes:
        rows: How many rows it stored or read.
        found: What has to be the same on every adapter.
        note: The same for people, in a few words.
        size: How many bytes they were, where that was counted.
        seconds: How long that took, where the step did more.
    """

    rows: int
    found: Any
    note: str
    size: int = 0
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """A step as it went on one adapter. Without an answer, the adapter refused it for the reason in `refusal`."""

    step: str
    seconds: float
    answer: Answer | None
    refusal: str = ""


FORBIDDEN: tuple[tuple[type[IntegrityError], str], ...] = (
    (UniqueViolationError, "insert into airlines values ('UA', 'Another United')"),
    (ForeignKeyViolationError, "insert into weather values ('XXX', '2013-01-01 00:00Z')"),
    (CheckViolationError, "update flights set distance = 0 where id = 1"),
    (NotNullViolationError, "insert into airlines values ('ZZ', null)"),
)
"""Statements that break a constraint, with the class of the error."""
