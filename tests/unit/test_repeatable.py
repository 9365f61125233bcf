"""What Hypothesis makes up depends on a test alone, not on the modules that are loaded or on the order of the tests."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.conftest import PROFILE

ROOT = Path(__file__).resolve().parents[2]

_MAKES_UP = """
import sys
{before}
import tests.conftest
from hypothesis import given, strategies as st
found = []

@given(st.integers(), st.text())
def test(number, text):
    found.append((number, text))

test()
print(found)
"""


def made_up(before: str) -> str:
    command = [sys.executable, "-c", _MAKES_UP.format(before=before)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout


def test_examples_do_not_depend_on_what_is_loaded() -> None:
    assert PROFILE != "default" or made_up("") == made_up("import sqlspec.postgres.codec.numeric, tools.chaos")
