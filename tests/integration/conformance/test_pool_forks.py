"""Processes that are forked while connections are open: the parent's are not touched, the child is told."""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.integration.harness import FLAVOURS, Flavour

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork"),
    pytest.mark.only(*(name for name in FLAVOURS if name != "stub")),
]

ROOT = Path(__file__).parents[3]

# The sync program is made of this one, as `tools/unasync.py` makes the sync package. Each fork is a chapter; what
# parent and child have to say in it goes to the standard output, a line of JSON each.
PROGRAM = '''
import asyncio, gc, importlib, inspect, json, os, sys

module, name, dsn = sys.argv[1:]
Config = getattr(importlib.import_module(module), name)
settings = {"dsn": dsn, "max_size": 3}
PID = "select pg_backend_pid()"


def say(chapter, who, what):
    os.write(1, json.dumps([chapter, who, what]).encode() + b"\\n")


def end(chapter, child):
    say(chapter, "exit", os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))


async def tell(chapter, who, operation):
    try:
        value = await operation()
    except Exception as error:
        value = f"{type(error).__name__}: {error}"
    say(chapter, who, value)


async def pid_of(config):
    async with config.provide_session() as session:
        return await session.select_value(PID)


async def enter(scope):
    async with scope:
        return "entered"


async def first(stream):
    async for row in stream:
        return row


async def own():
    async with Config(settings) as config:
        return await pid_of(config) > 0


def run_anew(function, *args):
    """Run in an event loop of its own, which no fork has seen."""
    call = function(*args)
    return asyncio.run(call) if inspect.iscoroutine(call) else call


# Nothing is open yet: each process may use the config, and has connections of its own.
config = Config(settings)
child = os.fork()
if child == 0:
    run_anew(tell, "unused", "child", own)
    os._exit(7)
end("unused", child)
run_anew(tell, "unused", "parent", own)

loop = asyncio.new_event_loop()


def run(call):
    return loop.run_until_complete(call) if inspect.iscoroutine(call) else call


async def fork_in_scopes():
    config = Config(settings)
    async with config.provide_session() as session, config.provide_session() as second:
        pids = {await session.select_value(PID), await second.select_value(PID)}
        async with second.select_stream("select generate_series(1, 5)", chunk_size=1) as stream:
            async with session.transaction():
                await session.execute("create temp table kept on commit drop as select 1 as n")
                child = os.fork()
                if child == 0:
                    await tell("scopes", "select", lambda: session.select("select 1"))
                    await tell("scopes", "script", lambda: session.execute_script("drop table kept"))
                    await tell("scopes", "begin", session.begin)
                    await tell("scopes", "stream", lambda: first(stream))
                    await tell("scopes", "provide_session", lambda: enter(config.provide_session()))
                    await tell("scopes", "provide_connection", lambda: enter(config.provide_connection()))
                    await tell("scopes", "open", config.open)
                else:
                    end("scopes", child)
                    await tell("scopes", "kept", lambda: session.select_value("select n from kept"))
        if child:
            assert {await session.select_value(PID), await second.select_value(PID)} == pids
    if child == 0:
        await tell("scopes", "close", config.close)
        await tell("scopes", "after close", lambda: enter(config.provide_session()))
        del config, session, second, stream
        gc.collect()
        os._exit(7)
    assert await pid_of(config) in pids
    await config.close()
    say("scopes", "opened", config.stats().opened)


run(fork_in_scopes())

# The child comes to its end as any program does, and lets go of everything.
config = Config(settings)
scope = config.provide_session()
session = run(scope.__aenter__())
pid = run(session.select_value(PID))
child = os.fork()
if child == 0:
    del config, scope, session
    gc.collect()
    sys.exit(7)
end("end", child)
say("end", "session", run(session.select_value(PID)) == pid)

# A config of its own.
child = os.fork()
if child == 0:
    run_anew(tell, "own", "child", own)
    os._exit(7)
end("own", child)
say("own", "session", run(session.select_value(PID)) == pid)
run(scope.__aexit__(None, None, None))
run(config.close())
'''

PARENTS = re.compile(
    r"OperationalError: cannot call \w+\(\): the session belongs to the process that this one was forked"
)
ELSEWHERE = re.compile(
    r"OperationalError: cannot take a connection: the pool was opened in another event loop or process"
)

_told: dict[str, dict[tuple[str, str], Any]] = {}


def as_sync(program: str) -> str:
    program = re.sub(r"\b(async|await) ", "", program)
    return re.sub(r"\b__a(enter|exit)__", lambda found: f"__{found[1]}__", program)


@pytest.fixture
async def told(flavour: Flavour, dsn: str) -> dict[tuple[str, str], Any]:
    """What parent and children have said, by chapter and person. The program runs once for each flavour."""
    if flavour.name not in _told:
        kind = flavour.config_class
        program = as_sync(PROGRAM) if flavour.is_sync else PROGRAM
        command = [sys.executable, "-W", "ignore::DeprecationWarning", "-c", program]
        ended = await asyncio.to_thread(
            subprocess.run,
            [*command, kind.__module__, kind.__name__, dsn],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            cwd=ROOT,
        )
        assert (ended.returncode, ended.stderr) == (0, ""), ended.stdout + ended.stderr
        lines = (json.loads(line) for line in ended.stdout.splitlines())
        _told[flavour.name] = {(chapter, who): what for chapter, who, what in lines}
    return _told[flavour.name]


@pytest.mark.promise("pool: a forked process is told that a session it inherited is its parent's")
@pytest.mark.parametrize("call", ["select", "script", "begin", "stream"])
async def test_an_inherited_session_refuses_every_call(told: Any, call: str) -> None:
    assert PARENTS.match(told["scopes", call]), told["scopes", call]


@pytest.mark.promise("pool: a forked process is told that a config in use is its parent's")
@pytest.mark.parametrize("call", ["provide_session", "provide_connection", "open", "after close"])
async def test_an_inherited_pool_lends_nothing(told: Any, call: str) -> None:
    assert ELSEWHERE.match(told["scopes", call]), told["scopes", call]


@pytest.mark.promise("pool: a forked process that leaves its scopes or closes its config takes nothing from its parent")
async def test_leaving_and_closing_in_a_child_does_not_touch_the_parent(told: Any) -> None:
    assert told["scopes", "close"] is None
    assert told["scopes", "exit"] == 7
    assert told["scopes", "kept"] == 1, "the parent's transaction has ended"
    assert told["scopes", "opened"] == 2


@pytest.mark.promise("pool: a forked process that ends takes nothing from its parent")
async def test_the_end_of_a_child_does_not_touch_the_parent(told: Any) -> None:
    assert told["end", "exit"] == 7
    assert told["end", "session"] is True


@pytest.mark.promise("pool: a config that was not used before a fork works on both sides of it")
async def test_a_config_that_was_not_used_before_the_fork(told: Any) -> None:
    assert told["unused", "child"] is True
    assert told["unused", "parent"] is True


@pytest.mark.promise("pool: a forked process can make a config of its own")
async def test_a_config_of_its_own(told: Any) -> None:
    assert (told["own", "exit"], told["own", "session"]) == (7, True)
    assert told["own", "child"] is True, told["own", "child"]


@pytest.mark.only("psqlpy", "pyro")
async def test_a_driver_whose_threads_have_stayed_behind_is_refused(told: Any, flavour: Flavour) -> None:
    assert told["own", "child"] == (
        f"OperationalError: cannot connect: {flavour.spec.name} was in use before this process was forked, and its "
        'threads have stayed behind; start processes with the method "spawn" or "forkserver", or fork before the '
        "adapter is imported"
    )
