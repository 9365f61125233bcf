"""The data files of the matrix: one for each SQL type, `types/<key>.toml`.

Keys of a file; those of `_OPTIONAL` may be left out:

- `name`: the type as SQL writes it; `group`: heading of the documentation; `python`: what its values are, for readers.
- `arrow`: the Arrow type that the type corresponds to, `p`, `s` and `n` for modifiers; empty when it has none but text.
- `title`: what the documentation calls the type, in place of `name`.
- `setup`, `drop`: DDL of a type of one's own.
- `extension`: the extension that has the type. `probe`: a query that fails where the server was built without it.
- `composite`: `"written"`; `"read"`: in a composite it is read but takes no parameters; `"refused"`: neither;
  `"unsent"`: neither, and it is the server that refuses, because the type has no binary format at all.
- `element`: how a value stands inside an array parameter, an expression of `value`.
- `without`: technique -> why it does not apply.
- `rejects`: Python values, as expressions, that are no parameters for the type.
- `note`: what a reader of the table should know.
- `value`: what to try. `sql` is an expression, cast to the type by the test. `python` is the expected value, an
  expression; in it `text` is what the server prints, also given as `text`. In place of `python`, `refused` is a
  pattern of the error that reading raises. `bind = false`: the value is no parameter itself. `accepts`: other
  parameters that mean the same.
"""

from __future__ import annotations

import datetime
import decimal
import enum
import ipaddress
import math
import tomllib
import uuid
import zoneinfo
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy

from sqlspec import values
from tests.unit.postgres.codec_cases import same as same_class

__all__ = ("TECHNIQUES", "TYPES", "SqlType", "Value", "check", "evaluate", "load")

DIRECTORY = Path(__file__).parent / "types"

# What is done with every value of a type; each is a test of that name.
TECHNIQUES = (
    "selected",
    "bound",
    "stored",
    "in_an_array",
    "null",
    "in_a_composite",
    "in_a_domain",
    "in_a_batch",
    "in_a_stream",
    "without_rows",
    "refused",
)
COMPOSITE = ("written", "read", "refused", "unsent")
_OPTIONAL: dict[str, Any] = {
    "title": "",
    "setup": "",
    "drop": "",
    "extension": "",
    "probe": "",
    "composite": "written",
    "element": "value",
    "note": "",
}
_REQUIRED = ("name", "group", "python", "arrow")
_VALUE = {"sql", "python", "text", "refused", "bind", "accepts"}


@dataclass(frozen=True, slots=True)
class Value:
    """One entry of a file; `python` is empty when the value is refused."""

    sql: str
    python: str
    text: str | None
    refused: str
    bind: bool
    accepts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SqlType:
    """One file."""

    key: str
    name: str
    group: str
    python: str
    arrow: str
    title: str
    setup: str
    drop: str
    extension: str
    probe: str
    composite: str
    element: str
    note: str
    values: tuple[Value, ...]
    rejects: tuple[str, ...]
    without: dict[str, str]

    def cast(self, sql: str) -> str:
        return f"({sql})::{self.name}"

    @property
    def readable(self) -> list[Value]:
        return [value for value in self.values if value.python]

    @property
    def unreadable(self) -> list[Value]:
        return [value for value in self.values if value.refused]

    def has(self, technique: str) -> bool:
        """Tell whether a technique applies."""
        if technique == "refused":
            return bool(self.rejects or self.unreadable)
        return technique not in self.without


def load(path: Path) -> SqlType:
    """Read a file.

    Raises:
        ValueError: It does not follow the rules above.
    """
    data = tomllib.loads(path.read_text(encoding="utf-8"))
    entries, rejects, without = data.pop("value", []), data.pop("rejects", []), data.pop("without", {})
    wrong = [key for key in data if key not in (*_REQUIRED, *_OPTIONAL)]
    wrong += [key for key in _REQUIRED if key not in data]
    wrong += [technique for technique in without if technique not in TECHNIQUES or not without[technique]]
    wrong += [key for entry in entries for key in entry if key not in _VALUE]
    wrong += [entry["sql"] for entry in entries if ("python" in entry) == ("refused" in entry)]
    fields = _OPTIONAL | data
    if fields["composite"] not in COMPOSITE or bool(fields["setup"]) != bool(fields["drop"]):
        wrong += ["composite, setup, drop"]
    if wrong:
        raise ValueError(f"{path.name}: missing, unknown or wrong: {', '.join(wrong)}")
    made = tuple(
        Value(
            entry["sql"],
            entry.get("python", ""),
            entry.get("text"),
            entry.get("refused", ""),
            entry.get("bind", "python" in entry),
            tuple(entry.get("accepts", ())),
        )
        for entry in entries
    )
    return SqlType(path.stem, values=made, rejects=tuple(rejects), without=without, **fields)


TYPES = tuple(load(path) for path in sorted(DIRECTORY.glob("*.toml")))

_NAMESPACE: dict[str, Any] = {
    **{name: getattr(datetime, name) for name in ("UTC", "date", "datetime", "time", "timedelta", "timezone")},
    **{name: getattr(ipaddress, name) for name in ("ip_address", "ip_interface", "ip_network")},
    **{name: getattr(values, name) for name in values.__all__},
    **{name: getattr(enum, name) for name in ("Enum", "IntEnum", "StrEnum")},
    "Decimal": decimal.Decimal,
    "UUID": uuid.UUID,
    "ZoneInfo": zoneinfo.ZoneInfo,
    "defstruct": msgspec.defstruct,
    "inf": math.inf,
    "math": math,
    "nan": math.nan,
    "numpy": numpy,
}


def evaluate(expression: str, **names: Any) -> Any:
    """Return the Python value that a data file means."""
    return eval(expression, {**_NAMESPACE, **names})


def check(found: Any, wanted: Any, *where: Any) -> None:
    """Compare exactly: class, sign of zero, scale of a Decimal, zone of a datetime, NaN equal to NaN, order of keys."""
    assert same_class(_plain(found), _plain(wanted)), (*where, f"found {found!r:.300}, not {wanted!r:.300}")


def _plain(value: Any) -> Any:
    """Replace a driver's subclass of UUID, which is a UUID."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if type(value) in (list, tuple):
        return type(value)(_plain(item) for item in value)
    return uuid.UUID(int=value.int) if isinstance(value, uuid.UUID) else value
