"""Every expected failure that no capability explains, in one table.

An entry that matches no test, overlaps with another, or is misspelt fails collection; one whose test passes fails it.
"""

from __future__ import annotations

from tests.integration.harness import Expected

EXPECTED: tuple[Expected, ...] = ()
