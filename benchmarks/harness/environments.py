"""Virtual environments for the contestants that are no part of this package, and for the plots."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

__all__ = ("ROOT", "EnvironmentFailedError", "import_path", "pinned", "python_with")

ROOT = Path(__file__).resolve().parents[2]
ENVIRONMENTS = ROOT / ".venvs"
LOG_LINES = 5
NAME = re.compile(r"[\w.-]+")


class EnvironmentFailedError(Exception):
    """The packages could not be installed; the message is the end of what pip said."""


def pinned(package: str) -> str:
    """Return a requirement with its version: that of this process, if none is given."""
    if "==" in package:
        return package
    match = NAME.match(package)
    assert match is not None, package
    return f"{package}=={version(match[0])}"


def python_with(name: str, packages: tuple[str, ...]) -> Path:
    """Return an interpreter that has these packages.

    An environment is made once, and again when what it should hold has changed. Without packages it is this process's.

    Args:
        name: What tells the environment from others.
        packages: Requirements; one without a version gets that of this process.

    Raises:
        EnvironmentFailedError: There is no such package for this platform, or no network.
    """
    if not packages:
        return Path(sys.executable)
    wanted = [pinned(package) for package in packages]
    folder = ENVIRONMENTS / name
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


def import_path() -> Path:
    """Return a folder from which `benchmarks` can be imported and nothing else.

    In the root of the project stands this package, whose name another contestant has too.
    """
    folder = ENVIRONMENTS / "import"
    folder.mkdir(parents=True, exist_ok=True)
    link = folder / "benchmarks"
    if not link.exists():
        link.unlink(missing_ok=True)
        link.symlink_to(os.path.relpath(ROOT / "benchmarks", folder), target_is_directory=True)
    return folder


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise EnvironmentFailedError("\n".join((done.stderr or done.stdout).strip().splitlines()[-LOG_LINES:]))
