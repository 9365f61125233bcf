"""An adapter whose driver is not installed says what to install."""

from __future__ import annotations

import subprocess
import sys

import pytest

SCRIPT = """
import sys
sys.modules["{package}"] = None  # as if it were not installed
from sqlspec.exceptions import MissingDependencyError
try:
    import sqlspec.adapters.{adapter}
except MissingDependencyError as error:
    print(error, error.extra, sep="|")
"""


@pytest.mark.parametrize(
    ("adapter", "package", "extra"),
    [
        ("asyncpg", "asyncpg", "asyncpg"),
        ("psycopg", "psycopg", "psycopg"),
        ("psqlpy", "psqlpy", "psqlpy"),
        ("pyro_postgres", "pyro_postgres", "pyro"),
    ],
)
def test_a_driver_that_is_missing(adapter: str, package: str, extra: str) -> None:
    script = SCRIPT.format(adapter=adapter, package=package)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False)
    message, told = done.stdout.strip().split("|")
    assert message.startswith("cannot import ")
    assert message.endswith(f"it is not installed; run: pip install 'sqlspec[{extra}]'")
    assert told == extra
