"""The generator of the sync twins: what it changes, what it refuses, and that this tree is up to date."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest

from tools import unasync

ROOT = Path(unasync.__file__).resolve().parent.parent
NAMES = {
    "__aenter__": "__enter__",
    "AsyncIterator": "Iterator",
    "AsyncExitStack": "ExitStack",
    "aclose": "close",
    "_aio": "_sio",
}


def other_interpreters() -> list[str]:
    """Find the other supported Pythons that exist and run here."""
    found: dict[str, str] = {}
    for version in ("3.11", "3.12", "3.13", "3.14"):
        managed = sorted(Path.home().glob(f".pyenv/versions/{version}.*/bin/python"))
        for path in (*managed, shutil.which(f"python{version}")):
            # A shim of a version manager may exist without the version behind it.
            if path and subprocess.run([path, "-c", ""], capture_output=True, check=False).returncode == 0:
                found[version] = str(path)
    return list(found.values())


def twin(body: str) -> str:
    """Convert a body that stands below the first comment, and return the twin without its header."""
    result = unasync.convert("# Source.\n" + dedent(body), "_async_x.py", NAMES)
    header, rest = result.split("\n", 1)
    assert header == "# Generated from _async_x.py by tools/unasync.py. Do not edit."
    return rest


def refusal(body: str) -> str:
    with pytest.raises(unasync.UnasyncError) as caught:
        unasync.convert("# Source.\n" + dedent(body), "_async_x.py", NAMES)
    return str(caught.value)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("async def f(): return await g()\n", "def f(): return g()\n"),
        ("async def f():\n    await (\n        g()\n    )\n", "def f():\n    (\n        g()\n    )\n"),
        (
            "async def f():\n    async with a, b:\n        pass\n",
            "def f():\n    with a, b:\n        pass\n",
        ),
        (
            "async def f():\n    async for x in y:\n        pass\n",
            "def f():\n    for x in y:\n        pass\n",
        ),
        (
            "async def f():\n    return [await g(x) async for x in y if await h(x)]\n",
            "def f():\n    return [g(x) for x in y if h(x)]\n",
        ),
        ("class AsyncPool: pass\n", "class SyncPool: pass\n"),
        ("class _AsyncPool: pass\n", "class _SyncPool: pass\n"),
        ("class PsycopgAsyncConfig: pass\n", "class PsycopgSyncConfig: pass\n"),
        ("from p._async_pool import AsyncPool\n", "from p._sync_pool import SyncPool\n"),
        ("from p._aio import sleep\n", "from p._sio import sleep\n"),
        ("import p._async_pool as pool\n", "import p._sync_pool as pool\n"),
        ("async def __aenter__(self): pass\n", "def __enter__(self): pass\n"),
        ("x: AsyncIterator[AsyncPool]\n", "x: Iterator[SyncPool]\n"),
    ],
)
def test_code_loses_what_is_asynchronous(source: str, expected: str) -> None:
    assert twin(source) == expected


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("x: Awaitable[int]\n", "x: int\n"),
        ("x: Callable[..., Awaitable[list[int]]]\n", "x: Callable[..., list[int]]\n"),
        ("x: Coroutine[Any, Any, dict[str, int]]\n", "x: dict[str, int]\n"),
        ("x: Awaitable[Awaitable[AsyncPool]]\n", "x: SyncPool\n"),
        ("x: Coroutine[Any, dict[str, int], None]\n", "x: None\n"),
        ("x: Awaitable[\n    int\n]\n", "x: (\n    int\n)\n"),
        ("x: Coroutine[\n    Any,\n    Any,\n    int,\n]\n", "x: (\n\n\n    int\n)\n"),
    ],
)
def test_wrapping_annotations_become_what_they_wrap(source: str, expected: str) -> None:
    assert twin(source) == expected


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("from c import Awaitable, Callable\n", "from c import Callable\n"),
        ("from c import Callable, Awaitable\n", "from c import Callable\n"),
        ("from c import Awaitable, Callable, Coroutine\n", "from c import Callable\n"),
        ("from c import Callable, Awaitable, Coroutine\n", "from c import Callable\n"),
        ("from c import (Callable, Awaitable)\n", "from c import (Callable)\n"),
        ("from c import Awaitable\nx = 1\n", "\nx = 1\n"),
        ("from c import (\n    Awaitable,\n)\nx = 1\n", "\n\n\nx = 1\n"),
        ("from c import AsyncIterator, Iterator\n", "from c import Iterator\n"),
        ("from c import AsyncIterator, Iterator as I\n", "from c import Iterator, Iterator as I\n"),
        (
            "from c import (\n    Any,  # AsyncPool\n    Awaitable,\n    AsyncPool,\n)\n",
            "from c import (\n    Any,  # SyncPool\n\n    SyncPool,\n)\n",
        ),
        ("from c import *\n", "from c import *\n"),
        ("def f(): yield from g()\n", "def f(): yield from g()\n"),
        ("try: f()\nexcept E as e: raise X from e\n", "try: f()\nexcept E as e: raise X from e\n"),
    ],
)
def test_imports_name_only_what_the_twin_has(source: str, expected: str) -> None:
    assert twin(source) == expected


def test_text_changes_names_everywhere_and_keywords_only_in_code() -> None:
    source = '''
        """Await an `AsyncPool` as AsyncPool of _async_pool; async text and aclose stay.

        Use `await pool.aclose()`, never await pool.aclose().

        >>> await pool.get()

        ```python
        async with pool.get() as session:
            await session.aclose()
        ```

        Then await more.
        """
        x = "await AsyncPool"  # await `async for x in AsyncPool`
    '''
    expected = '''
        """Await an `SyncPool` as SyncPool of _sync_pool; async text and aclose stay.

        Use `pool.close()`, never await pool.aclose().

        >>> pool.get()

        ```python
        with pool.get() as session:
            session.close()
        ```

        Then await more.
        """
        x = "await SyncPool"  # await `for x in SyncPool`
    '''
    assert twin(source) == dedent(expected)


@pytest.mark.parametrize(
    "text",
    [
        "x = 'await' \"async\" + b'Async' + r'''async def'''\n",
        "x = f'{y} must be awaited: await it'\n",
        "x = f'{y!r:>{width}} {{await}}'\n",
        "x = 1  # async is how it was\n",
    ],
)
def test_what_only_looks_asynchronous_stays(text: str) -> None:
    assert twin(text) == text


def test_names_in_fstrings_are_renamed() -> None:
    assert twin("x = f'{AsyncPool.size:>{AsyncPool.width}} AsyncPool {y!r}'\n") == (
        "x = f'{SyncPool.size:>{SyncPool.width}} SyncPool {y!r}'\n"
    )
    assert twin("x = f'''\n{AsyncPool}\n'''  # AsyncPool\n") == "x = f'''\n{SyncPool}\n'''  # SyncPool\n"


def test_async_only_lines_become_empty() -> None:
    source = "import asyncio  # async-only\nx = 1  # async-only, by the way\n# async-only\n"
    assert twin(source) == "\nx = 1  # async-only, by the way\n# async-only\n"


def test_lines_keep_their_numbers() -> None:
    lines = [
        "from c import (",
        "    Awaitable,",
        "    Coroutine,",
        "    Callable,",
        ")",
        "a: Coroutine[",
        "    Any,",
        "    Any,",
        "    int,",
        "] = f()  # here",
        "b = '''AsyncPool",
        "\f AsyncPool\u2028x'''",
        "c = 1  # there",
    ]
    result = twin("\n".join(lines) + "\n").split("\n")
    assert [n for n, line in enumerate(result) if "# here" in line or "# there" in line] == [9, 12]
    assert len(result) == len(lines) + 1


def test_conversion_is_idempotent() -> None:
    once = unasync.convert("# Source.\nasync def f(): await AsyncPool()\n", "_async_x.py", NAMES)
    assert unasync.convert(once, "_async_x.py", NAMES) == once


@pytest.mark.parametrize(
    ("source", "complaint"),
    [
        ("async def f():\n    x = [await  # why\n        g()]\n", ":3: 'await' ends its line"),
        ("async \\\n  def f(): pass\n", ":2: 'async' ends its line"),
        ("async def f(): return f'{await g()}'\n", ":2: an f-string holds async code"),
        ("async def f(): return f'{[x async for x in y]}'\n", ":2: an f-string holds async code"),
        ("async def f(): return f'{x.aclose}'\n", ":2: an f-string holds async code"),
        ("async def f(): return f'''\n{await g()}'''\n", ":2: an f-string holds async code"),
        ("x = isinstance(y, Awaitable)\n", ":2: 'Awaitable' has a sync form only as Awaitable[...]"),
        ("x: abc.Awaitable[int]\n", ":2: 'Awaitable' has a sync form only as Awaitable[...]"),
        ("x: Coroutine[int]\n", ":2: 'Coroutine' has 1 arguments; write 3"),
        ("import asyncio\n", ":2: 'asyncio' has no sync name; add it to NAMES"),
        ("x = y.__aiter__\n", ":2: '__aiter__' has no sync name; add it to NAMES"),
        ("x = anext(y)\n", ":2: 'anext' has no sync name; add it to NAMES"),
        ("Asynchronous = 1\n", ":2: 'Asynchronous' has no sync name; add it to NAMES"),
        ("if is_async: pass\n", ":2: 'is_async' has no sync name; add it to NAMES"),
        ("x: Coroutine[Any, AsyncPool\n", ":1: not valid Python"),
        ("if x:\n    import asyncio  # async-only\n", "the twin is not valid Python"),
    ],
)
def test_what_has_no_sync_form_is_refused_with_its_line(source: str, complaint: str) -> None:
    message = refusal(source)
    assert message.startswith("_async_x.py:")
    assert complaint in message


@pytest.mark.parametrize("text", ["", '"""Docstring."""\n', "\n# Late.\n"])
def test_the_first_line_must_be_free_for_the_header(text: str) -> None:
    with pytest.raises(unasync.UnasyncError, match=r"_async_x.py:1: the first line is no comment"):
        unasync.convert(text, "_async_x.py", NAMES)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A tree with one source, for which one table entry is needed."""
    package = tmp_path / "package"
    package.mkdir()
    (package / "_async_x.py").write_text("# Source.\nasync def f(): await aclose()\n")
    return tmp_path


ONE = {"aclose": "close"}


def test_a_run_writes_what_a_check_accepts(tree: Path) -> None:
    assert unasync.run(tree, check=False, names=ONE) == []
    assert (tree / "package/_sync_x.py").read_text().endswith("def f(): close()\n")
    assert unasync.run(tree, check=True, names=ONE) == []


def test_a_check_reports_a_missing_twin_and_writes_nothing(tree: Path) -> None:
    assert unasync.run(tree, check=True, names=ONE) == ["missing: package/_sync_x.py; run: python tools/unasync.py"]
    assert not (tree / "package/_sync_x.py").exists()


@pytest.mark.parametrize("change", [lambda text: text + "\n", lambda text: text[:-1], lambda _: ""])
def test_a_check_compares_whole_files(tree: Path, change: object) -> None:
    assert callable(change)
    unasync.run(tree, check=False, names=ONE)
    twin_file = tree / "package/_sync_x.py"
    twin_file.write_text(change(twin_file.read_text()))
    assert unasync.run(tree, check=True, names=ONE) == ["stale: package/_sync_x.py; run: python tools/unasync.py"]


def test_a_twin_without_a_source_is_reported(tree: Path) -> None:
    unasync.run(tree, check=False, names=ONE)
    (tree / "package/_async_x.py").rename(tree / "package/_async_y.py")
    (tree / "package/moved.py").write_text((tree / "package/_sync_x.py").read_text())
    assert unasync.run(tree, check=False, names=ONE) == [
        "orphan: package/_sync_x.py has no source; delete it",
        "orphan: package/moved.py has no source; delete it",
    ]


def test_an_entry_of_the_table_that_nothing_needs_is_reported(tree: Path) -> None:
    problems = unasync.run(tree, check=False, names={**ONE, "anext": "next"})
    assert problems == ["unused: 'anext' in NAMES of tools/unasync.py is not needed; delete it"]


def test_a_refused_source_is_reported_and_its_twin_stays(tree: Path) -> None:
    unasync.run(tree, check=False, names=ONE)
    before = (tree / "package/_sync_x.py").read_text()
    (tree / "package/_async_x.py").write_text("# Source.\nimport asyncio\naclose()\n")
    (problem,) = unasync.run(tree, check=False, names=ONE)
    assert problem.startswith("error: package/_async_x.py:2: 'asyncio'")
    assert (tree / "package/_sync_x.py").read_text() == before


def test_the_command_line_prints_problems_and_fails(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tree / "package/_async_x.py").write_text("# Source.\n")
    assert unasync.main(["--check", str(tree)]) == 1
    assert "missing: package/_sync_x.py" in capsys.readouterr().err


def test_this_tree_is_up_to_date() -> None:
    assert unasync.run(ROOT / "sqlspec", check=True) == []


@pytest.mark.parametrize("interpreter", other_interpreters())
def test_every_python_generates_the_same(interpreter: str, tmp_path: Path) -> None:
    source = tmp_path / "_async_x.py"
    source.write_text(
        "# Source.\n"
        "async def f(x): return f\"{x!r:>{AsyncPool.width}} AsyncPool\" f'{1}'\n"
        'async def g(): return f"""\n    {f"{AsyncPool}"} `await`\n"""\n'
        "from c import Awaitable, Callable\nx: Callable[..., Awaitable[None]]\n"
    )
    script = (
        "import sys; sys.path.insert(0, sys.argv[1]); import unasync; from pathlib import Path\n"
        "print(unasync.convert(Path(sys.argv[2]).read_text(), 'x', {}))"
    )
    outputs = {
        subprocess.run(
            [python, "-B", "-c", script, str(ROOT / "tools"), str(source)],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for python in (sys.executable, interpreter)
    }
    assert len(outputs) == 1
    assert "SyncPool" in outputs.pop()
