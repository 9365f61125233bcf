"""The public API seen by a type checker: right where it should be, wrong where it should be."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

SOURCE = Path(__file__).with_name("public_api.py")
ROOT = Path(__file__).parents[3]


def test_types_are_inferred_and_misuse_is_refused(tmp_path: Path) -> None:
    # A copy outside the tree is checked as a user's file would be, with the package as installed.
    user_file = tmp_path / "user.py"
    user_file.write_text(SOURCE.read_text(encoding="utf-8"), encoding="utf-8")
    command = [sys.executable, "-m", "mypy", "--strict", "--no-error-summary", "--show-error-codes"]
    command += [
        "--hide-error-context",
        "--cache-dir",
        str(tmp_path / "cache"),
        "--config-file",
        str(ROOT / "pyproject.toml"),
    ]
    shown = subprocess.run([*command, str(user_file)], capture_output=True, text=True, cwd=ROOT, check=False)
    found = {
        (int(line), code)
        for line, code in re.findall(r"user\.py:(\d+): error: .*\[([a-z-]+)\]$", shown.stdout, re.MULTILINE)
    }
    lines = SOURCE.read_text(encoding="utf-8").splitlines()
    expected = {
        (number, match[1])
        for number, line in enumerate(lines, 1)
        if (match := re.search(r"# error: \[([a-z-]+)\]", line))
    }
    assert found == expected, shown.stdout + shown.stderr
    assert len(expected) >= 7
