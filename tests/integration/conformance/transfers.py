"""Bank transfers under contention. Also a program, for a driver whose calls need a process each."""

from __future__ import annotations

import asyncio
import json
import random
import sys
from typing import Any

from tests.integration.harness import Flavour

__all__ = ("ACCOUNTS", "START", "in_process", "transfer_all")

ACCOUNTS = 4
START = 100


async def transfer_all(config: Any, seed: int, count: int) -> int:
    """Move money between accounts, each time in a serializable transaction of its own.

    Args:
        config: Where the accounts are.
        seed: What is moved depends on it.
        count: Number of transfers.

    Returns:
        Number of attempts.
    """
    chance = random.Random(seed)
    attempts = 0

    async def transfer(session: Any) -> None:
        nonlocal attempts
        attempts += 1
        balances = dict(await session.select("select id, balance from account", schema_type=tuple))
        amount = min(amount_wanted, balances[source])
        for account, change in ((source, -amount), (target, amount)):
            await session.execute(
                "update account set balance = $1, moves = moves + 1 where id = $2", balances[account] + change, account
            )

    async with config.provide_session() as session:
        for _ in range(count):
            source, target = chance.sample(range(ACCOUNTS), 2)
            amount_wanted = chance.randrange(1, 20)
            await session.run_in_transaction(transfer, isolation="serializable", retries=1000)
    return attempts


async def in_process(flavour: str, dsn: str, schema: str, seed: int, count: int, start: asyncio.Barrier) -> int:
    """Do the same in a process of its own, from the moment at which all others are ready too."""
    given = json.dumps([flavour, dsn, schema, seed, count])
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", __name__, given, stdin=pipe, stdout=pipe)
    assert process.stdout is not None
    assert await process.stdout.readline() == b"ready\n"
    await start.wait()
    output, _ = await process.communicate(b"go\n")
    assert process.returncode == 0
    return int(output)


async def _main() -> None:
    name, dsn, schema, seed, count = json.loads(sys.argv[1])
    flavour = Flavour(name, dsn, schema)
    config = flavour.make_config()
    async with config.provide_session() as session:
        await session.select_value("select 1")
    print("ready", flush=True)
    sys.stdin.readline()
    print(await transfer_all(config, seed, count))
    await flavour.close()


if __name__ == "__main__":
    asyncio.run(_main())
