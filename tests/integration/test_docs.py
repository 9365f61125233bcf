"""Every Python block of the documentation is run, and what it prints is compared with what the page says.

The convention, which CONTRIBUTING.md explains to writers:

- The `python` blocks of a page run in order, in one namespace, as if pasted into `python -m asyncio`.
- An `output` block behind a block is exactly what that block prints.
- A DSN on `localhost` stands for the server of the tests; each page gets a database of its own there.
- A block with `title="..."` that is not Python becomes a file of that name in the page's working directory, and
  so do `conftest.py` and `test_*.py`; the latter are run with pytest.
- `<!-- no-run: reason -->` before a block leaves it out. The number of such blocks is printed.
- A page that names one adapter runs on every adapter of `SWAPS`: its output must be the same.
"""

from __future__ import annotations

import ast
import asyncio
import contextlib
import difflib
import inspect
import io
import os
import re
import secrets
import subprocess
import sys
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote, urlencode

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from sqlspec.exceptions import ImproperConfigurationError, NotSupportedError

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted(
    [ROOT / "README.md", *(ROOT / "docs").rglob("*.md"), *(ROOT / "skills").rglob("*.md")],
    key=lambda path: path.relative_to(ROOT).as_posix(),
)

# The adapter that pages are written with, and what to replace in them to run on another.
WRITTEN_WITH = "asyncpg"
SWAPS: dict[str, dict[str, str]] = {
    WRITTEN_WITH: {},
    "psycopg": {
        "sqlspec.adapters.asyncpg": "sqlspec.adapters.psycopg",
        "AsyncpgConfig": "PsycopgAsyncConfig",
        "AsyncpgDriverFeatures": "PsycopgDriverFeatures",
    },
    "psqlpy": {
        "sqlspec.adapters.asyncpg": "sqlspec.adapters.psqlpy",
        "AsyncpgConfig": "PsqlpyConfig",
        "AsyncpgDriverFeatures": "PsqlpyDriverFeatures",
    },
    "pyro_postgres": {
        "sqlspec.adapters.asyncpg": "sqlspec.adapters.pyro_postgres",
        "AsyncpgConfig": "PyroPostgresAsyncConfig",
        "AsyncpgDriverFeatures": "PyroPostgresDriverFeatures",
    },
}

# Pages that cannot run on an adapter: what they fail with, and why.
UNFIT: dict[tuple[str, str], tuple[type[BaseException], str]] = {
    ("docs/how-to/poolers.md", "psqlpy"): (ImproperConfigurationError, "the driver cannot work behind a pooler"),
    ("docs/how-to/poolers.md", "pyro_postgres"): (ImproperConfigurationError, "the driver cannot work behind a pooler"),
    ("docs/how-to/listen-notify.md", "pyro_postgres"): (NotSupportedError, "the driver drops notifications"),
    ("skills/tasks/notifications.md", "pyro_postgres"): (NotSupportedError, "the driver drops notifications"),
}

FENCE = re.compile(r"(?P<indent> *)(?P<ticks>`{3,})(?P<info>[^`]*)")
TITLE = re.compile(r'title="([^"]+)"')
NO_RUN = re.compile(r"<!--\s*no-run(?::\s*(?P<reason>.*?))?\s*-->")
ADAPTER = re.compile(r"sqlspec\.adapters\.(\w+)")
PLACEHOLDER = re.compile(r"postgres(?:ql)?://(?:\w+(?::\w+)?@)?localhost(?::\d+)?/\w+(?P<more>\?)?")


class Block(NamedTuple):
    """A fenced block; `line` is the number of its first line of text."""

    language: str
    title: str | None
    text: str
    line: int
    no_run: str | None


def blocks_of(text: str) -> Iterator[Block]:
    """Yield the fenced blocks of a page. Fences in a block with more back-quotes are text."""
    lines = text.splitlines()
    at = 0
    marker: str | None = None
    while at < len(lines):
        fence = FENCE.fullmatch(lines[at].rstrip())
        if fence is None:
            found = NO_RUN.fullmatch(lines[at].strip())
            if found is not None:
                marker = found["reason"] or ""
            elif lines[at].strip():
                marker = None
            at += 1
            continue
        indent, closing = len(fence["indent"]), fence["indent"] + fence["ticks"]
        start = at + 1
        at = next((n for n in range(start, len(lines)) if lines[n].rstrip() == closing), -1)
        if at < 0:
            raise ValueError(f"line {start}: the block has no end")
        language = fence["info"].strip().partition(" ")[0]
        title = TITLE.search(fence["info"])
        body = "".join(f"{line[indent:]}\n" for line in lines[start:at])
        yield Block(language, title[1] if title else None, body, start + 1, marker)
        marker = None
        at += 1


def is_file(block: Block) -> bool:
    """Tell whether a block is written to a file instead of being run in the namespace of the page."""
    if block.title is None:
        return False
    return block.language != "python" or re.fullmatch(r"(test_.*|conftest)\.py", block.title) is not None


def page_variants() -> Iterator[Any]:
    """Yield page and adapter. Guides below `skills/adapters` are about one adapter and run on that alone."""
    for page in PAGES:
        name = page.relative_to(ROOT).as_posix()
        text = page.read_text(encoding="utf-8")
        code = "".join(block.text for block in blocks_of(text) if block.language == "python")
        if not code:
            continue
        portable = set(ADAPTER.findall(code)) == {WRITTEN_WITH} and not name.startswith("skills/adapters/")
        for adapter in list(SWAPS) if portable else [None]:
            raises, reason = UNFIT.get((name, adapter or ""), (None, ""))
            marks = [pytest.mark.xfail(strict=True, raises=raises, reason=reason)] if raises else []
            yield pytest.param(page, adapter, id=f"{name}-{adapter}" if adapter else name, marks=marks)


class Page:
    """Runs the blocks of one page in one namespace, with one database and one working directory."""

    def __init__(self, path: Path, adapter: str | None, dsn: str, module: types.ModuleType) -> None:
        self.path = path
        self.dsn = dsn
        self.swaps = SWAPS[adapter] if adapter else {}
        self.module = module

    async def run(self) -> None:
        blocks = list(blocks_of(self.path.read_text(encoding="utf-8")))
        for block, following in zip(blocks, [*blocks[1:], None], strict=True):
            if block.language == "output" or block.no_run is not None:
                continue
            if is_file(block):
                self.write(block)
            elif block.language == "python":
                printed = await self.execute(block)
                if following is not None and following.language == "output":
                    self.compare(following, printed)

    def write(self, block: Block) -> None:
        target = Path(block.title or "")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(self.adapted(block.text), encoding="utf-8")
        if target.name.startswith("test_"):
            command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir=.", str(target)]
            environment = {**os.environ, "SQLSPEC_TEST_DSN": self.dsn}
            done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
            assert done.returncode == 0, f"{self.place(block)}: pytest failed\n{done.stdout}\n{done.stderr}"

    async def execute(self, block: Block) -> str:
        # Empty lines in front make line numbers in tracebacks those of the page.
        source = "\n" * (block.line - 1) + self.adapted(block.text)
        namespace = self.module.__dict__
        flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
        code = compile(source, str(self.path), "exec", flags=flags, dont_inherit=True)
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            if code.co_flags & inspect.CO_COROUTINE:
                await eval(code, namespace)
            elif "asyncio.run(" in block.text:
                # A program of its own, with its own event loop.
                await asyncio.to_thread(eval, code, namespace)
            else:
                eval(code, namespace)
        return printed.getvalue()

    def adapted(self, text: str) -> str:
        for old, new in self.swaps.items():
            text = re.sub(rf"\b{re.escape(old)}\b", new, text)
        return PLACEHOLDER.sub(self._real_dsn, text)

    def _real_dsn(self, found: re.Match[str]) -> str:
        joint = "&" if "?" in self.dsn else "?"
        return self.dsn + (joint if found["more"] else "")

    def compare(self, expected: Block, printed: str) -> None:
        wanted, seen = ([line.rstrip() for line in text.splitlines()] for text in (expected.text, printed))
        difference = "\n".join(difflib.unified_diff(wanted, seen, "on the page", "printed", lineterm=""))
        assert wanted == seen, f"{self.place(expected)}: another output\n{difference}"

    def place(self, block: Block) -> str:
        return f"{self.path}:{block.line}"


@pytest.fixture
def database(sqlspec_postgres: str) -> Iterator[str]:
    """Provide the DSN of an empty database on the server of the tests."""
    name = f"docs_{secrets.token_hex(6)}"
    given = {key: str(value) for key, value in conninfo_to_dict(sqlspec_postgres).items() if value is not None}
    with psycopg.connect(sqlspec_postgres, autocommit=True) as connection:
        connection.execute(f"create database {name}".encode())
        try:
            yield url_of({**given, "dbname": name})
        finally:
            connection.execute(f"drop database {name} with (force)".encode())


def url_of(parts: dict[str, str]) -> str:
    """Write a DSN as a URL without any quote, so that it fits into every string literal."""
    parts = dict(parts)
    user, host, port = (parts.pop(key, "") for key in ("user", "host", "port"))
    password, name = parts.pop("password", ""), parts.pop("dbname", "")
    if host.startswith("/"):
        parts["host"], host = host, ""
    account = quote(user, safe="") + (f":{quote(password, safe='')}" if password else "")
    url = f"postgresql://{account}@{host}{f':{port}' if port else ''}/{quote(name, safe='')}"
    return f"{url}?{urlencode(parts, quote_via=quote)}" if parts else url


@pytest.fixture
def page_module(tmp_path: Path, database: str, monkeypatch: pytest.MonkeyPatch) -> types.ModuleType:
    """Provide the namespace of a page: a program that was just started, in an empty directory."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DATABASE_URL", database)
    for variable in [name for name in os.environ if name.startswith("PG")]:
        monkeypatch.delenv(variable)
    module = types.ModuleType("__main__")
    # Classes of a page find the names in their annotations through their module.
    monkeypatch.setitem(sys.modules, "__main__", module)
    return module


@pytest.mark.parametrize(("page", "adapter"), list(page_variants()))
async def test_a_page_does_what_it_says(
    page: Path, adapter: str | None, database: str, page_module: types.ModuleType
) -> None:
    await Page(page, adapter, database, page_module).run()


def test_blocks_that_are_not_run_give_a_reason(capsys: pytest.CaptureFixture[str]) -> None:
    left_out = [
        (f"{page.relative_to(ROOT).as_posix()}:{block.line}", block.no_run)
        for page in PAGES
        for block in blocks_of(page.read_text(encoding="utf-8"))
        if block.no_run is not None
    ]
    with capsys.disabled():
        print(f"\n{len(left_out)} blocks of the documentation are not run")
        for place, reason in left_out:
            print(f"  {place}: {reason}")
    assert [place for place, reason in left_out if not reason] == []


def test_every_output_belongs_to_a_block_that_is_run() -> None:
    stray = []
    for page in PAGES:
        blocks = list(blocks_of(page.read_text(encoding="utf-8")))
        for before, block in zip([None, *blocks], blocks, strict=False):
            run = before is not None and before.language == "python" and before.no_run is None
            if block.language == "output" and not (run and before is not None and not is_file(before)):
                stray.append(f"{page.relative_to(ROOT).as_posix()}:{block.line}")
    assert stray == []


# -- the runner itself ----------------------------------------------------------------------------


async def run_text(text: str, tmp_path: Path, module: types.ModuleType, adapter: str | None = None) -> None:
    path = tmp_path / "page.md"
    path.write_text(text, encoding="utf-8")
    await Page(path, adapter, "postgresql://tester@example.net:1/db?sslmode=disable", module).run()


@pytest.fixture
def bare_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> types.ModuleType:
    monkeypatch.chdir(tmp_path)
    return types.ModuleType("__main__")


async def test_blocks_share_a_namespace_and_may_await(tmp_path: Path, bare_module: types.ModuleType) -> None:
    text = (
        "```python\nimport asyncio\nn = 1\n```\n\n- item\n\n  ```python\n  await asyncio.sleep(0)\n  print(n)\n  ```\n"
    )
    await run_text(text + "\n```output\n1\n```\n", tmp_path, bare_module)


async def test_another_output_fails_and_names_the_line(tmp_path: Path, bare_module: types.ModuleType) -> None:
    with pytest.raises(AssertionError, match=r"page\.md:6: another output(.|\n)*-2(.|\n)*\+1"):
        await run_text("```python\nprint(1)\n```\n\n```output\n2\n```\n", tmp_path, bare_module)


async def test_an_error_in_a_block_points_at_the_page(tmp_path: Path, bare_module: types.ModuleType) -> None:
    with pytest.raises(ZeroDivisionError) as caught:
        await run_text("# Page\n\n```python\nn = 0\n1 / n\n```\n", tmp_path, bare_module)
    assert caught.traceback[-1].lineno + 1 == 5
    assert caught.traceback[-1].path == tmp_path / "page.md"


async def test_a_placeholder_becomes_the_dsn_of_the_test(tmp_path: Path, bare_module: types.ModuleType) -> None:
    text = '```python\nprint("postgresql://app:x@localhost:5432/shop?a=b", "postgresql://db.example/shop")\n```\n'
    expected = "postgresql://tester@example.net:1/db?sslmode=disable&a=b postgresql://db.example/shop"
    await run_text(f"{text}\n```output\n{expected}\n```\n", tmp_path, bare_module)


async def test_another_adapter_takes_the_place_of_the_written_one(
    tmp_path: Path, bare_module: types.ModuleType
) -> None:
    text = "```python\nfrom sqlspec.adapters.asyncpg import AsyncpgConfig\nprint(AsyncpgConfig.__name__)\n```\n"
    await run_text(f"{text}\n```output\nPsycopgAsyncConfig\n```\n", tmp_path, bare_module, "psycopg")


async def test_titled_blocks_become_files_and_tests_are_run(tmp_path: Path, bare_module: types.ModuleType) -> None:
    await run_text('```sql title="queries/a.sql"\nselect 1\n```\n', tmp_path, bare_module)
    assert (tmp_path / "queries/a.sql").read_text() == "select 1\n"
    with pytest.raises(AssertionError, match="pytest failed"):
        await run_text('```python title="test_x.py"\ndef test_x():\n    assert 0\n```\n', tmp_path, bare_module)


async def test_a_marked_block_is_not_run(tmp_path: Path, bare_module: types.ModuleType) -> None:
    await run_text("<!-- no-run: it would fail -->\n\n```python\n1 / 0\n```\n", tmp_path, bare_module)
    with pytest.raises(ZeroDivisionError):
        await run_text("<!-- no-run: of another block -->\ntext\n\n```python\n1 / 0\n```\n", tmp_path, bare_module)


def test_fences_inside_a_longer_fence_are_text() -> None:
    found = list(blocks_of("````markdown\n```python\n1 / 0\n```\n````\n"))
    assert [(block.language, block.text) for block in found] == [("markdown", "```python\n1 / 0\n```\n")]


def test_a_block_without_an_end_is_an_error() -> None:
    with pytest.raises(ValueError, match="line 1: the block has no end"):
        list(blocks_of("```python\n"))
