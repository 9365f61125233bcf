"""The examples and the demo, run as a reader runs them: what they print is what their text promises."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from examples.flights import _sync_steps, app
from examples.flights.adapters import load_configs
from examples.flights.data import Data, checksum, read_data
from examples.flights.model import Answer, Outcome
from examples.flights.report import compare
from examples.flights.tables import arrow_tables, differences
from sqlspec.adapters.psycopg import PsycopgSyncConfig
from sqlspec.exceptions import NotSupportedError
from tools import unasync

if TYPE_CHECKING:
    from collections.abc import Callable

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
SCRIPTS = sorted(path.name for path in EXAMPLES.glob("[0-9]*.py"))

VALUES = """\
price    Decimal('1.50')
term     Interval(months=1, days=2, microseconds=0)
moment   datetime.datetime(2024, 5, 1, 10, 0, tzinfo=datetime.timezone.utc)
host     IPv4Interface('10.0.0.1/24')
numbers  [1, None]
bits     '101'
document {'big': 12345678901234567890}
rows      [{'b': 2}]
error     DataError 22P02
"""

EXPECTED = {
    "01_quickstart.py": """\
[{'name': 'Venus', 'moons': 0}, {'name': 'Earth', 'moons': 1}, {'name': 'Mars', 'moons': 2}]
{'name': 'Mars', 'moons': 2}
None
3
UPDATE 3
""",
    "02_typed_rows.py": """\
Book(title='Dune', published=datetime.date(1965, 8, 1), publisher=Publisher(city='Philadelphia', founded=1792))
Book(title='Emma', published=None, publisher=Publisher(city='London', founded=None))
['Dune', 'Emma']
[Edition(title='Dune', published=datetime.date(1965, 8, 1))]
MappingError: cannot map row 1 to Edition: the column 'published' is NULL and the field 'published' (date) does not \
allow None; allow it in the annotation, or exclude it in the statement
""",
    "03_transactions.py": """\
undone: accounts_balance_check
[{'owner': 'Ann', 'balance': 40}, {'owner': 'Bob', 'balance': 60}]
moved: 40
[{'owner': 'Ann', 'balance': 0}, {'owner': 'Bob', 'balance': 100}]
""",
    "04_streaming.py": """\
14,285 of 100,000 are multiples of seven
[(1, False), (2, False), (3, False), (4, False)]
[(5, False), (6, False), (7, True), (8, False)]
still usable: yes
""",
    "05_batches.py": """\
stored: 20000
refused: Key (number)=(19000) already exists.
still there: 20000
returned: [{'number': 0, 'square': 0}, {'number': -1, 'square': 1}]
deleted: 19990 sum of the rest: 386
""",
    "06_errors.py": """\
users_pkey of users: Key (id)=(1) already exists.
22012 DataError: division by zero
42601 SQLParsingError: syntax error at or near "selec"
42P01 SQLParsingError: relation "nowhere" does not exist
23502 NotNullViolationError: null value in column "name" of relation "users" violates not-null constraint
23514 CheckViolationError: new row for relation "users" violates check constraint "users_name_check"
missing parameters: second; pass them
QueryTimeoutError - but the session goes on: 2
""",
    "07_switch_drivers.py": f"-- asyncpg\n{VALUES}-- psycopg\n{VALUES}",
    "08_listen_notify.py": """\
rolled back
orders: first
Mixed Case: second
orders: third
""",
    "09_named_sql.py": """\
('create_rivers', 'longer_than', 'by_continent')
{'continent': 'Africa', 'rivers': 4, 'longest': 6650}
{'continent': 'America', 'rivers': 2, 'longest': 6400}
{'continent': 'Europe', 'rivers': 1, 'longest': 2850}
[{'name': 'Amazon', 'continent': 'America', 'km': 6400}, {'name': 'Mississippi', 'continent': 'America', 'km': 3766}]
['Congo', 'Niger'] of 5
""",
    "10_sync.py": """\
15
[{'n': 1, 'root': Decimal('1.000')}, {'n': 2, 'root': Decimal('1.414')}]
[1, 2, 4, 8, 16, 32, 64, 128, 256, 512]
at most 3 connections: True
""",
}

# What every adapter answers to the steps that do not depend on the number of flights.
NOTES = {
    "tables": "airlines, airports, first_flights, flights, planes, weather",
    "read": "every type and value as in the files",
    "insert": "one batch in one transaction, 0 unlike those of the load",
    "errors": "UniqueViolationError of airlines_pkey, and 3 others",
    "timeout": "QueryTimeoutError after 0.5 s, then the session answered 42",
    "rollback": "airlines before, after the inner one, at the end: [16, 17, 16]",
    "notify": "received: now boarding",
}


def run(script: str, *arguments: str, dsn: str) -> subprocess.CompletedProcess[str]:
    """Run a script with a given server, in a directory that is not the root of the clone."""
    return subprocess.run(
        [sys.executable, "-W", "error", str(EXAMPLES / script), *arguments],
        cwd=EXAMPLES,
        env={**os.environ, app.DSN_VARIABLE: dsn, "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


@pytest.mark.parametrize("script", SCRIPTS)
def test_an_example_prints_what_its_reader_expects(script: str, sqlspec_postgres: str) -> None:
    done = run(script, dsn=sqlspec_postgres)
    assert (done.stdout, done.stderr, done.returncode) == (EXPECTED[script], "", 0)


def test_an_example_starts_a_server_of_its_own() -> None:
    environment = {name: value for name, value in os.environ.items() if name != app.DSN_VARIABLE}
    command = [sys.executable, str(EXAMPLES / "01_quickstart.py")]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=100, check=False)
    assert (done.stdout, done.returncode) == (EXPECTED["01_quickstart.py"], 0), done.stderr


def test_the_readme_lists_every_example() -> None:
    listed = re.findall(r"\]\((\d\d_\w+\.py)\)", (EXAMPLES / "README.md").read_text(encoding="utf-8"))
    assert listed == SCRIPTS


# -- the demo -----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def finished_demo(sqlspec_postgres: str) -> subprocess.CompletedProcess[str]:
    return run("demo.py", "--rows", "3000", dsn=sqlspec_postgres)


def test_the_demo_gets_the_same_results_from_every_adapter(
    finished_demo: subprocess.CompletedProcess[str],
) -> None:
    assert (finished_demo.stderr, finished_demo.returncode) == ("", 0)
    lines = finished_demo.stdout.splitlines()
    labels = list(load_configs())
    # Each step is compared with the first adapter, but for two that are compared with the files.
    answers = len(_sync_steps.STEPS)
    refused = sum("not supported" in line for line in lines)
    assert f"{answers * len(labels) - (answers - 2) - refused} answers compared, in value, type and order" in lines
    assert refused == 2, "pyro-postgres has no notifications; all else is there on every adapter"
    assert "identical results: yes" in lines
    for label in labels:
        begin = lines.index(label) + 1
        steps = [line.split(maxsplit=2) for line in lines[begin : begin + answers]]
        assert [step[0] for step in steps] == list(_sync_steps.STEPS)
        notes = NOTES | ({"notify": "not supported: the driver drops notifications unread"} if "pyro" in label else {})
        assert {name: rest.split("   ")[-1].strip() for name, _, rest in steps if name in NOTES} == notes
        rows = {name: count for name, count, _ in steps}
        assert (rows["tables"], rows["load"], rows["read"]) == ("6", "33,911", "33,911")
        assert (rows["insert"], rows["stream"]) == ("3,000", "3,000")
        assert all("as in the files" in rest for name, _, rest in steps if name == "stream")
        loaded = next(rest for name, _, rest in steps if name == "load")
        assert ("sent by unnest" if "pyro" in label else "sent by copy") in loaded
    header = next(line for line in lines if line.startswith("┃ step"))
    assert [cell.strip() for cell in header.strip("┃").split("┃")] == ["step", "rows", *labels]


def test_the_demo_prints_plain_text_where_there_is_no_terminal(
    finished_demo: subprocess.CompletedProcess[str],
) -> None:
    assert [char for char in finished_demo.stdout if ord(char) < ord(" ") and char != "\n"] == []
    assert max(map(len, finished_demo.stdout.splitlines())) <= 120


def test_the_demo_leaves_nothing_behind(sqlspec_postgres: str, finished_demo: subprocess.CompletedProcess[str]) -> None:
    with PsycopgSyncConfig({"dsn": sqlspec_postgres}) as config, config.provide_session() as session:
        assert session.select("select nspname from pg_namespace where nspname like 'sqlspec_demo%'") == []


@pytest.fixture
def demo(
    sqlspec_postgres: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[[], tuple[int, str]]:
    """Provide the demo of little data on two adapters, in this process: it returns status and output."""

    def read_little(flights: int) -> Data:
        data = read_data(flights)
        return data._replace(planes=data.planes[:100], weather=data.weather[:100])

    def call() -> tuple[int, str]:
        monkeypatch.setattr(app, "read_data", read_little)
        monkeypatch.setenv(app.DSN_VARIABLE, sqlspec_postgres)
        status = app.main(["--rows", "50", "--adapter", "asyncpg", "--adapter", "psycopg-sync"])
        return status, capsys.readouterr().out

    return call


def test_the_demo_fails_when_an_adapter_differs(
    demo: Callable[[], tuple[int, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def other(*_: object) -> Answer:
        return Answer(25, [1.0], "something else")

    monkeypatch.setitem(_sync_steps.STEPS, "page", other)
    status, output = demo()
    assert status == 1
    assert "page: psycopg-sync differs from asyncpg" in output
    assert "identical results: no" in output


def test_the_demo_shows_what_an_adapter_refuses(
    demo: Callable[[], tuple[int, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> Answer:
        raise NotSupportedError("listen is not available on this one: the driver has no way to wait; use another")

    monkeypatch.setitem(_sync_steps.STEPS, "notify", refuse)
    status, output = demo()
    assert "not supported: the driver has no way to wait\n" in output
    row = next(line for line in output.splitlines() if line.startswith("│ notify"))
    assert row.strip("│ ").split("│")[-1].strip() == "no"
    assert (status, "identical results: yes" in output) == (0, True)


def outcomes(**found: Any) -> list[Outcome]:
    return [Outcome(step, 0.1, Answer(1, value, "")) for step, value in found.items()]


@pytest.mark.parametrize(
    ("one", "other"),
    [(1, 1.0), (1, True), (Decimal("1.5"), Decimal("1.50")), ([1, 2], [2, 1]), ((1,), [1]), (None, "None")],
)
def test_a_comparison_sees_value_type_and_order(one: object, other: object) -> None:
    assert compare({"a": outcomes(page=one), "b": outcomes(page=one)}, "x") == (1, [])
    assert compare({"a": outcomes(page=one), "b": outcomes(page=other)}, "x") == (1, ["page: b differs from a"])


def test_a_comparison_holds_the_stream_against_the_source() -> None:
    same = outcomes(stream="right")
    assert compare({"a": same, "b": same}, "right") == (2, [])
    assert compare({"a": same, "b": same}, "wrong").differences == [
        "stream: a differs from the source",
        "stream: b differs from the source",
    ]


def test_a_comparison_holds_what_was_read_as_arrow_data_against_the_source() -> None:
    assert compare({"a": outcomes(read=[])}, "x") == (1, [])
    assert compare({"a": outcomes(read=["weather.temp"])}, "x").differences == ["read: a differs from the source"]


def test_a_comparison_of_tables_sees_types_and_values_in_any_order_of_rows() -> None:
    source = arrow_tables(read_data(50))["flights"]
    assert differences("flights", source.take(list(range(49, -1, -1))), source) == []
    assert differences("flights", source.slice(1), source) == ["49 rows of flights"]
    later = pc.add(source["distance"], 1).cast(pa.int32())
    place = source.column_names.index("distance")
    assert differences("flights", source.set_column(place, "distance", later), source) == ["flights.distance"]
    wider = source.set_column(place, "distance", source["distance"].cast(pa.int64()))
    assert differences("flights", wider, source) == ["types of flights"]


def test_the_data_has_its_types_and_gaps() -> None:
    data = read_data(1000)
    hour = datetime(2013, 1, 1, 10, tzinfo=UTC)
    first = (1, date(2013, 1, 1), hour, "UA", 1545, "N14228", "EWR", "IAH", 515, 517, 2, 819, 830, 11, 227, 1400)
    assert data.flights[0] == first
    assert (len(data.flights), len(data.airlines), len(data.airports), len(data.planes)) == (1000, 16, 1458, 3322)
    assert len(data.weather) == 26115
    cancelled = [row for row in data.flights if row[9] is None]
    assert [type(row[9]) for row in data.flights].count(int) == 1000 - len(cancelled) > 900
    assert data.weather[0][2] == Decimal("39.02")
    assert checksum(data.flights) == checksum(read_data(1000).flights) != checksum(data.flights[1:])


def test_the_sync_steps_are_generated_from_the_async_ones() -> None:
    assert unasync.run(EXAMPLES, check=True, names={}) == []
