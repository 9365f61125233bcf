"""The command `sqlspec`: load, export, copy, query, ping and doctor, from a terminal or a script."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ("main",)


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and end the program with its exit status.

    Args:
        arguments: What stands behind the name of the program; by default that of the process.
    """
    try:
        status = _status(list(sys.argv[1:] if arguments is None else arguments))
    except KeyboardInterrupt:  # while modules are imported
        status = 130
    sys.exit(status)


def _status(arguments: list[str]) -> int:
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:  # closed by whoever started the program
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115 - until the end
    try:
        import click  # noqa: F401 - both belong to the extra
        import rich  # noqa: F401
    except ImportError as error:
        sys.stderr.write(f"cannot import {error.name}: it is not installed; run: pip install 'sqlspec[cli]'\n")
        return 2
    from sqlspec.cli._app import run

    return run(arguments)
