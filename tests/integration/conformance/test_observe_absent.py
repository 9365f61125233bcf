"""Without observers nothing of them is entered, from the checkout to the return, and nothing of theirs is imported."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
import types
from typing import Any

OBSERVING = ("core/observe.py", "_observed.py", "/observability/")


async def entered(config: Any) -> set[str]:
    """Return the files of ours that a session enters in its life."""
    files: set[str] = set()

    def note(frame: types.FrameType, event: str, argument: Any) -> None:
        if event == "call":
            files.add(frame.f_code.co_filename)

    threading.setprofile(note)  # a sync session works in a thread of its own
    sys.setprofile(note)
    try:
        async with config.provide_session() as session:
            await session.select("select $1::int4 as n", 1)
            await session.execute_script("select 1; select 2")
            async with session.transaction():
                await session.execute("select 1")
        async with config.provide_connection():
            pass
    finally:
        sys.setprofile(None)
        threading.setprofile(None)
    return {name for name in files if any(part in name for part in OBSERVING)}


async def test_a_session_without_observers_enters_nothing_of_them(flavour: Any) -> None:
    # Each in a task of its own: a sync session then works in a thread that was started under the profiler.
    plain, observed = flavour.make_config(), flavour.make_config(observers=[lambda _: None])
    assert await asyncio.create_task(entered(plain)) == set()
    assert await asyncio.create_task(entered(observed)) != set()


def test_nothing_is_imported_for_observers_that_are_not_there() -> None:
    code = (
        "import sys, sqlspec, sqlspec.adapters.asyncpg, sqlspec.adapters.psycopg; "
        "print(sorted(name for name in sys.modules "
        "if name.startswith(('opentelemetry', 'prometheus_client', 'sqlspec.observability'))))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
