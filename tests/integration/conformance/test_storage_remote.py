"""Files that are not local, by fsspec: in memory, and on a server of S3's interface that runs in this process."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any

import fsspec
import pytest
from moto.server import ThreadedMotoServer

from sqlspec.exceptions import MissingDependencyError, OperationalError, ParameterError
from tests.integration.harness import FLAVOURS

pytestmark = pytest.mark.only(*(name for name in FLAVOURS if name != "stub"))

FORMATS = ("parquet", "arrow", "csv", "jsonl", "csv.gz", "arrow.zst")
ROWS = "select n, case when n % 10 > 0 then md5(n::text) end as x from generate_series(1, 1000) as n"


@pytest.fixture
def memory() -> Iterator[Any]:
    made = fsspec.filesystem("memory")
    yield made
    made.store.clear()


@pytest.fixture(scope="module")
def s3() -> Iterator[dict[str, Any]]:
    """What reaches a server of S3's interface, with a bucket."""
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    options = {"key": "me", "secret": "hidden", "client_kwargs": {"endpoint_url": f"http://{host}:{port}"}}
    fsspec.filesystem("s3", **options).mkdir("bucket")
    yield options
    server.stop()


@pytest.fixture(params=["memory", "s3"])
def place(request: pytest.FixtureRequest) -> Iterator[tuple[str, dict[str, Any], Any]]:
    """The beginning of a URI, the options for it, and the file system."""
    options = request.getfixturevalue("s3") if request.param == "s3" else {}
    files = fsspec.filesystem(request.param, **options)
    yield f"{request.param}://bucket", options, files
    for path in files.find("bucket"):
        files.rm_file(path)


async def test_every_format(session: Any, place: tuple[str, dict[str, Any], Any]) -> None:
    base, options, files = place
    await session.execute("create table t (n int, x text)")
    for suffix in FORMATS:
        uri = f"{base}/out/t [1].{suffix}"
        written = await session.select_to_storage(ROWS, uri, storage_options=options)
        assert (written.rows, written.bytes) == (1000, files.size(uri))
        await session.load_from_storage("t", uri, storage_options=options, overwrite=True)
        assert await session.select_value(f"select count(*) from t natural join ({ROWS}) as r") == 900
        with pytest.raises(ParameterError, match="is there already"):
            await session.select_to_storage(ROWS, uri, storage_options=options)
        await session.select_to_storage("select 1 as n", uri, storage_options=options, overwrite=True)
        job = await session.load_from_storage("t", uri, storage_options=options, overwrite=True)
        assert job.rows == 1
    assert len(files.find("bucket")) == len(FORMATS)


async def test_directories_and_patterns(session: Any, place: tuple[str, dict[str, Any], Any]) -> None:
    base, options, _ = place
    await session.execute("create table t (n int, year text)")
    for year in (2023, 2024):
        for part in (1, 2):
            uri = f"{base}/data/year={year}/{part}.csv"
            await session.select_to_storage("select $1::int as n", uri, part, storage_options=options)
    for path, rows in ((f"{base}/data", 4), (f"{base}/data/*/1.csv", 2), (f"{base}/data/year=2024", 2)):
        job = await session.load_from_storage("t", path, storage_options=options, overwrite=True)
        assert job.rows == rows
    assert await session.select("select distinct year from t", schema_type=tuple) == [(None,)]
    await session.load_from_storage("t", f"{base}/data/**", "csv", storage_options=options, overwrite=True)
    assert await session.select("select year from t order by 1, n", schema_type=str) == ["2023"] * 2 + ["2024"] * 2
    for path in (f"{base}/none.csv", f"{base}/*.parquet"):
        with pytest.raises(ParameterError, match="there is no such file"):
            await session.load_from_storage("t", path, storage_options=options)


async def test_a_failing_statement_leaves_no_object(session: Any, place: tuple[str, dict[str, Any], Any]) -> None:
    base, options, files = place
    failing = f"select 1 / (n - 800), x from ({ROWS}) as r"
    with pytest.raises(Exception, match="division by zero"):
        await session.select_to_storage(failing, f"{base}/t.csv", storage_options=options, batch_size=100)
    assert files.find("bucket") == []


async def test_a_store_that_cannot_be_reached(session: Any, s3: dict[str, Any]) -> None:
    with socket.socket() as taken:  # bound, and nobody listens
        taken.bind(("127.0.0.1", 0))
        nobody = {**s3, "client_kwargs": {"endpoint_url": f"http://127.0.0.1:{taken.getsockname()[1]}"}}
        nobody["config_kwargs"] = {"retries": {"max_attempts": 0}, "connect_timeout": 1}
        for call in (
            session.load_from_storage("t", "s3://bucket/t.csv", storage_options=nobody),
            session.select_to_storage("select 1", "s3://bucket/t.csv", storage_options=nobody),
        ):
            with pytest.raises(OperationalError, match="s3://bucket/t.csv") as caught:
                await call
            assert "hidden" not in str(caught.value)
    with pytest.raises(OperationalError, match="cannot write 's3://nowhere/t.csv'"):
        await session.select_to_storage("select 1 as n", "s3://nowhere/t.csv", storage_options=s3)
    assert await session.select_value("select 1") == 1


async def test_packages_that_are_missing_are_named(session: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(MissingDependencyError, match="gcsfs"):
        await session.load_from_storage("t", "gs://bucket/t.csv")
    monkeypatch.setitem(__import__("sys").modules, "fsspec.core", None)
    with pytest.raises(MissingDependencyError, match=r"sqlspec\[storage\]"):
        await session.load_from_storage("t", "s3://bucket/t.csv")
