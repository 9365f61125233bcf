"""Sessions, transactions, pools: everything between a user and an adapter.

Configs come from the adapters; the names here are for annotations.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from sqlspec.driver._async_config import AsyncConfig
from sqlspec.driver._async_driver import AsyncDriver
from sqlspec.driver._async_session import AsyncSession
from sqlspec.driver._async_stream import AsyncListener, AsyncStream
from sqlspec.driver._features import DriverFeatures
from sqlspec.driver._sync_config import SyncConfig
from sqlspec.driver._sync_driver import SyncDriver
from sqlspec.driver._sync_session import SyncSession
from sqlspec.driver._sync_stream import SyncListener, SyncStream
from sqlspec.driver._types import Notification, PoolStats

if TYPE_CHECKING:
    from sqlspec.driver._async_arrow import AsyncArrowReader
    from sqlspec.driver._sync_arrow import SyncArrowReader

__all__ = (
    "AsyncArrowReader",
    "AsyncConfig",
    "AsyncDriver",
    "AsyncListener",
    "AsyncSession",
    "AsyncStream",
    "DriverFeatures",
    "Notification",
    "PoolStats",
    "SyncArrowReader",
    "SyncConfig",
    "SyncDriver",
    "SyncListener",
    "SyncSession",
    "SyncStream",
)

_NEED_PYARROW = {"AsyncArrowReader": "sqlspec.driver._async_arrow", "SyncArrowReader": "sqlspec.driver._sync_arrow"}


def __getattr__(name: str) -> Any:
    """Import a class only when it is asked for: its module imports pyarrow."""
    if name not in _NEED_PYARROW:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_NEED_PYARROW[name]), name)
