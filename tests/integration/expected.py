"""Every expected failure that no capability explains, in one table.

An entry that matches no test, overlaps with another, or is misspelt fails collection; one whose test passes fails it.
"""

from __future__ import annotations

from sqlspec.exceptions import DatabaseConnectionError
from tests.integration.harness import Expected

EXPECTED: tuple[Expected, ...] = (
    Expected(
        ("stub",),
        "conformance/test_script.py::test_a_script_that_is_cut_short_between_begin_and_commit_leaves_no_transaction",
        DatabaseConnectionError,
        "never",
        "a driver that tells no transaction status: where the script was stopped is unknown, so the connection goes",
    ),
    Expected(
        ("asyncpg",),
        "conformance/test_values.py::test_composites_without_registration",
        AssertionError,
        "todo",
        "composites are read as the driver's Record",
    ),
)
