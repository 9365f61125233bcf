"""One async test body on every adapter and flavour.

A sync config is put behind `AsAsync`, which runs each of its calls in a thread that belongs to the calling task.
What adapters cannot do is said by `needs` and by the table in `expected.py`, never inside a test.
"""

from __future__ import annotations

import asyncio
import contextvars
import importlib
import inspect
import threading
import weakref
from collections.abc import AsyncIterator, Callable, Collection, Coroutine, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields
from functools import cache, partial
from typing import Any

import psycopg
import pytest

from sqlspec.adapters.asyncpg import AsyncpgConfig
from sqlspec.adapters.psqlpy import PsqlpyConfig
from sqlspec.adapters.psycopg import PsycopgAsyncConfig, PsycopgSyncConfig
from sqlspec.adapters.pyro_postgres import PyroPostgresAsyncConfig, PyroPostgresSyncConfig
from sqlspec.core.capabilities import AdapterSpec, Capabilities
from sqlspec.driver._aio import AsyncExecution
from sqlspec.exceptions import MappingError, NotSupportedError, OperationalError
from tests.integration.stub import StubConfig
from tests.secrets import PASSWORD

__all__ = ("FLAVOURS", "AsAsync", "Flavour", "apply_expectations", "iterator_for", "needs")

FLAVOURS: dict[str, type[Any]] = {
    "asyncpg": AsyncpgConfig,
    "psycopg": PsycopgAsyncConfig,
    "psycopg-sync": PsycopgSyncConfig,
    "psqlpy": PsqlpyConfig,
    "pyro": PyroPostgresAsyncConfig,
    "pyro-sync": PyroPostgresSyncConfig,
    "stub": StubConfig,
}

# Facts that are missing from an answer are no refused call: how a test that needs one fails without it.
SILENT: dict[str, tuple[type[BaseException], ...]] = {
    "rows_affected": (AssertionError,),
    "sqlstate": (AssertionError, OperationalError),
    "error_position": (AssertionError,),
    "columns_when_empty": (AssertionError, MappingError),
    "duplicate_columns": (MappingError,),
}


# Without these a test does not fail but hangs for ever, so it is not run.
HANGS = frozenset({"concurrent_calls"})


class Flavour:
    """One adapter in one flavour, with a schema of its own for one test.

    Attributes:
        name: Key in `FLAVOURS`.
        config_class: Class of its configs.
        schema: Name of the schema, first in the `search_path` of every connection.
    """

    def __init__(self, name: str, dsn: str, schema: str) -> None:
        self.name = name
        self.config_class = FLAVOURS[name]
        self.schema = schema
        self._dsn = dsn
        self._made: list[Any] = []

    @property
    def spec(self) -> AdapterSpec:
        spec: AdapterSpec = self.config_class.spec
        return spec

    @property
    def is_sync(self) -> bool:
        return not inspect.iscoroutinefunction(self.config_class.close)

    def make_config(
        self,
        connection_config: Mapping[str, Any] | None = None,
        /,
        *,
        driver_features: Any = None,
        observers: Iterable[Any] = (),
        **overrides: Any,
    ) -> Any:
        """Return a config for the test's schema. It is closed when the test ends.

        Args:
            connection_config: Keys, for those that are no Python identifiers.
            driver_features: As for the config class.
            observers: As for the config class.
            overrides: Keys of `connection_config`.
        """
        settings = {"search_path": f"{self.schema}, public", "synchronous_commit": "off"}
        settings.update((connection_config or {}).get("session_settings", {}))
        settings.update(overrides.pop("session_settings", {}))
        # The server asks for none: it is there to be looked for in all that the run writes.
        keys = {"dsn": self._dsn, "password": PASSWORD, **(connection_config or {}), **overrides}
        keys["session_settings"] = settings
        config = self.config_class(connection_config=keys, driver_features=driver_features, observers=tuple(observers))
        self._made.append(config)
        return AsAsync(config) if self.is_sync else config

    async def close(self) -> None:
        """Close every config that was made."""
        for config in reversed(self._made):
            await (AsAsync(config) if self.is_sync else config).close(5.0)


# -- sync as async ------------------------------------------------------------------------------------------

_in_worker = threading.local()
_workers: weakref.WeakKeyDictionary[asyncio.Task[Any], ThreadPoolExecutor] = weakref.WeakKeyDictionary()


def _worker() -> ThreadPoolExecutor:
    """Return the thread of the current task: it owns the transactions that the task opens."""
    task = asyncio.current_task()
    assert task is not None
    found = _workers.get(task)
    if found is None:
        found = _workers[task] = ThreadPoolExecutor(1, thread_name_prefix=task.get_name())
        weakref.finalize(task, found.shutdown, wait=False)
    return found


def _marked(call: Callable[[], Any]) -> Any:
    _in_worker.yes = True
    try:
        return call()
    except StopIteration as stop:  # cannot pass through a future
        return stop
    finally:
        _in_worker.yes = False


async def _call(function: Callable[..., Any], *args: Any, **named: Any) -> Any:
    """Run a sync call in the task's thread and adapt what it gives."""
    call = partial(function, *map(_plain, args), **{name: _plain(value) for name, value in named.items()})
    if getattr(_in_worker, "yes", False):  # inside a callback: this is the task's thread
        return _wrapped(call())
    run = contextvars.copy_context().run  # as `asyncio.to_thread` does: what is current for the caller is current there
    return _wrapped(await asyncio.get_running_loop().run_in_executor(_worker(), run, _marked, call))


def _at_once(call: Callable[[], Any]) -> Any:
    """Run a call that does not wait in the task's thread."""
    if getattr(_in_worker, "yes", False):
        return _wrapped(call())
    return _wrapped(_worker().submit(_marked, call).result())


def _plain(value: Any) -> Any:
    """Return what a sync call takes for an argument: no facade, no coroutine function."""
    if isinstance(value, AsAsync):
        return value._target
    if inspect.iscoroutinefunction(value):
        return lambda *args: _run_here(value(*map(_wrapped, args)))
    return value


def _run_here(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """Run a test's callback in the thread that a sync method calls it from."""
    loop = asyncio.new_event_loop()
    try:
        return loop.run_until_complete(coroutine)
    finally:
        _in_worker.yes = True
        loop.close()


def _wrapped(value: Any) -> Any:
    kind: Any = type(value)
    return AsAsync(value) if _twin(kind) is not None else value


@cache
def _twin(kind: type) -> type | None:
    """Return the async class that a generated class, or a base of it, was generated from."""
    for base in kind.__mro__:
        if "._sync_" in base.__module__ and "Sync" in base.__name__ and not issubclass(base, psycopg.Connection):
            module = importlib.import_module(base.__module__.replace("._sync_", "._async_"))
            twin: type = getattr(module, base.__name__.replace("Sync", "Async", 1))
            return twin
    return None


class AsAsync:
    """The async interface of a sync object, as its async twin has it."""

    def __init__(self, target: Any) -> None:
        self._target = target

    def __getattr__(self, name: str) -> Any:
        target = self._target
        kind: Any = type(target)
        twin = inspect.getattr_static(_twin(kind), name, None)
        if inspect.iscoroutinefunction(twin):
            return partial(_call, getattr(target, name))
        if inspect.isasyncgenfunction(twin):
            return lambda *args: self._iterate(partial(getattr(target, name), *args))
        if not inspect.isfunction(twin):
            return _at_once(lambda: getattr(target, name))
        method = getattr(target, name)
        if str(inspect.signature(twin).return_annotation).startswith("AsyncExecution"):
            return lambda *args, **named: AsyncExecution(_call(method, *args, **named))
        return lambda *args, **named: _at_once(
            partial(method, *map(_plain, args), **{key: _plain(value) for key, value in named.items()})
        )

    async def __aenter__(self) -> Any:
        return await _call(self._target.__enter__)

    async def __aexit__(self, *failure: Any) -> Any:
        return await _call(self._target.__exit__, *failure)

    def __aiter__(self) -> AsyncIterator[Any]:
        return self._iterate(self._target.__iter__)

    async def _iterate(self, start: Callable[[], Any]) -> AsyncIterator[Any]:
        iterator = await _call(start)
        try:
            while not isinstance(item := await _call(iterator.__next__), StopIteration):
                yield item
        finally:
            await _call(iterator.close)

    def __repr__(self) -> str:
        return f"AsAsync({self._target!r})"


def iterator_for(driver: Any, items: Iterable[Any]) -> Any:
    """Return an async iterator over items; a plain one where a sync driver is to read it."""
    return iter(items) if isinstance(driver, AsAsync) else _each(items)


async def _each(items: Iterable[Any]) -> AsyncIterator[Any]:
    for item in items:
        yield item


# -- what is expected to fail -------------------------------------------------------------------------------


def needs(*capabilities: str) -> pytest.MarkDecorator:
    """Mark a test by the capabilities it needs.

    Where an adapter has one, native or emulated, the test must pass; where it has not, it must fail with
    `NotSupportedError`, or as `SILENT` says. A test that would hang is not run.
    """
    unknown = set(capabilities) - {field.name for field in fields(Capabilities)}
    if unknown or not capabilities:
        raise ValueError(f"no such capability: {', '.join(sorted(unknown))}")
    return pytest.mark.needs(*capabilities)


@dataclass(frozen=True, slots=True)
class Expected:
    """A failure that is expected although every needed capability is there.

    Attributes:
        flavours: Names from `FLAVOURS`.
        test: `"<path below tests/integration>::<name>"`, of all its parameters or of the one in brackets that
            `only` names.
        raises: What it fails with.
        cause: `"todo"` we could repair it; `"upstream"` the driver must; `"never"`: so it stays.
        reason: Why, in a sentence.
        only: Text that the test's parameters must hold, such as `"interval"`; empty for all of them.
    """

    flavours: tuple[str, ...]
    test: str
    raises: type[BaseException] | tuple[type[BaseException], ...]
    cause: str
    reason: str
    only: str = ""

    def applies(self, test: str, parameters: str, flavour: str) -> bool:
        return self.test == test and flavour in self.flavours and self.only in parameters


def apply_expectations(items: list[pytest.Item], table: Iterable[Expected], whole_files: bool) -> list[str]:
    """Turn needs and expected failures into strict xfail marks.

    Args:
        items: The collected tests.
        table: The expected failures.
        whole_files: Every test of each collected file is among the items, so an entry without a test is wrong.

    Returns:
        What is wrong with the table.
    """
    table = list(table)
    wrong = [problem for entry in table if (problem := _misspelt(entry))]
    used: set[int] = set()
    seen: set[str] = set()
    for item in items:
        callspec = getattr(item, "callspec", None)
        flavour = callspec.params.get("flavour") if callspec is not None else None
        if flavour is None:
            continue
        path = item.nodeid.partition("::")[0].removeprefix("tests/integration/")
        seen.add(path)
        name, _, parameters = item.name.partition("[")
        hits = [index for index, entry in enumerate(table) if entry.applies(f"{path}::{name}", parameters, flavour)]
        used.update(hits)
        spec: AdapterSpec = FLAVOURS[flavour].spec
        if (hangs := _missing(item, spec, HANGS)) is not None:
            item.add_marker(pytest.mark.xfail(run=False, reason=hangs[1]))
            continue
        missing = _missing(item, spec)
        failures: list[tuple[Any, str]] = []
        if missing is not None:
            failures.append((SILENT.get(missing[0], NotSupportedError), missing[1]))
        failures += [(table[hit].raises, table[hit].reason) for hit in hits]
        if len(failures) > 1:
            wrong.append(f"{item.nodeid}: {len(failures)} reasons to fail")
        elif failures:
            raises, reason = failures[0]
            item.add_marker(pytest.mark.xfail(strict=True, raises=raises, reason=reason))
    if whole_files:
        wrong += [
            f"{entry.test} on {', '.join(entry.flavours)}: no such test"
            for index, entry in enumerate(table)
            if index not in used and entry.test.partition("::")[0] in seen
        ]
    return wrong


def _misspelt(entry: Expected) -> str:
    for flavour in entry.flavours:
        if flavour not in FLAVOURS:
            return f"{entry.test}: no flavour {flavour!r}"
    if entry.cause not in ("todo", "upstream", "never") or not entry.reason:
        return f"{entry.test}: a cause (todo, upstream, never) and a reason are needed"
    return ""


def _missing(item: pytest.Item, spec: AdapterSpec, among: Collection[str] = ()) -> tuple[str, str] | None:
    """Return the first capability that a test needs and the adapter lacks, with the reason."""
    for mark in item.iter_markers("needs"):
        for capability in mark.args:
            support = getattr(spec.capabilities, capability)
            if support.level == "no" and (not among or capability in among):
                return capability, f"{capability}: {support.reason}"
    return None
