from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from sqlspec.exceptions import (
    DatabaseConnectionError,
    NotSupportedError,
    OperationalError,
    ParameterError,
    SQLSpecError,
)
from tests.integration.harness import Flavour, needs


async def read(notes: Any, count: int) -> list[Any]:
    """Read as many notifications, within a time that is never needed."""
    seen = []
    async for note in notes:
        seen.append(note)
        if len(seen) == count:
            break
    return seen


async def soon(coroutine: Any) -> Any:
    return await asyncio.wait_for(coroutine, 10)


async def until(condition: Callable[[], object]) -> None:
    """Wait for something that the server is about to do."""
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.002)


def backends(admin: psycopg.Connection[Any], name: str) -> list[int]:
    found = admin.execute("select pid from pg_stat_activity where application_name = %s", [name])
    return [pid for (pid,) in found]


async def test_without_a_listener_a_notification_goes_nowhere(session: Any) -> None:
    await session.notify("nobody")
    await session.notify("nobody", "payload")
    assert await session.select_value("select 1") == 1


@needs("listen")
async def test_channel_payload_and_sender_arrive(session: Any, config: Any) -> None:
    pid = await session.select_value("select pg_backend_pid()")
    async with config.listen("orders") as notes:
        await session.notify("orders", "héllo 'quoted' \\ $1")
        await session.notify("orders")
        first, second = await soon(read(notes, 2))
    assert (first.channel, first.payload, first.pid) == ("orders", "héllo 'quoted' \\ $1", pid)
    assert tuple(second) == ("orders", "", pid)


@needs("listen")
async def test_names_of_channels_are_kept_as_written(session: Any, config: Any) -> None:
    names = ["orders", "Orders", "Mixed Case", 'with "quotes"', "ünï", "select", "x" * 63]
    async with config.listen(*names) as notes:
        for name in [*names, "other"]:
            await session.notify(name, f"to {name}")
        await session.notify("orders", "end")
        seen = await soon(read(notes, len(names) + 1))
    assert [(note.channel, note.payload) for note in seen] == [
        *((name, f"to {name}") for name in names),
        ("orders", "end"),
    ]


@needs("listen")
async def test_a_channel_named_twice_is_heard_once(session: Any, config: Any) -> None:
    async with config.listen("a", "a") as notes:
        await session.notify("a", "1")
        await session.notify("a", "2")
        assert [note.payload for note in await soon(read(notes, 2))] == ["1", "2"]


@needs("listen")
async def test_a_transaction_delivers_at_commit_or_never(session: Any, config: Any) -> None:
    async with config.listen("t") as notes:
        with pytest.raises(KeyError):
            async with session.transaction():
                await session.notify("t", "rolled back")
                raise KeyError
        async with config.provide_session() as other, session.transaction():
            await session.notify("t", "second")
            await other.notify("t", "first")
        await session.notify("t", "third")
        assert [note.payload for note in await soon(read(notes, 3))] == ["first", "second", "third"]


@needs("listen")
async def test_nothing_is_lost_between_two_iterations(session: Any, config: Any) -> None:
    async with config.listen("t") as notes:
        for number in range(50):
            await session.notify("t", str(number))
        seen = []
        for size in (1, 9, 15, 25):
            seen += await soon(read(notes, size))
        assert [int(note.payload) for note in seen] == list(range(50))


@needs("listen")
async def test_a_lost_connection_is_made_anew_and_the_gap_is_told(
    flavour: Flavour, admin: psycopg.Connection[Any]
) -> None:
    name = f"listener of {flavour.schema}"
    config = flavour.make_config(application_name=name)
    loop, gap, seen, heard = asyncio.get_running_loop(), asyncio.Event(), [], asyncio.Event()

    async def collect(notes: Any) -> None:
        async for note in notes:
            seen.append(note.payload)
            heard.set()

    def on_gap() -> None:
        loop.call_soon_threadsafe(gap.set)

    async with config.listen("t", on_gap=on_gap) as notes:
        reading = asyncio.create_task(collect(notes))
        for round_ in range(2):
            admin.execute("select pg_notify('t', %s)", [f"before {round_}"])
            await soon(heard.wait())
            (pid,) = backends(admin, name)
            admin.execute("select pg_terminate_backend(%s, 5000)", [pid])
            await soon(gap.wait())
            gap.clear()
            heard.clear()
            assert notes.gaps == round_ + 1
        admin.execute("select pg_notify('t', 'after')")
        await soon(heard.wait())
    await soon(reading)
    assert seen == ["before 0", "before 1", "after"]


@needs("listen")
async def test_closing_ends_the_iteration_and_the_connection(flavour: Flavour, admin: psycopg.Connection[Any]) -> None:
    name = f"listener of {flavour.schema}"
    config = flavour.make_config(application_name=name)
    async with config.listen("t") as notes:
        reading = asyncio.create_task(read(notes, 5))
        admin.execute("select pg_notify('t', 'one')")
        await notes.close()
        assert len(await soon(reading)) <= 1
        await notes.close()
        assert await soon(read(notes, 1)) == []
    await until(lambda: not backends(admin, name))
    assert notes.gaps == 0


@needs("listen")
async def test_leaving_early_closes_the_connection(flavour: Flavour, admin: psycopg.Connection[Any]) -> None:
    name = f"listener of {flavour.schema}"
    async with flavour.make_config(application_name=name).listen("t") as notes:
        admin.execute("select pg_notify('t', 'one')")
        iterator = aiter(notes)
        assert (await soon(anext(iterator))).payload == "one"
    await until(lambda: not backends(admin, name))
    await iterator.aclose()


@needs("listen")
async def test_listening_takes_no_connection_from_the_pool(flavour: Flavour) -> None:
    config = flavour.make_config(max_size=1)
    async with config.listen("a") as one, config.listen("a") as two, config.provide_session() as session:
        await session.notify("a", "x")
        assert [note.payload for notes in (one, two) for note in await soon(read(notes, 1))] == ["x", "x"]
        assert config.stats().size == 1


@needs("listen")
async def test_an_unopened_listener_says_so(config: Any) -> None:
    with pytest.raises(OperationalError, match="not open; use it inside its `with` block"):
        await read(config.listen("t"), 1)


@needs("listen")
async def test_an_unreachable_server_is_an_error_on_entering(flavour: Flavour) -> None:
    with pytest.raises(DatabaseConnectionError, match="cannot connect"):
        async with flavour.make_config(dsn="postgresql://nobody@127.0.0.1:1/db").listen("t"):
            pass


@pytest.mark.parametrize("channels", [(), ("x" * 64,), ("é" * 32,), ("",), ("a\0b",), ("fine", "")])
async def test_impossible_channels_are_refused_at_once(config: Any, channels: tuple[str, ...]) -> None:
    with pytest.raises(ParameterError):
        config.listen(*channels)


async def test_what_an_adapter_cannot_do_is_refused_with_the_reason(flavour: Flavour, config: Any) -> None:
    support = flavour.spec.capabilities.listen
    if support:
        assert config.listen("t") is not None
    else:
        with pytest.raises(NotSupportedError, match=support.reason):
            config.listen("t")


async def test_a_payload_that_is_too_long_is_an_error(session: Any) -> None:
    with pytest.raises(SQLSpecError):
        await session.notify("t", "x" * 8000)
    await session.notify("t", "x" * 7999)
