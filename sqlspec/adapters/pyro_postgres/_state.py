"""What a script does to the transaction status, read from its text."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from sqlspec.core.scan import scan
from sqlspec.postgres.keys import KEYS

if TYPE_CHECKING:
    from sqlspec.driver._types import DriverStatus

__all__ = ("controls_transactions", "milliseconds", "status_after")

_CONTROL = re.compile(
    r"\b(?:begin|start|commit|end|rollback|abort|savepoint|release|prepare\s+transaction|call|do)\b", re.IGNORECASE
)
_WORDS = re.compile(r"(?:\s|--[^\n]*|/\*.*?\*/)*(\w+)\W+(\w*)\W*(\w*)", re.DOTALL)


@lru_cache(maxsize=256)
def controls_transactions(text: str) -> bool:
    """Tell whether a script may change the transaction status; never `False` for one that does."""
    return _CONTROL.search(text) is not None


@lru_cache(maxsize=256)
def status_after(text: str, status: DriverStatus) -> DriverStatus | None:
    """Return the transaction status behind a script that has succeeded; `None` when that has to be asked for."""
    if not controls_transactions(text):
        return status
    for start, end in scan(text).statements:
        found = _WORDS.match(f"{text[start:end]} ; ")
        if found is None:
            return None
        verb, second, third = (word.lower() for word in found.groups())
        match verb:
            case "begin" | "start":
                status = "active"
            case "rollback" if second == "to" or (second in ("work", "transaction") and third == "to"):
                status = "active"
            case "commit" | "end" | "rollback" | "abort" if second in ("", "work", "transaction") and not third:
                status = "idle"
            case "commit" | "end" | "rollback" | "abort" | "prepare":
                return None
    return status


def milliseconds(duration: str) -> int:
    """Read a duration as the server shows it."""
    text: str = KEYS["statement_timeout"].check(duration)
    return int(text.removesuffix("ms"))
