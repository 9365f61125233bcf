"""The pipeline from files to a second database, run as a reader runs it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import psycopg
import pytest
from pyarrow import parquet

from examples.etl import __main__ as program
from examples.etl import pipeline
from examples.etl.files import CHANGED, NEW, WRONG
from examples.flights.adapters import load_configs
from sqlspec.driver import AsyncConfig

ROOT = Path(__file__).resolve().parents[2]
ROWS = 6000
DRIVERS = [label for label, config in load_configs().items() if issubclass(config, AsyncConfig)]


def run(dsn: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-W", "error", "-m", "examples.etl", "--rows", str(ROWS), *map(str, arguments)]
    environment = {**os.environ, program.DSN_VARIABLE: dsn, "NO_COLOR": "1"}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=100, check=False)


@pytest.mark.parametrize(("source", "target"), list(zip(DRIVERS, [*DRIVERS[1:], DRIVERS[0]], strict=True)))
def test_every_step_does_what_is_expected(sqlspec_postgres: str, source: str, target: str, tmp_path: Path) -> None:
    done = run(sqlspec_postgres, "--source", source, "--target", target, "--folder", tmp_path)
    assert (done.stderr, done.returncode) == ("", 0), done.stdout
    lines = done.stdout.splitlines()
    steps = {line.split()[0]: line for line in lines if line.startswith("  ") and line.endswith("   ok")}
    assert list(steps) == ["load", "upsert", "quarantine", "mend", "aggregate", "copy", "compare"]
    total = ROWS + NEW + 200
    assert f"{NEW} inserted, {CHANGED} updated, 500 unchanged" in steps["upsert"]
    assert f"{len(WRONG)} rows rejected" in steps["quarantine"]
    assert f"of {total:,} flights" in steps["aggregate"]
    assert "verified by checksum" in steps["copy"]
    assert steps["compare"].split()[1] == f"{total:,}"
    assert lines[-1] == "everything as expected: yes"
    assert max(map(len, lines)) <= 120
    _, _, rejected = done.stdout.partition("Rejected rows")
    for text in ("flights_carrier_fkey", "distance_is_positive", '"2013-02-30"', 'column "dest"'):
        assert text in rejected
    written = parquet.read_table(tmp_path / "delays.parquet")
    assert sum(written["flights"].to_pylist()) == total
    files = sorted(path.name for path in tmp_path.iterdir())
    names = ["airlines.parquet", "changes.parquet", "delays.parquet", "flights.parquet", "late.csv", "mended.csv"]
    assert files == names


def test_nothing_is_left_behind(sqlspec_postgres: str) -> None:
    with psycopg.connect(sqlspec_postgres) as connection:
        found = connection.execute("select datname from pg_database where datname like 'etl\\_%'").fetchall()
    assert found == []


def test_a_step_that_goes_wrong_is_noticed(
    sqlspec_postgres: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def other(config: Any, sql: Any) -> tuple[int, int]:
        return id(config), 1

    monkeypatch.setattr(pipeline, "checksum", other)
    monkeypatch.setenv(program.DSN_VARIABLE, sqlspec_postgres)
    assert program.main(["--rows", str(ROWS)]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert next(line for line in lines if line.startswith("  compare")).endswith("   wrong")
    assert lines[-1] == "everything as expected: no"
