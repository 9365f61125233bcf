"""One session API over several PostgreSQL drivers.

Importing the package loads no driver: take a config from `sqlspec.adapters.<name>`.
"""

from __future__ import annotations

from sqlspec import exceptions, values
from sqlspec.base import SQLSpec
from sqlspec.core.result import ArrowResult, ExportJob, LoadJob
from sqlspec.core.stack import StatementStack
from sqlspec.core.statement import SQL
from sqlspec.exceptions import SQLSpecError

__all__ = (
    "SQL",
    "ArrowResult",
    "ExportJob",
    "LoadJob",
    "SQLSpec",
    "SQLSpecError",
    "StatementStack",
    "__version__",
    "exceptions",
    "values",
)

__version__ = "0.1.0"
