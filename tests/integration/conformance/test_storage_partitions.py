"""Results written as directories that are named by the values of columns."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow.parquet
import pytest
from pyarrow import fs as pafs

from sqlspec.exceptions import DataError, OperationalError, ParameterError, SQLSpecError
from tests.integration.harness import FLAVOURS

pytestmark = pytest.mark.only(*(name for name in FLAVOURS if name != "stub"))

ROWS = """
    select n as id, (array['a b', 'x/y=%', '', null, 'é:"'])[n % 5 + 1] as name, n % 2 = 0 as even,
        date '2024-01-01' + n % 3 as day, n::numeric(9, 2) / 4 as price, n * interval '1 hour' as span
    from generate_series(1, 1000) as n
"""
TABLE = "create table t (id int, name text, even bool, day date, price numeric(9, 2), span interval)"
FORMATS = ("parquet", "csv", "jsonl", "arrow")


def files(directory: Path) -> list[str]:
    return sorted(path.relative_to(directory).as_posix() for path in directory.rglob("*"))


@pytest.mark.parametrize("file_format", FORMATS)
async def test_what_is_written_is_loaded_again(session: Any, tmp_path: Path, file_format: str) -> None:
    path = tmp_path / "new" / "t"
    await session.execute(TABLE)
    job = await session.select_to_storage(
        ROWS, path, file_format=file_format, partition_by=["name", "day"], batch_size=300
    )
    found = list(path.rglob("*.*"))
    assert (job.rows, job.files, job.path) == (1000, 15, str(path))
    assert len([each for each in found if each.is_file()]) == 15
    assert job.bytes == sum(each.stat().st_size for each in found if each.is_file())
    assert (await session.load_from_storage("t", path)).rows == 1000
    assert await session.select_value(f"select count(*) from (select * from t except {ROWS}) as d") == 0
    assert await session.select_value(f"select count(*) from ({ROWS} except select * from t) as d") == 0


async def test_directories_and_files(session: Any, tmp_path: Path) -> None:
    sql = (
        "select n, n % 2 as k, case n % 3 when 0 then null else 'x/' || n % 3 end as t from generate_series(1, 6) as n"
    )
    await session.select_to_storage(sql, tmp_path / "t", file_format="parquet", partition_by=["t", "k"])
    found = [name for name in files(tmp_path / "t") if name.endswith(".parquet")]
    assert [name.rsplit("/", 1)[0] for name in found] == sorted(
        f"t={t}/k={k}" for t in ("x%2F1", "x%2F2", "__HIVE_DEFAULT_PARTITION__") for k in (0, 1)
    )
    table = pyarrow.parquet.ParquetFile(tmp_path / "t" / found[0]).read()
    assert (table.schema.names, table.num_rows) == (["n"], 1)


async def test_rows_keep_their_order_in_a_file(session: Any, tmp_path: Path) -> None:
    sql = "select n % 2 as k, 100 - n as n from generate_series(1, 50) as n order by n"
    await session.select_to_storage(sql, tmp_path / "t", file_format="parquet", partition_by=["k"], batch_size=7)
    for name in files(tmp_path / "t"):
        if name.endswith(".parquet"):
            values = pyarrow.parquet.ParquetFile(tmp_path / "t" / name).read().column("n").to_pylist()
            assert values == sorted(values)
            assert len(values) == 25


async def test_many_columns_of_many_values_are_told_apart(session: Any, tmp_path: Path) -> None:
    """With so many, a number for each combination of values would not fit into 64 bits."""
    names = [f"c{n}" for n in range(12)]
    sql = f"""
        select i as {", i as ".join(names)}, i as n from generate_series(0, 63) as i
        union all select 1, {", ".join("0" for _ in names[1:])}, 64
    """
    job = await session.select_to_storage(sql, tmp_path / "t", file_format="csv", partition_by=names)
    assert (job.rows, job.files) == (65, 65)
    await session.execute(f"create table t ({' int, '.join(names)} int, n int)")
    await session.load_from_storage("t", tmp_path / "t")
    assert await session.select_value("select c0 from t where n = 64") == 1


async def test_no_rows_make_no_file(session: Any, tmp_path: Path) -> None:
    job = await session.select_to_storage(
        "select 1 as a, 2 as b where false", tmp_path / "t", file_format="csv", partition_by=["a"]
    )
    assert (job.rows, job.files) == (0, 0)
    assert files(tmp_path) == []


async def test_files_that_are_there(session: Any, tmp_path: Path) -> None:
    path = tmp_path / "t"

    async def write(sql: str, **more: Any) -> Any:
        return await session.select_to_storage(sql, path, file_format="csv", partition_by=["k"], **more)

    await write("select 1 as k, 10 as n union all select 2, 20")
    (path / "_note.csv").write_text("kept")
    before = files(path)
    with pytest.raises(ParameterError, match="there are files in it already"):
        await write("select 3 as k, 30 as n")
    assert files(path) == before
    await write("select 3 as k, 30 as n", overwrite=True)
    assert [Path(name).parent.as_posix() for name in files(path) if name.endswith(".csv")] == [".", "k=3"]
    await session.execute("create table u (k int, n int)")
    await session.load_from_storage("u", path)
    assert await session.select("select k, n from u", schema_type=tuple) == [(3, 30)]
    (tmp_path / "file").touch()
    with pytest.raises(ParameterError, match="it is a file"):
        await session.select_to_storage(
            "select 1 as k, 2 as n", tmp_path / "file", file_format="csv", partition_by=["k"]
        )


@pytest.mark.parametrize(
    ("sql", "options", "message"),
    [
        ("select 1 as a, 2 as b", {"partition_by": ["c"]}, "no such column"),
        ("select 1 as a, 2 as b", {"partition_by": ["a", "b"]}, "no column is left"),
        ("select 1 as a, 2 as b", {"partition_by": []}, "at least one"),
        ("select 1 as a, 2 as b", {"partition_by": "a"}, "a list"),
        ("select 1 as a, 2 as b", {"partition_by": ["a", "a"]}, "different"),
        ("select 1 as a, 2 as b, 3 as b", {"partition_by": ["a"]}, "several columns"),
        ("select array[1] as a, 2 as b", {"partition_by": ["a"]}, "no names of directories"),
        ("select 1 as a, 2 as b", {"partition_by": ["a"], "file_format": None}, "file_format"),
    ],
)
async def test_what_cannot_be_divided(
    session: Any, tmp_path: Path, sql: str, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ParameterError, match=message):
        await session.select_to_storage(sql, tmp_path / "t", **{"file_format": "parquet", **options})
    assert files(tmp_path) == []
    assert await session.select_value("select 1") == 1


async def test_too_many_partitions(session: Any, tmp_path: Path) -> None:
    sql = "select n, n % 513 as k from generate_series(1, 1000) as n"
    with pytest.raises(DataError, match="more than 512"):
        await session.select_to_storage(sql, tmp_path / "t", file_format="arrow", partition_by=["k"])
    assert files(tmp_path) == []


async def test_a_failure_leaves_no_file_and_no_directory(session: Any, tmp_path: Path) -> None:
    await session.execute("create table t (n int)")
    sql = (
        "with w as (insert into t values (1)) select n, n % 3 as k, 1 / (5000 - n) as q from generate_series(1, 9999) n"
    )
    with pytest.raises(SQLSpecError):
        await session.select_to_storage(
            sql, tmp_path / "a" / "t", file_format="csv", partition_by=["k"], batch_size=100
        )
    assert files(tmp_path) == []
    assert await session.select_value("select count(*) from t") == 0


async def test_a_file_that_does_not_get_its_name(session: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those before it have theirs already, and lose them again."""
    from sqlspec.storage.places import ArrowStorage

    move, moved = ArrowStorage.move, 0

    def failing(self: ArrowStorage, path: str, to: str) -> None:
        nonlocal moved
        moved += 1
        if moved == 3:
            raise OSError(28, "no space left")
        move(self, path, to)

    await session.execute("create table t (n int)")
    await session.select_to_storage("select 7 as k, 1 as n", tmp_path, file_format="csv", partition_by=["k"])
    before = files(tmp_path)
    monkeypatch.setattr(ArrowStorage, "move", failing)
    sql = "insert into t select n from generate_series(1, 10) n returning n, n % 5 as k"
    with pytest.raises(OperationalError, match="no space left"):
        await session.select_to_storage(sql, tmp_path, file_format="csv", partition_by=["k"], overwrite=True)
    assert files(tmp_path) == before
    assert await session.select_value("select count(*) from t") == 0


async def test_a_progress_function_that_raises_leaves_nothing(session: Any, tmp_path: Path) -> None:
    def stop(_: object) -> None:
        raise KeyError("enough")

    with pytest.raises(KeyError, match="enough"):
        await session.select_to_storage(
            ROWS, tmp_path / "t", file_format="csv", partition_by=["day"], batch_size=10, progress=stop
        )
    assert files(tmp_path) == []
    assert await session.select_value("select 1") == 1


@pytest.mark.only("asyncpg", "psycopg", "psqlpy", "pyro")
async def test_a_cancelled_task_leaves_nothing(session: Any, tmp_path: Path) -> None:
    begun = asyncio.Event()
    sql = "select n, n % 4 as k, repeat('x', 100) as x from generate_series(1, 3000000) n"
    loop = asyncio.get_running_loop()
    task = asyncio.create_task(
        session.select_to_storage(
            sql,
            tmp_path / "t",
            file_format="parquet",
            partition_by=["k"],
            progress=lambda _: loop.call_soon_threadsafe(begun.set),
        )
    )
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert files(tmp_path) == []


async def test_other_file_systems(session: Any, tmp_path: Path) -> None:
    await session.execute("create table t (n int, k int)")
    sql = "select n, n % 3 as k from generate_series(1, 10) n"
    target = f"memory://partitions-{tmp_path.name}-{id(session)}/t"
    await session.select_to_storage(sql, target, file_format="jsonl", partition_by=["k"])
    job = await session.select_to_storage(sql, target, file_format="csv", partition_by=["k"], overwrite=True)
    assert job.files == 3
    assert (await session.load_from_storage("t", target)).rows == 10
    inner = pafs.SubTreeFileSystem(str(tmp_path), pafs.LocalFileSystem())
    await session.select_to_storage(sql, "sub/t", file_format="parquet", partition_by=["k"], filesystem=inner)
    assert (await session.load_from_storage("t", "sub/t", filesystem=inner, overwrite=True)).rows == 10
    assert await session.select_value("select sum(n * 10 + k) from t") == Decimal(560)
