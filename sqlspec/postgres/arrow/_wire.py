"""Imported in place of the compiled module where that was not built: extension modules are found first."""

from __future__ import annotations

from sqlspec.exceptions import MissingDependencyError

raise MissingDependencyError(
    __name__,
    "arrow",
    reason="it was not compiled when sqlspec was installed; "
    "install a C compiler, and then sqlspec anew from where it came, with --force-reinstall --no-cache-dir",
)
