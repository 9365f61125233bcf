"""Who listens for a while, whether or not configs have observers: the helpers for tests."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from sqlspec.core.observe import Event

__all__ = ("Listener", "connections", "listeners")

Listener: TypeAlias = "Callable[[Any, Event], object]"
"""Takes a session and an event of it."""

listeners: list[Listener] = []
"""While there is one, sessions report that would not otherwise; each of them to all of these."""

connections: list[Callable[[Any, Any], object]] = []
"""Each is told of every connection that is opened: its config, and its driver."""
