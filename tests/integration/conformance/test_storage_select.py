"""Results written to files: what is in them, what may not be, and that a file is there whole or not at all."""

from __future__ import annotations

import asyncio
import errno
import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pyarrow as pa
import pyarrow.parquet
import pytest
from fsspec.implementations.memory import MemoryFile, MemoryFileSystem
from pyarrow import fs as pafs

from sqlspec import ExportJob
from sqlspec.exceptions import (
    DataError,
    NotSupportedError,
    OperationalError,
    OperationCancelledError,
    ParameterError,
    QueryTimeoutError,
    SQLSpecError,
)
from sqlspec.storage import Arrow, Csv, JsonLines, Parquet
from tests.integration.backends import is_waiting, until_waiting
from tests.integration.harness import FLAVOURS, Flavour, needs

pytestmark = pytest.mark.only(*(name for name in FLAVOURS if name != "stub"))

MANY = "select n, repeat('x', 100) as x from generate_series(1, 50000) as n"
FORMATS = ("parquet", "arrow", "csv", "jsonl")


def names(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


# -- what is written ------------------------------------------------------------------------------------------


async def test_csv(session: Any, tmp_path: Path) -> None:
    sql = """select * from (values (1, 'a,"b"', null, true), (2, '', E'x\\r\\ny', false)) as v(n, "a,b", t, "B")"""
    job = await session.select_to_storage(sql, tmp_path / "t.csv")
    assert (tmp_path / "t.csv").read_bytes() == b'n,"a,b",t,B\n1,"a,""b""",,true\n2,"","x\r\ny",false\n'
    assert (job.rows, job.bytes, job.path) == (2, (tmp_path / "t.csv").stat().st_size, str(tmp_path / "t.csv"))
    await session.select_to_storage(sql, tmp_path / "u.txt", file_format=Csv(delimiter="\t", null="x"))
    assert (tmp_path / "u.txt").read_bytes() == b'n\ta,b\tt\tB\n1\t"a,""b"""\tx\ttrue\n2\t\t"x\r\ny"\tfalse\n'


async def test_json_lines(session: Any, tmp_path: Path) -> None:
    sql = """select 1.10::numeric as n, null as t, '{"b": 1,\n "a": 1.0}'::json as j, array[1, null] as "é",
        'x"\n' as x"""
    await session.select_to_storage(sql, tmp_path / "t.jsonl.gz")
    text = gzip.decompress((tmp_path / "t.jsonl.gz").read_bytes()).decode()
    assert text == '{"n":1.10,"t":null,"j":{"b": 1,  "a": 1.0},"é":[1,null],"x":"x\\"\\n"}\n'
    assert json.loads(text)["x"] == 'x"\n'


async def test_parquet_and_arrow(session: Any, tmp_path: Path) -> None:
    sql = "select n, n::numeric(9, 2) / 4 as q, 'x' || n as t from generate_series(1, $1::int) as n"
    await session.select_to_storage(sql, tmp_path / "t.parquet", 1000, batch_size=100, numeric="float64")
    table = pyarrow.parquet.read_table(tmp_path / "t.parquet")
    assert table.schema.types == [pa.int32(), pa.float64(), pa.string()]
    assert table.column("n").to_pylist() == list(range(1, 1001))
    assert pyarrow.parquet.ParquetFile(tmp_path / "t.parquet").num_row_groups == 1
    await session.select_to_storage(sql, tmp_path / "t.arrow", 1000, batch_size=100, numeric="float64")
    with pa.ipc.open_file(tmp_path / "t.arrow") as reader:
        assert reader.read_all().equals(table)
        assert reader.num_record_batches == 10


@pytest.mark.parametrize("suffix", [*FORMATS, "csv.zst", "arrow.gz"])
async def test_no_rows_have_columns(session: Any, tmp_path: Path, suffix: str) -> None:
    await session.execute("create table t (a int, b text)")
    path = tmp_path / f"t.{suffix}"
    assert (await session.select_to_storage("select * from t", path)).rows == 0
    columns = ["a", "b"] if suffix == "jsonl" else None
    assert (await session.load_from_storage("t", path, columns=columns)).rows == 0


async def test_settings_of_the_session_do_not_matter(session: Any, tmp_path: Path) -> None:
    await session.execute("create table t (d date, ts timestamptz, i interval, b bytea, f float8)")
    await session.execute(
        "insert into t values ('2024-02-03', '2024-02-03 04:05:06.7+02', '-1 day 2 hours', '\\xff00', 0.1::float4)"
    )
    odd = {
        "datestyle": "SQL, DMY",
        "intervalstyle": "sql_standard",
        "bytea_output": "escape",
        "extra_float_digits": "-10",
    }
    for suffix in FORMATS:
        path = tmp_path / f"t.{suffix}"
        async with session.with_settings(odd):
            await session.select_to_storage("select * from t limit 1", path)
            assert await session.select_value("select current_setting('datestyle')") == "SQL, DMY"
            await session.load_from_storage("t", path)
    assert await session.select_value("select count(distinct t) from t") == 1
    assert await session.select_value("select count(*) from t") == 5


async def test_progress_is_told(session: Any, tmp_path: Path) -> None:
    seen: list[ExportJob] = []
    job = await session.select_to_storage(MANY, tmp_path / "t.csv", batch_size=20_000, progress=seen.append)
    rows = [each.rows for each in seen]
    assert rows == sorted(set(rows))
    assert rows[0] == 20_000
    assert rows[-1] == job.rows == 50_000
    assert 0 < seen[0].bytes < seen[-1].bytes <= job.bytes
    assert job.seconds >= seen[-1].seconds > 0


async def test_rows_that_are_changed_meanwhile(session: Any, tmp_path: Path) -> None:
    await session.execute("create table t as select 1 as n")
    taken = "with gone as (delete from t returning n) select n from gone"
    assert (await session.select_to_storage(taken, tmp_path / "a.csv")).rows == 1
    assert await session.select_value("select count(*) from t") == 0
    await session.select_to_storage("insert into t values (5) returning n", tmp_path / "b.csv")
    assert (tmp_path / "b.csv").read_text() == "n\n5\n"
    await session.select_to_storage("show work_mem", tmp_path / "c.parquet")
    with pytest.raises(NotSupportedError, match="Parquet or Arrow"):
        await session.select_to_storage("show work_mem", tmp_path / "c.csv")
    assert names(tmp_path) == ["a.csv", "b.csv", "c.parquet"]


# -- what is refused ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sql", "name", "options", "text"),
    [
        ("select 1", "t.data", {}, "pass file_format="),
        ("select 1", "t.csv", {"file_format": "xml"}, "one of parquet"),
        ("select 1", "t.parquet.gz", {}, "compressed inside"),
        ("select 1", "t.csv", {"numeric": "float64"}, "hold every value"),
        ("select 1", "t.csv", {"file_format": Csv(encoding="latin-1")}, "UTF-8"),
        ("select 1", "t.parquet", {"batch_size": 0}, "batch_size"),
        ("select 1", "t.parquet", {"timeout": 0}, "timeout"),
        ("select 1", "kept.csv", {}, "is there already; pass overwrite=True"),
        ("update t set n = 1", "t.csv", {}, "returns no rows"),
    ],
)
async def test_impossible_requests_are_refused_before_anything_is_sent(
    session: Any, untouched: Any, tmp_path: Path, sql: str, name: str, options: dict[str, Any], text: str
) -> None:
    (tmp_path / "kept.csv").write_text("kept")
    async with untouched(session):
        with pytest.raises(SQLSpecError, match=text):
            await session.select_to_storage(sql, tmp_path / name, **options)
    assert names(tmp_path) == ["kept.csv"]
    assert (tmp_path / "kept.csv").read_text() == "kept"


@pytest.mark.parametrize("make", [lambda: Parquet("x"), lambda: Arrow("x"), lambda: Csv(delimiter=",,")])  # type: ignore[arg-type]
def test_formats_check_their_options(make: Any) -> None:
    with pytest.raises(ParameterError, match="must be"):
        make()
    assert JsonLines() == JsonLines()


# -- failures -------------------------------------------------------------------------------------------------


class Full(MemoryFileSystem):  # type: ignore[misc]
    """A disk with room for so many bytes."""

    protocol = ("full",)
    store: dict[str, Any] = {}
    pseudo_dirs = [""]
    room = 0

    def _open(self, path: str, mode: str = "rb", **options: Any) -> Any:
        file = super()._open(path, mode, **options)
        return Limited(file, self) if mode == "wb" else file


class Limited:
    def __init__(self, file: MemoryFile, disk: Full) -> None:
        self._file, self._disk = file, disk

    def write(self, data: Any) -> int:
        self._disk.room -= len(data)
        if self._disk.room < 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        return int(self._file.write(bytes(data)))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


@pytest.fixture
def disk() -> Iterator[Full]:
    made = Full(skip_instance_cache=True)
    yield made
    made.store.clear()


@pytest.mark.parametrize(
    ("suffix", "room"), [("parquet", 5000), ("arrow", 0), ("csv", 5000), ("jsonl", 0), ("csv.gz", 5000)]
)
async def test_a_full_disk(session: Any, disk: Full, suffix: str, room: int) -> None:
    await session.execute("create table t as select n, md5(n::text) as x from generate_series(1, 30000) as n")
    disk.pipe({f"/in/t.{suffix}": b"kept"})
    disk.room = room
    taken = "with gone as (delete from t returning *) select * from gone"
    with pytest.raises(
        OperationalError, match=r"cannot write 'full://in/t\..*: no space left on device; nothing is kept"
    ):
        await session.select_to_storage(taken, f"/in/t.{suffix}", filesystem=disk, overwrite=True)
    assert disk.find("/") == [f"/in/t.{suffix}"]
    assert disk.cat(f"/in/t.{suffix}") == b"kept"
    assert await session.select_value("select count(*) from t") == 30_000
    disk.room = 100_000_000
    await session.select_to_storage(taken, f"/in/t.{suffix}", filesystem=disk, overwrite=True)
    assert disk.find("/") == [f"/in/t.{suffix}"]
    assert await session.select_value("select count(*) from t") == 0
    assert (await session.load_from_storage("t", f"/in/t.{suffix}", filesystem=disk)).rows == 30_000


@pytest.mark.parametrize(("suffix", "inside"), [("parquet", True), ("arrow", False), ("csv", True), ("jsonl", False)])
async def test_a_statement_that_fails_in_the_middle(session: Any, tmp_path: Path, suffix: str, inside: bool) -> None:
    path = tmp_path / f"t.{suffix}"
    path.write_text("kept")
    if inside:
        await session.begin()
    with pytest.raises(DataError, match="division by zero"):
        await session.select_to_storage(f"select 1 / (n - 40000), x from ({MANY}) as q", path, overwrite=True)
    assert names(tmp_path) == [path.name]
    assert path.read_text() == "kept"
    assert session.in_transaction is inside
    await session.select_to_storage(MANY, path, overwrite=True)
    assert names(tmp_path) == [path.name]
    assert path.stat().st_size > 1000
    if inside:
        await session.rollback()


async def test_a_progress_function_that_raises_ends_it(session: Any, tmp_path: Path) -> None:
    def fail(job: ExportJob) -> None:
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        await session.select_to_storage(MANY, tmp_path / "t.csv", progress=fail)
    assert names(tmp_path) == []
    assert await session.select_value("select 1") == 1


async def test_a_limit_ends_it(session: Any, tmp_path: Path) -> None:
    with pytest.raises(QueryTimeoutError):
        await session.select_to_storage("select pg_sleep(30)::text", tmp_path / "t.csv", timeout=0.2)
    assert names(tmp_path) == []


@needs("concurrent_calls")
async def test_an_interrupted_export_leaves_nothing(
    flavour: Flavour, admin: psycopg.Connection[Any], tmp_path: Path
) -> None:
    config = flavour.make_config(max_size=1)
    slow = f"select n, x, case when n = 40000 then pg_sleep(30)::text end from ({MANY}) as q"
    async with config.provide_session() as session:
        pid = await session.select_value("select pg_backend_pid()")
        export = asyncio.ensure_future(session.select_to_storage(slow, tmp_path / "t.parquet", batch_size=10_000))
        await until_waiting(admin, pid, call=export)
        if flavour.is_sync:
            await session.cancel()
        else:
            export.cancel()
        with pytest.raises((asyncio.CancelledError, OperationCancelledError)):
            await export
        assert names(tmp_path) == []
        assert not is_waiting(admin, pid)
        assert await session.select_value("select 1") == 1


async def test_another_program_may_be_first(session: Any, tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    with pytest.raises(ParameterError, match="is there already"):
        await session.select_to_storage("select 1", path, progress=lambda _: path.write_text("theirs"))
    assert names(tmp_path) == ["t.csv"]
    assert path.read_text() == "theirs"


async def test_directories_that_are_not_there(session: Any, tmp_path: Path) -> None:
    with pytest.raises(OperationalError, match="cannot write .*: no such file or directory"):
        await session.select_to_storage("select 1", tmp_path / "none" / "t.csv")
    assert await session.select_value("select 1") == 1


async def test_columns_of_one_name(session: Any, tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match="several columns are named 'a'"):
        await session.select_to_storage("select 1 as a, 2 as a", tmp_path / "t.csv")
    assert names(tmp_path) == []


async def test_a_file_system_of_pyarrow(session: Any, tmp_path: Path) -> None:
    below = pafs.SubTreeFileSystem(str(tmp_path), pafs.LocalFileSystem())
    await session.execute("create table t (n int)")
    await session.select_to_storage("select 7 as n", "t.parquet", filesystem=below)
    await session.load_from_storage("t", "t.parquet", filesystem=below)
    assert names(tmp_path) == ["t.parquet"]
    assert await session.select("select n from t", schema_type=int) == [7]


# -- memory -----------------------------------------------------------------------------------------------------


def resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


# Beside the batches of a flavour, what writes and reads a format is the same for all.
BY_FLAVOUR = {"asyncpg": ("parquet", "csv"), "psqlpy": ("arrow", "csv.gz"), "pyro-sync": ("jsonl",)}


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="resident memory is read from /proc")
@pytest.mark.only(*BY_FLAVOUR)
async def test_memory_does_not_grow_with_the_file(flavour: Flavour, session: Any, tmp_path: Path) -> None:
    rows = "select n, repeat(md5(n::text), 32) as x from generate_series(1, {}) as n"
    most = 0

    def look(_: Any) -> None:
        nonlocal most
        most = max(most, resident())

    await session.execute("create unlogged table t (n int, x text)")
    for suffix in BY_FLAVOUR[flavour.name]:
        path, most = tmp_path / f"t.{suffix}", 0
        await session.select_to_storage(rows.format(20_000), path)
        await session.load_from_storage("t", path, overwrite=True)
        start = resident()
        job = await session.select_to_storage(rows.format(150_000), path, overwrite=True, progress=look)
        await session.load_from_storage("t", path, overwrite=True, progress=look)
        assert job.rows == 150_000
        assert await session.select_value("select sum(length(x)) from t") == 150_000 * 1024
        assert most - start < 90_000_000, suffix
