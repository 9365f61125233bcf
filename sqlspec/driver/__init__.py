"""Sessions, transactions, pools: everything between a user and an adapter.

Configs come from the adapters; the names here are for annotations.
"""

from __future__ import annotations

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

__all__ = (
    "AsyncConfig",
    "AsyncDriver",
    "AsyncListener",
    "AsyncSession",
    "AsyncStream",
    "DriverFeatures",
    "Notification",
    "PoolStats",
    "SyncConfig",
    "SyncDriver",
    "SyncListener",
    "SyncSession",
    "SyncStream",
)
