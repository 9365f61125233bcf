"""Hostile text in the place of each argument and option of each command."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg
import pytest

from sqlspec.cli._app import run
from tests.integration.security.hostile import HOSTILE, SPRUNG, TRAP
from tests.integration.security.registry import ENTRIES, TRUSTED, How

COMMANDS: dict[str, dict[str, str]] = {
    "sqlspec load": {"FILE": "rows.csv", "TABLE": "o", "--mode": "overwrite"},
    "sqlspec export": {"QUERY": "select :a::text as v", "FILE": "out.csv", "--overwrite": "", "--param": "a=x"},
    "sqlspec copy": {"SOURCE": "", "TARGET": "", "TABLE": "o", "--from": "t", "--mode": "overwrite"},
    "sqlspec query": {"SQL": "select :a::text", "--param": "a=x"},
    "sqlspec ping": {},
    "sqlspec doctor": {"--driver": "asyncpg"},
}
"""What each of them does when nobody attacks it; options of the same name are replaced."""

NAMES = ("double quote", "both", "statement", "long", "nul")
WORDS = ("quote", "nul")

NEEDED: dict[str, dict[str, str]] = {"--key": {"--mode": "upsert"}, "--rejected": {"--on-error": "quarantine"}}
"""What an option is refused without."""

SCHEMA = "attacked_by_commands"


@pytest.fixture
def server(dsn: str, admin: psycopg.Connection[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The DSN of the tests, which commands find in the environment; its schema has the trap and two tables."""
    admin.execute(f"create schema {SCHEMA}; set search_path = {SCHEMA}; {TRAP}".encode())
    admin.execute(b"create table o (id int primary key, name text); create table t (like o); reset search_path")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "rows.csv").write_text("id,name\n7,x\n")
    found = f"{dsn}?options={quote(f'-csearch_path={SCHEMA}')}"
    monkeypatch.setenv("SQLSPEC_DSN", found)
    yield found
    admin.execute(f"drop schema {SCHEMA} cascade".encode())


def command_line(command: str, server: str, option: str, text: str) -> list[str]:
    """Return a command line with a text in the place of one of its arguments."""
    given = {**COMMANDS[command], **NEEDED.get(option, {})}
    given |= {name: server for name in ("SOURCE", "TARGET") if name in given}
    given[option] = text
    words = [
        command.split()[1],
        *(name if not value else f"{name}={value}" for name, value in given.items() if name[0] == "-"),
    ]
    return [*words, "--", *(value for name, value in given.items() if name[0] != "-")]


def texts(option: str, how: How) -> list[str]:
    found = [HOSTILE[kind] for kind in (NAMES if how in (How.NAME, How.TABLE, How.VALUE) else WORDS)]
    if option in ("--param", "--storage-option"):
        return [pair for text in found for pair in (f"a={text}", f"{text}=a")]
    return [*found, *(f"id,{text}" for text in found)] if option == "--header" else found


@pytest.mark.parametrize("command", COMMANDS)
def test_no_argument_becomes_sql(command: str, server: str, admin: Any, capsys: pytest.CaptureFixture[str]) -> None:
    for option, how in ENTRIES[command].args.items():
        for text in [] if how in TRUSTED else texts(option, how):
            status = run(command_line(command, server, option, text))
            said = capsys.readouterr()
            assert status in (0, 1, 2, 3), f"{option}={text!r}: {said}"
            assert "syntax error" not in said.err, f"{option}={text!r}: {said.err}"
    assert admin.execute(SPRUNG.format(SCHEMA).encode()).fetchone() == (False,)


@pytest.mark.parametrize("command", COMMANDS)
def test_the_attacks_reach_the_commands(command: str, server: str) -> None:
    """Each of them is done when it is not attacked, so that one that refused everything would be seen."""
    assert run(command_line(command, server, "--quiet", "")) == 0
