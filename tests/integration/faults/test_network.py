"""A network that cuts, resets, delays and splits: what a caller is told, what is stored, and what is left behind."""

from __future__ import annotations

import asyncio
import contextlib
import random
import zlib
from typing import Any

import psycopg
import pytest

from sqlspec.driver import _async_pool, _sync_pool
from sqlspec.exceptions import (
    CommitUnknownError,
    ConnectionTimeoutError,
    DatabaseConnectionError,
    QueryTimeoutError,
)
from tests.integration.faults.calls import CALLS, Call
from tests.integration.faults.conftest import ADAPTERS
from tests.integration.faults.proxy import BOTH, DOWN, UP, Proxy, Way
from tests.integration.harness import Flavour, needs

pytestmark = pytest.mark.only(*ADAPTERS)

LOST = (DatabaseConnectionError, CommitUnknownError)


class Bench:
    """A config whose network can be broken, and what the server says of its connections."""

    def __init__(self, flavour: Flavour, proxy: Proxy, admin: psycopg.Connection[Any]) -> None:
        self._flavour = flavour
        self._admin = admin
        self._name = f"network of {flavour.schema}"
        self.proxy = proxy
        admin.execute(f"create table {flavour.schema}.t (n int)".encode())

    def config(self, **keys: Any) -> Any:
        return self._flavour.make_config(dsn=self.proxy.dsn, application_name=self._name, **keys)

    def backends(self) -> int:
        query = "select count(*) from pg_stat_activity where application_name = %s"
        found = self._admin.execute(query, [self._name]).fetchone()
        assert found is not None
        return found[0]

    async def until_alone(self, others: int = 0) -> None:
        """Wait until the server has no more of the config's connections than those."""
        async with asyncio.timeout(10):
            while self.backends() > others:
                await asyncio.sleep(0.002)

    def notify(self, channel: str, payload: str) -> None:
        self._admin.execute("select pg_notify(%s, %s)", [channel, payload])

    def take_rows(self) -> int:
        """Return how many rows are stored, and remove them."""
        return self._admin.execute(f"delete from {self._flavour.schema}.t".encode()).rowcount


@pytest.fixture
def bench(flavour: Flavour, proxy: Proxy, admin: psycopg.Connection[Any]) -> Bench:
    return Bench(flavour, proxy, admin)


# -- connections that end in the middle ---------------------------------------------------------------------------


async def length_of(config: Any, proxy: Proxy, call: Call) -> dict[Way, int]:
    """Return how many bytes a call sends and receives on a new connection."""
    async with config.provide_session() as session:
        await session.select_value("select 1")
        before = proxy.stats
        assert sum(await call.run(session)) == call.gives
        seen = proxy.stats - before
    await config.close()
    return {UP: seen.up, DOWN: seen.down}


def breaks(length: dict[Way, int], seed: str) -> list[tuple[str, Way, int]]:
    """Return where to break a call: at both its ends and somewhere in the middle, either way."""
    chance = random.Random(zlib.crc32(seed.encode()))
    found: list[tuple[str, Way, int]] = []
    for way, total in length.items():
        places = sorted({0, chance.randrange(total), total - 1})
        found.extend((chance.choice(["cut", "reset", "half_close"]), way, place) for place in places)
    return found


@pytest.mark.promise("network: a connection that ends in the middle of a call is an error, never half an answer")
@pytest.mark.promise("network: of a call that failed with a plain connection error nothing is stored")
@pytest.mark.promise("network: a connection that broke never comes back from the pool")
@pytest.mark.parametrize("name", CALLS)
async def test_a_connection_that_ends_in_the_middle_of_a_call(bench: Bench, name: str) -> None:
    call = CALLS[name]
    for _ in range(2):  # the first call of a process may be a little longer
        length = await length_of(bench.config(max_size=1), bench.proxy, call)
        assert bench.take_rows() == call.stores
    for kind, way, place in breaks(length, name):
        config = bench.config(max_size=1)  # what another has learned of types makes a call shorter
        where = f"{kind} {way} behind {place} of {length[way]}"
        async with config.provide_session() as session:
            await session.select_value("select 1")
            getattr(bench.proxy, kind)(way, after=place, once=True)
            with pytest.raises(LOST) as caught:
                pytest.fail(f"{where}: no error, but {len(await call.run(session))} numbers")
            with pytest.raises(DatabaseConnectionError, match="the connection was lost"):
                await session.select("select 1")
        assert config.stats().size == 0, where
        await bench.until_alone()
        stored = bench.take_rows()
        assert stored in (0, call.stores), where
        if not isinstance(caught.value, CommitUnknownError):
            assert stored == 0, f"{where}: {caught.value!r}"


@pytest.mark.promise("network: a connection that ends while it is opened is a connection error, and leaves nothing")
async def test_a_connection_that_ends_while_it_is_opened(bench: Bench) -> None:
    chance = random.Random(3)
    # Every driver sends and gets more than that before it can be used.
    for way, places in ((UP, (0, 1, 20, 60)), (DOWN, (0, 1, 8, 60, 300))):
        for place in places:
            config = bench.config(max_size=2)
            getattr(bench.proxy, chance.choice(["cut", "reset"]))(way, after=place)
            with pytest.raises(DatabaseConnectionError):
                async with config.provide_session():
                    pytest.fail(f"opened without what comes {way} behind {place} bytes")
            bench.proxy.heal()
            assert config.stats().size == 0
            async with config.provide_session() as session:
                assert await session.select_value("select 1") == 1
            await config.close()
    await bench.until_alone()


@pytest.mark.promise("network: a port that refuses connections is an error at once, for everyone who waits")
async def test_a_port_that_refuses(bench: Bench) -> None:
    config = bench.config(max_size=2, acquire_timeout=60)

    async def use() -> int:
        async with config.provide_session() as session:
            value: int = await session.select_value("select 1")
            return value

    bench.proxy.refuse()
    tasks = [asyncio.create_task(use()) for _ in range(8)]
    async with asyncio.timeout(30):
        failures = await asyncio.gather(*tasks, return_exceptions=True)
    assert {type(failure) for failure in failures} == {DatabaseConnectionError}
    stats = config.stats()
    assert (stats.size, stats.waiting) == (0, 0)
    bench.proxy.heal()
    assert await asyncio.gather(*(asyncio.create_task(use()) for _ in range(8))) == [1] * 8


@pytest.mark.promise("network: when all idle connections are reset at once, nobody who comes next gets one of them")
@pytest.mark.parametrize("kind", ["cut", "reset"])
async def test_idle_connections_that_end_all_at_once(bench: Bench, trusted_never: None, kind: str) -> None:
    config = bench.config(max_size=3)

    async def use_all() -> None:
        async with config.provide_session() as one, config.provide_session() as two, config.provide_session() as three:
            for session in (one, two, three):
                assert await session.select_value("select 1") == 1

    await use_all()
    getattr(bench.proxy, kind)()
    await use_all()
    assert (config.stats().opened, config.stats().size) == (6, 3)
    await bench.until_alone(3)


# -- connections that are slow ------------------------------------------------------------------------------------


@pytest.mark.promise("network: one byte at a time, or late, every answer is still whole")
@pytest.mark.parametrize("kind", ["trickle", "delay"])
async def test_every_answer_is_whole_however_it_comes(bench: Bench, kind: str) -> None:
    config = bench.config(max_size=1)
    for name, call in CALLS.items():
        async with config.provide_session() as session:
            await session.select_value("select 1")
            if kind == "trickle":
                bench.proxy.trickle()
            else:
                bench.proxy.delay(0.002)
            assert sum(await call.run(session)) == call.gives, name
            bench.proxy.heal()
        assert bench.take_rows() == call.stores, name
    config = bench.config(max_size=1)  # connecting too
    getattr(bench.proxy, kind)(*([0.002] if kind == "delay" else []))
    async with config.provide_session() as session:
        assert await session.select_value("select 1") == 1
    assert config.stats().opened == 1


# -- connections that are silent ----------------------------------------------------------------------------------


@needs("concurrent_calls")
@pytest.mark.promise("network: a call with a limit ends soon after it when the network is silent")
@pytest.mark.parametrize("way", [DOWN, BOTH])
async def test_a_limit_in_a_silent_network(bench: Bench, short_grace: None, way: Way) -> None:
    config = bench.config(max_size=len(CALLS))
    held = asyncio.Event()
    ready = asyncio.Semaphore(0)

    async def use(call: Call) -> Any:
        async with config.provide_session(timeout=0.2) as session:
            await session.select_value("select 1", timeout=10)
            ready.release()
            await held.wait()
            return await call.run(session)

    async with asyncio.timeout(20):
        tasks = [asyncio.create_task(use(call)) for call in CALLS.values()]
        for _ in tasks:
            await ready.acquire()
        bench.proxy.hold(way)
        held.set()
        ends = dict(zip(CALLS, await asyncio.gather(*tasks, return_exceptions=True), strict=True))
    for name, end in ends.items():
        assert isinstance(end, (QueryTimeoutError, CommitUnknownError)), f"{name}: {end!r}"
        assert isinstance(end, QueryTimeoutError) or CALLS[name].stores, f"{name}: {end!r}"
    bench.proxy.heal()
    await bench.until_alone()
    async with contextlib.AsyncExitStack() as stack:
        for number in range(len(CALLS)):
            session = await stack.enter_async_context(config.provide_session())
            assert await session.select_value("select $1::int", number) == number


@needs("concurrent_calls")
@pytest.mark.promise("network: connecting ends at connect_timeout when the network is silent, and leaves nothing")
async def test_connecting_through_a_silent_network(bench: Bench) -> None:
    lengths = []
    for _ in range(2):  # the first one may be used to try the driver
        async with bench.config() as config:
            before = bench.proxy.stats
            async with config.provide_session():
                lengths.append((bench.proxy.stats - before).down)
    config = bench.config(connect_timeout=1)
    bench.proxy.hold(DOWN, after=lengths[1] - 10)
    async with asyncio.timeout(15):
        with pytest.raises(ConnectionTimeoutError):
            async with config.provide_session():
                pytest.fail("opened without the last of what the server sends")
    bench.proxy.heal()
    assert config.stats().size == 0
    async with config.provide_session() as session:
        assert await session.select_value("select 1") == 1
    await config.close()
    await bench.until_alone()


@needs("concurrent_calls")
@pytest.mark.promise("network: an idle connection that has gone silent is replaced before it is used")
async def test_an_idle_connection_that_has_gone_silent(
    bench: Bench, trusted_never: None, short_grace: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (_async_pool, _sync_pool):
        monkeypatch.setattr(module, "PING_LIMIT", 0.2)
    config = bench.config(max_size=1)
    async with config.provide_session() as session:
        await session.select_value("select 1")
    bench.proxy.hold(after=0, once=True)  # the one that asks whether it is alive
    async with asyncio.timeout(10), config.provide_session() as session:
        assert await session.select_value("select 2") == 2
    assert (config.stats().opened, config.stats().size) == (2, 1)
    bench.proxy.heal()
    await bench.until_alone(1)


@needs("concurrent_calls")
@pytest.mark.promise("network: giving back and closing hold nobody up when the network is silent")
async def test_giving_back_and_closing_in_a_silent_network(
    bench: Bench, short_grace: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (_async_pool, _sync_pool):
        monkeypatch.setattr(module, "RESET_LIMIT", 0.2)
    config = bench.config(max_size=2)
    async with asyncio.timeout(10):
        async with config.provide_session() as dirty, config.provide_session() as clean:
            await dirty.execute("set work_mem = '7MB'")
            await clean.select_value("select 1")
            bench.proxy.hold()
        while config.stats().size > 1:  # the one that could not be reset is closed
            await asyncio.sleep(0.005)
        assert config.stats().resetting == 0
        await config.close(0.2)
        assert config.stats().size == 0
    bench.proxy.heal()
    await bench.until_alone()


# -- listeners ----------------------------------------------------------------------------------------------------


@needs("listen")
@pytest.mark.promise("network: a listener whose connection ends connects again and tells of the gap")
async def test_a_listener_whose_connection_ends(bench: Bench) -> None:
    gaps: list[int] = []
    config = bench.config()
    async with asyncio.timeout(30), config.listen("c", on_gap=lambda: gaps.append(1)) as notes:
        reading = asyncio.create_task(_first(notes))
        for number, kind in enumerate(("cut", "reset", "half_close"), 1):
            getattr(bench.proxy, kind)()
            while len(gaps) < number:
                await asyncio.sleep(0.005)
        await bench.until_alone(1)
        bench.notify("c", "after three gaps")
        assert (await reading).payload == "after three gaps"
    await bench.until_alone()


async def _first(notes: Any) -> Any:
    async for note in notes:
        return note
    raise AssertionError("the listener ended")
