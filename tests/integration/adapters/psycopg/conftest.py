"""The bare driver, to show each trap on it before the adapter closes it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest


@pytest.fixture
def raw(dsn: str) -> Iterator[Any]:
    """Not told the types of parameters, as every connection of the driver; `$1` in place of `%s`."""
    connection: Any = psycopg.connect(dsn, autocommit=True, cursor_factory=psycopg.RawCursor)
    yield connection
    connection.close()
