"""Tables from files: what the formats mean, which files a path names, and what is wrong with them."""

from __future__ import annotations

import bz2
import gzip
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.dataset
import pyarrow.parquet
import pytest

from sqlspec.exceptions import DataError, ParameterError, SQLSpecError
from sqlspec.storage import Arrow, Csv, JsonLines, Parquet
from tests.integration.harness import FLAVOURS

pytestmark = pytest.mark.only(*(name for name in FLAVOURS if name != "stub"))

PEOPLE = pa.table({"id": pa.array([1, 2, 3], pa.int32()), "name": ["Ann", None, 'Zoë "x"\n\\']})
ROWS = [(1, "Ann"), (2, None), (3, 'Zoë "x"\n\\')]


@pytest.fixture
async def people(session: Any) -> Any:
    await session.execute("create table t (id int primary key, name text default 'nobody')")
    return session


async def stored(session: Any, sql: str = "select id, name from t order by id") -> list[tuple[Any, ...]]:
    rows: list[tuple[Any, ...]] = await session.select(sql, schema_type=tuple)
    return rows


def write(path: Path, data: str | bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return path


# -- formats --------------------------------------------------------------------------------------------------


def stream_bytes(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    data: bytes = sink.getvalue().to_pybytes()
    return data


CSV = 'id,name\n1,Ann\n2,\n3,"Zoë ""x""\n\\"\n'
JSONL = '{"id":1,"name":"Ann"}\n\n{"name":null,"id":2}\r\n{"id":3,"name":"Zo\\u00eb \\"x\\"\\n\\\\"}'


async def test_parquet(people: Any, tmp_path: Path) -> None:
    pyarrow.parquet.write_table(PEOPLE, tmp_path / "t.parquet", row_group_size=2)
    job = await people.load_from_storage("t", tmp_path / "t.parquet")
    assert (job.rows, job.inserted) == (3, 3)
    assert await stored(people) == ROWS


async def test_arrow_files_and_streams(people: Any, tmp_path: Path) -> None:
    with pa.OSFile(str(tmp_path / "t.feather"), "wb") as sink, pa.ipc.new_file(sink, PEOPLE.schema) as writer:
        writer.write_table(PEOPLE)
    for path in (
        tmp_path / "t.feather",
        write(tmp_path / "t.arrow", stream_bytes(PEOPLE)),
        write(tmp_path / "t.ipc.gz", gzip.compress(stream_bytes(PEOPLE))),
    ):
        assert (await people.load_from_storage("t", path, overwrite=True)).rows == 3
        assert await stored(people) == ROWS


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("t.csv", CSV),
        ("t.CSV", "\ufeff" + CSV.replace("\n", "\r\n").replace('x""\r\n', 'x""\n')),
        ("t.csv.gz", CSV),
        ("t.csv.bz2", CSV),
        ("t.csv", CSV.rstrip()),
        ("t.jsonl", JSONL),
        ("t.ndjson.gz", JSONL),
    ],
)
async def test_text_formats(people: Any, tmp_path: Path, name: str, data: str) -> None:
    packs: dict[str, Any] = {"gz": gzip.compress, "bz2": bz2.compress}
    pack = packs.get(name[-3:].strip("."), bytes)
    assert (await people.load_from_storage("t", write(tmp_path / name, pack(data.encode())))).rows == 3
    assert await stored(people) == ROWS


async def test_csv_of_another_dialect(people: Any, tmp_path: Path) -> None:
    path = write(tmp_path / "t.txt", '1;Zoë\n2;NA\n3;"NA"\n4;""\n5;\n'.encode("latin-1"))
    dialect = Csv(delimiter=";", null="NA", header=["id", "name"], encoding="latin-1")
    await people.load_from_storage("t", path, dialect)
    assert await stored(people) == [(1, "Zoë"), (2, None), (3, "NA"), (4, ""), (5, "")]


async def test_csv_of_one_column_has_empty_lines_for_null(people: Any, tmp_path: Path) -> None:
    await people.execute("create table one (name text)")
    await people.load_from_storage("one", write(tmp_path / "t.csv", 'name\na\n\n""\n'))
    assert await stored(people, "select name from one order by name") == [("",), ("a",), (None,)]


async def test_a_row_may_be_longer_than_any_block(people: Any, tmp_path: Path) -> None:
    rows = [(n, f"{n} " + "x" * (5 << 20 if n == 2 else 1000)) for n in range(4)]
    csv = "id,name\n" + "".join(f'{n},"{text}"\n' for n, text in rows)
    jsonl = "".join(f'{{"id": {n}, "name": "{text}"}}\n' for n, text in rows)
    for path in (write(tmp_path / "t.csv", csv), write(tmp_path / "t.jsonl", jsonl)):
        await people.load_from_storage("t", path, overwrite=True)
        assert await stored(people) == rows


async def test_the_columns_say_what_text_means(session: Any, tmp_path: Path) -> None:
    await session.execute_script("""
        create type mood as enum ('fine', 'sad');
        create type pair as (a int, b text);
        create domain short as varchar(3);
        create table t (n numeric(6, 2), ts timestamptz, b bytea, j jsonb, a int[], p pair, m mood, s short, ps pair[])
    """)
    csv = (
        "n,ts,b,j,a,p,m,s,ps\n"
        '1.50,2024-02-29 12:00:00.000001+02,\\xff00,"{""a"": 1.10}","{1,NULL}","(1,""x, y"")",fine,abc,"{""(1,)""}"\n'
    )
    jsonl = (
        '{"n": 1.50, "ts": "2024-02-29T12:00:00.000001+02:00", "b": "\\\\xff00", "j": {"a": 1.10}, "a": [1, null], '
        '"p": {"b": "x, y", "a": 1}, "m": "fine", "s": "abc", "ps": [{"a": 1}]}\n'
    )
    found = []
    for path in (write(tmp_path / "t.csv", csv), write(tmp_path / "t.jsonl", jsonl)):
        await session.load_from_storage("t", path, overwrite=True)
        found.append(await stored(session, "select t::text, n, j::text from t"))
    assert found[0] == found[1]
    assert found[0][0][1:] == (Decimal("1.50"), '{"a": 1.10}')


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("numeric(4,1)", "1.25"),
        ("numeric(4,1)[]", "{1.5,1.25}"),
        ("timestamp(0)", "2024-01-01 00:00:00.5"),
        ("timestamp", "2024-01-01 00:00:00+02"),
        ("date", "2024-01-01 12:00:00"),
        ("varchar(2)", "abc"),
        ("varchar(2)[]", "{ab,abc}"),
        ("rounded", '(1,"{1.25}")'),
        ("interval(0)", "00:00:01.5"),
        ("int", "1.5"),
        ("bool", "maybe"),
    ],
)
async def test_text_that_would_lose_something_is_refused(session: Any, tmp_path: Path, column: str, value: str) -> None:
    await session.execute("create type rounded as (a int, n numeric(4,1)[])")
    await session.execute(f"create table t (v {column})")
    quoted = value.replace('"', '""')
    path = write(tmp_path / "t.csv", f'v\n\n"{quoted}"\n')
    with pytest.raises(DataError, match="column 'v': row 1 of the source") as caught:
        await session.load_from_storage("t", path)
    assert caught.value.column == "v"
    assert await session.select_value("select count(*) from t") == 0
    if column not in ("int", "bool", "varchar(2)", "varchar(2)[]"):
        assert (await session.load_from_storage("t", path, round=True)).rows == 2


async def test_names_of_formats(people: Any, tmp_path: Path) -> None:
    path = write(tmp_path / "t.data", CSV)
    with pytest.raises(ParameterError, match="file_format="):
        await people.load_from_storage("t", path)
    assert (await people.load_from_storage("t", path, "csv")).rows == 3
    with pytest.raises(ParameterError, match="one of parquet, csv, arrow, jsonl"):
        await people.load_from_storage("t", path, "xml")
    for wrong in (Parquet(), Arrow(), JsonLines(), "parquet"):
        with pytest.raises(DataError, match=r"t\.data"):
            await people.load_from_storage("t", path, wrong)


# -- options of loads -----------------------------------------------------------------------------------------


async def test_what_loads_can_do_files_can_too(people: Any, tmp_path: Path) -> None:
    await people.execute("insert into t values (1, 'old'), (9, 'other')")
    seen: list[int] = []
    job = await people.load_from_storage(
        "t", write(tmp_path / "t.csv", CSV), mode="upsert", key=["id"], progress=lambda job: seen.append(job.rows)
    )
    assert (job.inserted, job.updated) == (2, 1)
    assert seen
    assert await stored(people) == [*ROWS, (9, "other")]
    path = write(tmp_path / "bad.jsonl", '{"id": 4, "name": "a"}\n{"id": "x", "name": "b"}\n')
    job = await people.load_from_storage("t", path, on_error="quarantine")
    assert job.rows == 1
    assert job.rejected.column("row").to_pylist() == [1]
    assert job.rejected.column("column").to_pylist() == ["id"]


async def test_rejected_rows_can_be_mended_and_loaded(people: Any, tmp_path: Path) -> None:
    path = write(tmp_path / "bad.csv", "id,name\n1,a\nx,b\n")
    job = await people.load_from_storage("t", path, on_error="quarantine")
    record = job.rejected.column("record").combine_chunks()
    names = record.field("name") if isinstance(record, pa.StructArray) else record.chunk(0).field("name")
    await people.load_from_arrow("t", pa.table({"id": pa.array([2], pa.int32()), "name": names}))
    assert await stored(people) == [(1, "a"), (2, "b")]


@pytest.mark.parametrize("name", ["t.csv", "t.jsonl", "t.parquet"])
async def test_columns_are_chosen_and_renamed(people: Any, tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    if name == "t.csv":
        write(path, "skipped,key,what\n0,1,Ann\n")
    elif name == "t.jsonl":
        write(path, '{"skipped": 0, "key": 1, "what": "Ann"}\n{"key": 2, "other": 5}\n')
    else:
        pyarrow.parquet.write_table(pa.table({"skipped": [0], "key": pa.array([1], pa.int32()), "what": ["Ann"]}), path)
    job = await people.load_from_storage("t", path, columns={"key": "id", "what": "name"})
    assert await stored(people) == [(1, "Ann"), (2, None)][: job.rows]
    with pytest.raises(DataError, match="'none'"):
        await people.load_from_storage(
            "t", path, columns={"key": "id", "none": "name"} if name != "t.jsonl" else ["none"]
        )


async def test_a_table_is_made_of_a_file(session: Any, tmp_path: Path) -> None:
    await session.load_from_storage("made", write(tmp_path / "t.csv", CSV), create=True)
    assert await stored(session, "select id, name from made order by id") == [(str(n), text) for n, text in ROWS]


# -- which files ----------------------------------------------------------------------------------------------


async def test_directories_patterns_and_lists(people: Any, tmp_path: Path) -> None:
    base = tmp_path / "many"
    for n, name in enumerate(("b.csv", "a.csv", "in/c.csv.gz", "_hidden.csv", ".also.csv", "notes.txt")):
        text = f"name,id\nx,{n}\n" if n % 2 else f"id,name\n{n},x\n"
        write(base / name, gzip.compress(text.encode()) if name.endswith("gz") else text)

    async def loaded(path: Any, **options: Any) -> list[int]:
        await people.load_from_storage("t", path, overwrite=True, **options)
        return [n for n, _ in await stored(people)]

    assert await loaded(base) == [0, 1, 2]
    assert await loaded(base / "*.csv") == [0, 1]
    assert await loaded(str(base / "**" / "[ac].csv*")) == [1, 2]
    assert await loaded([base / "b.csv", str(base / "in")]) == [0, 2]
    nowhere: list[Any] = [base / "*.parquet", base / "none.csv", tmp_path / "none", []]
    for nothing in nowhere:
        with pytest.raises(ParameterError, match="cannot find"):
            await loaded(nothing)


async def test_parts_of_paths_are_columns(session: Any, tmp_path: Path) -> None:
    await session.execute("create table t (n int, month text, day date)")
    table = pa.table({"n": [1, 2, 3], "month": ["01", "02", None], "day": ["2024-01-05", "2024-02-06", "2024-02-07"]})
    part = pyarrow.dataset.partitioning(pa.schema([("month", pa.string()), ("day", pa.string())]), flavor="hive")
    pyarrow.dataset.write_dataset(table, tmp_path / "data", format="parquet", partitioning=part)
    table = table.set_column(0, "n", pa.array([1, 2, 3], pa.int64()))
    await session.load_from_storage("t", tmp_path / "data")
    assert await stored(session, "select n, month, day::text from t order by n") == list(
        zip(*table.to_pydict().values(), strict=True)
    )
    await session.load_from_storage("t", tmp_path / "data", partitioning=None, overwrite=True)
    assert await stored(session, "select n, month from t order by n") == [(1, None), (2, None), (3, None)]
    pyarrow.parquet.write_table(table, tmp_path / "data" / "month=01" / "day=2024-01-05" / "more.parquet")
    with pytest.raises(DataError, match=r"more\.parquet.*'month'.*partitioning=None"):
        await session.load_from_storage("t", tmp_path / "data")


@pytest.mark.parametrize("name", ["a.csv", "a.jsonl", "a.parquet"])
async def test_only_parts_of_paths_are_asked_for(session: Any, tmp_path: Path, name: str) -> None:
    await session.execute("create table t (year int)")
    for year, rows in ((2024, 2), (2025, 3)):
        path = tmp_path / f"year={year}" / name
        path.parent.mkdir()
        if name == "a.parquet":
            pyarrow.parquet.write_table(pa.table({"id": list(range(rows))}), path)
        else:
            write(path, "id\n" + "1\n" * rows if name == "a.csv" else '{"id": 1}\n' * rows)
    job = await session.load_from_storage("t", tmp_path, columns=["year"])
    assert job.rows == 5
    assert await stored(session, "select year, count(*) from t group by 1 order by 1") == [(2024, 2), (2025, 3)]


async def test_files_with_other_columns_are_refused(people: Any, tmp_path: Path) -> None:
    pyarrow.parquet.write_table(PEOPLE, tmp_path / "1.parquet")
    for other in (
        PEOPLE.select(["id"]),
        PEOPLE.append_column("more", [[1, 2, 3]]),
        PEOPLE.set_column(0, "id", pa.array([1, 2, 3], pa.int64())),
    ):
        pyarrow.parquet.write_table(other, tmp_path / "2.parquet")
        with pytest.raises(DataError, match=r"2\.parquet.* behind .*1\.parquet"):
            await people.load_from_storage("t", tmp_path)
        assert await stored(people) == []
    other = PEOPLE.select(["name", "id"]).slice(0, 0)
    pyarrow.parquet.write_table(other, tmp_path / "2.parquet")
    assert (await people.load_from_storage("t", tmp_path)).rows == 3
    pyarrow.parquet.write_table(other.append_column("more", pa.array([], pa.int32())), tmp_path / "2.parquet")
    assert (await people.load_from_storage("t", tmp_path, columns=["name", "id"], overwrite=True)).rows == 3


async def test_lines_of_later_files_may_lack_keys_and_have_no_others(people: Any, tmp_path: Path) -> None:
    write(tmp_path / "1.jsonl", '{"id": 1, "name": "a"}')
    write(tmp_path / "2.jsonl", '{"id": 2}')
    await people.load_from_storage("t", tmp_path)
    assert await stored(people) == [(1, "a"), (2, None)]
    write(tmp_path / "3.jsonl", '{"id": 3}\n{"id": 4, "more": 1}')
    with pytest.raises(DataError, match=r"3\.jsonl.*row 1 has a key"):
        await people.load_from_storage("t", tmp_path, overwrite=True)
    assert (await people.load_from_storage("t", tmp_path, columns=["id"], overwrite=True)).rows == 4


# -- what is wrong with files ---------------------------------------------------------------------------------


MALFORMED: tuple[tuple[str, Any, str], ...] = (
    ("t.csv", "", "it is empty"),
    ("t.csv", "id,id\n1,2\n", "several columns have the same name"),
    ("t.csv", "id,name\n1,a\n2\n3,secret\n", "line 3 has 1 values instead of 2"),
    ("t.csv", 'id,name\n1,a\n2,"secret\n', "ends inside a quoted value"),
    ("t.csv", b"id,name\n1,a\n2,secret\xff\n", "not utf-8"),
    ("t.csv", "id,none\n1,secret\n", "no column 'none'"),
    ("t.csv", "name\nsecret\n", "column 'id' is missing"),
    ("t.jsonl", '{"id": 1, "name": "a"}\n{"id": 2, "name": "secr', "row 1 is no JSON, or is cut short"),
    ("t.jsonl", '{"id": 1}\n["secret"]\n', "row 1 is no object"),
    ("t.jsonl", b'{"id": 1, "name": "secret\xff"}\n', "row 0 is not UTF-8"),
    ("t.parquet", b"PAR1 secret", "damaged, cut short"),
    ("t.arrow", b"ARROW1 secret", "damaged, cut short"),
    ("t.csv.gz", b"secret", "damaged, cut short"),
)


async def test_malformed_files_are_refused(people: Any, tmp_path: Path) -> None:
    await people.execute("insert into t values (0, 'kept')")
    for name, data, text in MALFORMED:
        path = write(tmp_path / name, data)
        with pytest.raises(DataError, match=text) as caught:
            await people.load_from_storage("t", path, overwrite=True)
        assert "secret" not in str(caught.value)
        assert await stored(people) == [(0, "kept")], text


async def test_a_key_that_comes_late_has_to_be_named(people: Any, tmp_path: Path) -> None:
    lines = [f'{{"id": {n}}}' for n in range(100_000)] + ['{"id": 100000, "name": "late"}']
    path = write(tmp_path / "t.jsonl", "\n".join(lines))
    with pytest.raises(DataError, match="row 100000 has a key that the first lines lack.*columns="):
        await people.load_from_storage("t", path)
    assert await stored(people) == []
    await people.load_from_storage("t", path, columns=["id", "name"])
    assert await stored(people, "select count(*), max(name) from t") == [(100_001, "late")]


@pytest.mark.parametrize("suffix", ["parquet", "arrow", "csv.gz", "csv.zst", "jsonl.bz2", "arrow.lz4"])
async def test_a_file_that_was_cut_short_stores_nothing(people: Any, tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"t.{suffix}"
    await people.select_to_storage("select id, md5(id::text) as name from generate_series(1, 15000) as id", path)
    await people.execute("insert into t values (0, 'kept')")
    whole = path.read_bytes()
    for size in (len(whole) // 2, len(whole) - 1, 10, 0):
        path.write_bytes(whole[:size])
        with pytest.raises(DataError, match=r"cannot read .*t\."):
            await people.load_from_storage("t", path, overwrite=True)
        assert await stored(people) == [(0, "kept")]
    path.write_bytes(whole)
    assert (await people.load_from_storage("t", path, overwrite=True)).rows == 15_000


async def test_a_file_that_cannot_be_opened(people: Any, tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match="there is no such file"):
        await people.load_from_storage("t", tmp_path / "none.csv")
    with pytest.raises(SQLSpecError):
        await people.load_from_storage("none", write(tmp_path / "t.csv", CSV))
    with pytest.raises(ParameterError, match="none://"):
        await people.load_from_storage("t", "none://user:secret@there/t.csv")
    for options in ({"storage_options": {"key": "x"}}, {"filesystem": object()}, {"partitioning": "directory"}):
        with pytest.raises(ParameterError):
            await people.load_from_storage("t", tmp_path / "t.csv", **options)
