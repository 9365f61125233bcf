"""Some hundred random calls on every flavour; `tools/fuzz_session.py` makes as many as you like."""

from __future__ import annotations

import faulthandler
import sys
from typing import Any

import psycopg
import pytest

from tests.integration.fuzz.statements import SCHEMA, Report, fuzz, left_behind
from tests.integration.harness import FLAVOURS, Flavour

HANG = 60


async def run(
    flavour: Flavour,
    admin: psycopg.Connection[Any],
    capfd: pytest.CaptureFixture[str],
    *,
    size: int,
    statements: int = 250,
    cancels: bool = False,
    cuts: bool = False,
) -> Report:
    name = f"fuzz of {flavour.schema}"
    config = flavour.make_config(max_size=size, application_name=name)
    async with config.provide_session() as session:
        await session.execute_script(SCHEMA)
    # A driver that waits with the interpreter's lock held stops every timer of Python's own, so the process must go.
    with capfd.disabled():
        faulthandler.dump_traceback_later(HANG, exit=True, file=sys.__stderr__ or sys.stderr)
        try:
            report = await fuzz(
                config,
                flavour.spec,
                statements=statements,
                seed=size,
                workers=1 if size == 1 else 6,
                cancels=cancels,
                cuts=cuts,
            )
        finally:
            faulthandler.cancel_dump_traceback_later()
    with psycopg.connect(admin.info.dsn, options=f"-c search_path={flavour.schema}", autocommit=True) as beside:
        wrong = report.wrong + await left_behind(beside, config, name, report)
    assert wrong == []
    assert report.statements >= statements
    return report


@pytest.mark.parametrize("size", [1, 4])
async def test_random_calls(
    flavour: Flavour, admin: psycopg.Connection[Any], capfd: pytest.CaptureFixture[str], size: int
) -> None:
    report = await run(flavour, admin, capfd, size=size)
    assert report.errors > 10


@pytest.mark.only(*(name for name in FLAVOURS if name != "stub"))
@pytest.mark.promise("cancellation: a call that is stopped at a random moment leaves nothing to the next one")
@pytest.mark.promise("cancellation: a write that is stopped is stored whole or not at all")
async def test_calls_that_are_stopped_at_any_moment(
    flavour: Flavour, admin: psycopg.Connection[Any], capfd: pytest.CaptureFixture[str]
) -> None:
    report = await run(flavour, admin, capfd, size=4, statements=300, cuts=True)
    # How many fail by themselves before they are stopped is the machine's affair.
    assert report.stopped > 20


@pytest.mark.parametrize("size", [1, 4])
async def test_random_calls_that_are_stopped(
    flavour: Flavour, admin: psycopg.Connection[Any], capfd: pytest.CaptureFixture[str], size: int
) -> None:
    report = await run(flavour, admin, capfd, cancels=True, size=size)
    assert report.errors > 10
