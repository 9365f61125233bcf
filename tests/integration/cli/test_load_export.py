"""`sqlspec load` and `sqlspec export`: files in and out."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pyarrow as pa
import pytest
from pyarrow import csv, feather, parquet

from tests.integration.cli.conftest import Done

Run = Callable[..., Done]

FORMATS = ["parquet", "csv", "csv.gz", "arrow", "jsonl", "jsonl.zst"]


@pytest.fixture
def people(tables: psycopg.Connection[Any]) -> psycopg.Connection[Any]:
    """A table of people with one row."""
    tables.execute("create table people (id int primary key, name text not null, born date)")
    tables.execute("insert into people values (1, 'Ada', '1815-12-10')")
    return tables


def rows_of(connection: psycopg.Connection[Any]) -> list[Any]:
    return connection.execute("select id, name, born::text from people order by id").fetchall()


ADA = (1, "Ada", "1815-12-10")


@pytest.mark.parametrize("suffix", FORMATS)
def test_what_is_exported_can_be_loaded(
    sqlspec: Run, people: psycopg.Connection[Any], driver: str, suffix: str, directory: Path
) -> None:
    people.execute(
        "insert into people select n, 'Name ' || n, nullif(n, 3) + date '2000-01-01' from generate_series(2, 1000) n"
    )
    before = rows_of(people)
    done = sqlspec("export", "select * from people", f"people.{suffix}", "--driver", driver, "--json")
    assert done.status == 0, done.out
    assert (done.json["file"], done.json["rows"]) == (f"people.{suffix}", 1000)
    assert done.json["bytes"] == (directory / f"people.{suffix}").stat().st_size
    done = sqlspec("load", f"people.{suffix}", "people", "--mode", "overwrite", "--driver", driver, "--json")
    assert done.status == 0, done.out
    assert {name: done.json[name] for name in ("table", "rows", "inserted")} == {
        "table": "people",
        "rows": 1000,
        "inserted": 1000,
    }
    assert rows_of(people) == before
    assert [path.name for path in directory.iterdir()] == [f"people.{suffix}"]


def test_an_export_may_be_a_directory(sqlspec: Run, people: psycopg.Connection[Any], directory: Path) -> None:
    people.execute("insert into people select n, 'x' || n % 3, null from generate_series(2, 10) n")
    before = rows_of(people)
    done = sqlspec(
        "export", "select * from people", "out", "--format", "csv", "--partition-by", "name", "--partition-by", "born"
    )
    assert done.status == 0, done.err
    assert len(list(directory.glob("out/name=*/born=*/*.csv"))) == 4
    assert sqlspec("load", "out", "people", "--mode", "overwrite").status == 0
    assert rows_of(people) == before
    done = sqlspec("export", "select * from people", "out", "--partition-by", "name")
    assert (done.status, "--format" in done.err) == (2, True)


def test_people_are_told_how_much_and_how_fast(sqlspec: Run, people: psycopg.Connection[Any]) -> None:
    done = sqlspec("export", "select * from people", "people.csv")
    assert (done.status, done.err) == (0, "")
    assert done.out.startswith("1 row into people.csv in ")
    assert "rows/s" in done.out
    done = sqlspec("load", "people.csv", "people", "--mode", "upsert", "--key", "id")
    assert (done.status, done.err) == (0, "")
    assert done.lines[0].startswith("1 row into people in ")
    assert done.lines[1] == "0 inserted, 0 updated, 1 unchanged"


def test_an_export_takes_parameters(
    sqlspec: Run, people: psycopg.Connection[Any], driver: str, directory: Path
) -> None:
    people.execute("insert into people values (2, 'Grace', '1906-12-09')")
    query = "select name from people where born > :day"
    done = sqlspec("export", query, "young.csv", "-p", "day=1900-01-01", "--driver", driver)
    assert (done.status, done.err) == (0, "")
    assert (directory / "young.csv").read_text() == "name\nGrace\n"


def test_an_export_overwrites_only_when_asked(sqlspec: Run, people: psycopg.Connection[Any], directory: Path) -> None:
    (directory / "people.csv").write_text("mine")
    done = sqlspec("export", "select 1 as a", "people.csv")
    assert (done.status, done.out) == (1, "")
    assert "--overwrite" in done.err
    assert (directory / "people.csv").read_text() == "mine"
    assert sqlspec("export", "select 1 as a", "people.csv", "--overwrite").status == 0
    assert (directory / "people.csv").read_text() == "a\n1\n"


@pytest.mark.parametrize(
    ("query", "file", "status", "message"),
    [
        ("select 1/(n - 60000) as a from generate_series(1, 100000) n", "rows.parquet", 1, "division by zero"),
        ("select 1 as a, 2 as a", "rows.csv", 2, "several columns are named 'a'"),
        ("select 1 as a", "rows.txt", 2, "--format"),
        ("select 1 as a", "nowhere/rows.csv", 1, "nowhere/rows.csv"),
        ("create table never ()", "rows.csv", 2, "returns no rows"),
    ],
)
def test_an_export_that_fails_leaves_no_file(
    sqlspec: Run, server: str, driver: str, directory: Path, query: str, file: str, status: int, message: str
) -> None:
    done = sqlspec("export", query, file, "--driver", driver)
    assert (done.status, done.out) == (status, "")
    assert message in done.err
    assert list(directory.iterdir()) == []


def test_the_modes_of_a_load(sqlspec: Run, people: psycopg.Connection[Any], driver: str, directory: Path) -> None:
    (directory / "people.csv").write_text("id,name,born\n1,Ada Lovelace,1815-12-10\n2,Grace,\n")
    common = ("load", "people.csv", "people", "--driver", driver, "--json")
    done = sqlspec(*common, "--mode", "upsert", "--key", "id")
    assert done.status == 0, done.out
    assert {name: done.json[name] for name in ("inserted", "updated", "unchanged")} == {
        "inserted": 1,
        "updated": 1,
        "unchanged": 0,
    }
    assert rows_of(people) == [(1, "Ada Lovelace", "1815-12-10"), (2, "Grace", None)]
    done = sqlspec(*common, "--mode", "delete", "--key", "id")
    assert (done.status, done.json["deleted"], rows_of(people)) == (0, 2, [])
    assert sqlspec(*common, "--column", "id", "--column", "name").json["rows"] == 2
    assert rows_of(people) == [(1, "Ada Lovelace", None), (2, "Grace", None)]


def test_a_load_can_make_the_table(sqlspec: Run, tables: psycopg.Connection[Any], driver: str, directory: Path) -> None:
    parquet.write_table(pa.table({"n": pa.array([1, 2], pa.int32()), "text": ["a", None]}), directory / "rows.parquet")
    done = sqlspec("load", "rows.parquet", "made", "--create", "--driver", driver)
    assert (done.status, done.err) == (0, "")
    assert tables.execute("select n, text from made").fetchall() == [(1, "a"), (2, None)]


BAD = "id,name,born\n2,Grace,1906-12-09\nx,Nobody,\n3,,2000-01-01\n4,Late,2000-13-01\n5,Last,\n"


def test_rows_that_do_not_fit_are_put_aside(
    sqlspec: Run, people: psycopg.Connection[Any], driver: str, directory: Path
) -> None:
    (directory / "people.csv").write_text(BAD)
    done = sqlspec("load", "people.csv", "people", "--on-error", "quarantine", "--driver", driver)
    assert (done.status, done.err) == (4, "")
    assert done.lines[0].startswith("2 rows into people in ")
    assert done.lines[1] == "3 rows rejected"
    assert [line.split()[0] for line in done.lines[-3:]] == ["1", "2", "3"]
    assert [line.split()[1] for line in done.lines[-3:]] == ["id", "name", "born"]
    assert [row[0] for row in rows_of(people)] == [1, 2, 5]


@pytest.mark.parametrize("suffix", ["parquet", "arrow", "jsonl", "csv"])
def test_rejected_rows_are_written_to_a_file(
    sqlspec: Run, people: psycopg.Connection[Any], directory: Path, suffix: str
) -> None:
    (directory / "people.csv").write_text(BAD)
    path = directory / f"bad.{suffix}"
    done = sqlspec("load", "people.csv", "people", "--rejected", path.name, "--json")
    assert (done.status, done.json["rows"], done.json["rejected"]) == (4, 2, 3)
    read: dict[str, Callable[[Path], list[Any]]] = {
        "parquet": lambda path: parquet.read_table(path).to_pylist(),
        "arrow": lambda path: feather.read_table(path).to_pylist(),
        "jsonl": lambda path: [json.loads(line) for line in path.read_text().splitlines()],
        "csv": lambda path: [{**row, "record": json.loads(row["record"])} for row in csv.read_csv(path).to_pylist()],
    }
    found = read[suffix](path)
    assert [(row["row"], row["column"]) for row in found] == [(1, "id"), (2, "name"), (3, "born")]
    assert found[0]["record"] == {"id": "x", "name": "Nobody", "born": None}
    assert all(row["reason"] for row in found)


def test_no_file_is_made_without_rejected_rows(sqlspec: Run, people: psycopg.Connection[Any], directory: Path) -> None:
    (directory / "people.csv").write_text("id,name\n2,Grace\n")
    done = sqlspec("load", "people.csv", "people", "--rejected", "bad.jsonl", "--json")
    assert (done.status, done.json["rows"], done.json["rejected"]) == (0, 1, 0)
    assert [path.name for path in directory.iterdir()] == ["people.csv"]


def test_a_file_for_rejected_rows_that_cannot_be_is_known_of_before(
    sqlspec: Run, people: psycopg.Connection[Any], directory: Path
) -> None:
    (directory / "people.csv").write_text(BAD)
    for name, status in (("people.csv", 1), ("nowhere/bad.jsonl", 1), ("bad.txt", 2)):
        done = sqlspec("load", "people.csv", "people", "--rejected", name)
        assert (done.status, done.out) == (status, "")
    assert rows_of(people) == [ADA]
    assert (directory / "people.csv").read_text() == BAD


@pytest.mark.parametrize(
    ("text", "options", "status", "message"),
    [
        (BAD, [], 1, "row 1"),
        (BAD, ["--on-error", "quarantine", "--max-rejected", "2"], 1, "--max-rejected"),
        ("id,name,age\n2,Grace,3\n", [], 1, "age"),
        ("id,name\n2,Grace\n2,Grace\n", ["--mode", "upsert", "--key", "id"], 1, "rows 0, 1 (the same key)"),
        ("id,name\n2,Grace\n", ["--mode", "upsert"], 2, "--key"),
        ("id,name\n2,Grace\n", ["--mode", "upsert", "--key", "name"], 1, "unique"),
        ("id,name\n2,Grace\n1,Ada\n", [], 1, "people_pkey"),
        ("id,name\n2,Grace\n", ["--max-rejected", "few"], 2, "neither a number nor `all`"),
        ("id,name\n2,Grace\n", ["--storage-option", "key"], 2, "name=value"),
        ("id,name\n2,Grace\n", ["--format", "parquet"], 1, "people.csv"),
    ],
)
def test_a_load_that_fails_leaves_the_table_as_it_was(
    sqlspec: Run,
    people: psycopg.Connection[Any],
    driver: str,
    directory: Path,
    text: str,
    options: list[str],
    status: int,
    message: str,
) -> None:
    (directory / "people.csv").write_text(text)
    done = sqlspec("load", "people.csv", "people", "--driver", driver, *options)
    assert (done.status, done.out) == (status, ""), done.err
    assert message in done.err
    assert rows_of(people) == [ADA]


def test_what_cannot_be_found_is_named(sqlspec: Run, people: psycopg.Connection[Any], directory: Path) -> None:
    missing = sqlspec("load", "nowhere.csv", "people")
    assert (missing.status, missing.out) == (1, "")
    assert "nowhere.csv" in missing.err
    (directory / "people.csv").write_text("id,name\n2,Grace\n")
    missing = sqlspec("load", "people.csv", "nobody")
    assert (missing.status, missing.out) == (1, "")
    assert "nobody" in missing.err
    present = sqlspec("load", "people.csv", "people", "--create")
    assert (present.status, present.out) == (1, "")
    assert "there already" in present.err


def test_a_directory_is_loaded_as_one(sqlspec: Run, tables: psycopg.Connection[Any], directory: Path) -> None:
    tables.execute("create table sales (n int, year int)")
    for year in (2023, 2024):
        (directory / "sales" / f"year={year}").mkdir(parents=True)
        parquet.write_table(pa.table({"n": [year]}), directory / "sales" / f"year={year}" / "part.parquet")
    done = sqlspec("load", "sales", "sales", "--format", "parquet", "--json")
    assert (done.status, done.json["rows"]) == (0, 2), done.out
    assert tables.execute("select n, year from sales order by n").fetchall() == [(2023, 2023), (2024, 2024)]


def test_csv_may_be_written_another_way(
    sqlspec: Run, people: psycopg.Connection[Any], driver: str, directory: Path
) -> None:
    (directory / "people.txt").write_text("2\tJosé\t-\n", encoding="latin-1")
    how = ("--delimiter", r"\t", "--null", "-")
    latin = ("--encoding", "latin-1", "--header", "id,name,born")
    done = sqlspec("load", "people.txt", "people", "--driver", driver, *how, *latin)
    assert (done.status, done.err) == (0, "")
    assert rows_of(people) == [ADA, (2, "José", None)]
    query = "select * from people order by id"
    done = sqlspec("export", query, "again.txt", "--driver", driver, *how)
    assert (done.status, done.err) == (0, "")
    text = (directory / "again.txt").read_text(encoding="utf-8")
    assert text == "id\tname\tborn\n1\tAda\t1815-12-10\n2\tJosé\t-\n"


def test_what_is_said_of_csv_has_to_fit(sqlspec: Run, people: psycopg.Connection[Any]) -> None:
    done = sqlspec("export", "select 1 as a", "x.parquet", "--format", "parquet", "--null", "-")
    assert (done.status, "--null is for CSV" in done.err) == (2, True)
    done = sqlspec("export", "select 1 as a", "x.csv", "--delimiter", "--")
    assert (done.status, "delimiter of CSV" in done.err) == (2, True)
