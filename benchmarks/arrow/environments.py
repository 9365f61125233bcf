"""Virtual environments for the contestants that are no part of this package, and for the plot."""

from __future__ import annotations

import shutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

__all__ = ("EnvironmentFailedError", "python_with")

ROOT = Path(__file__).resolve().parents[2]
ENVIRONMENTS = ROOT / ".venvs"
LOG_LINES = 5
ALWAYS = ("pyarrow", "numpy")


class EnvironmentFailedError(Exception):
    """The packages could not be installed; the message is the end of what pip said."""


def python_with(packages: tuple[str, ...]) -> Path:
    """Return an interpreter that has these packages, and pyarrow and numpy in the versions of this process.

    An environment is made once, and again when what it should hold has changed. Without packages it is this process's.

    Raises:
        EnvironmentFailedError: There is no such package for this platform, or no network.
    """
    if not packages:
        return Path(sys.executable)
    wanted = [*(f"{name}=={version(name)}" for name in ALWAYS), *packages]
    folder = ENVIRONMENTS / packages[0].partition("=")[0]
    python = folder / "bin" / "python"
    stamp = folder / ".installed"
    content = "\n".join([sys.version, *wanted])
    if stamp.exists() and stamp.read_text(encoding="utf-8") == content:
        return python
    shutil.rmtree(folder, ignore_errors=True)
    _run(sys.executable, "-m", "venv", str(folder))
    _run(str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *wanted)
    stamp.write_text(content, encoding="utf-8")
    return python


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise EnvironmentFailedError("\n".join((done.stderr or done.stdout).strip().splitlines()[-LOG_LINES:]))
