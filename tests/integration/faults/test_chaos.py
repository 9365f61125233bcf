"""Workers on every flavour while network and server fail at random; `tools/chaos.py` runs as long as you like."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration.faults.conftest import ADAPTERS
from tests.integration.harness import Flavour

ROOT = Path(__file__).resolve().parents[3]

SECONDS = os.environ.get("SQLSPEC_CHAOS_SECONDS", "6")
SEED = "8"


@pytest.mark.only(*ADAPTERS)
@pytest.mark.timeout(100 + float(SECONDS))
@pytest.mark.promise("network: while faults strike at random, no acknowledged write is lost and none is stored twice")
@pytest.mark.promise("network: while faults strike at random, nobody reads a row that is wrong or of somebody else")
@pytest.mark.promise("transactions: while faults strike at random, of a transaction all is stored or nothing")
@pytest.mark.promise("timeouts: while faults strike at random, no call takes five seconds longer than its limits")
@pytest.mark.promise("pool: two seconds after the last of many faults all connections work again")
@pytest.mark.promise("pool: after many faults a closed pool leaves no connection, file, task or thread behind")
def test_chaos(flavour: Flavour) -> None:
    # Where each worker needs a process of its own, there are fewer of them.
    workers = 32 if flavour.spec.capabilities.concurrent_calls else 8
    done = subprocess.run(
        [
            *(sys.executable, str(ROOT / "tools" / "chaos.py"), "--flavour", flavour.name),
            *("--seconds", SECONDS, "--seed", SEED, "--workers", str(workers), "--restart-every", "3"),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    print(done.stdout)
    assert done.returncode == 0, done.stdout
