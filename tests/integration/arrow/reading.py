"""What a value that was read as Arrow should be: by the server's text and by the canonical Python value."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from typing import Any

import pyarrow as pa

from sqlspec.values import Range
from tests.integration.arrow.meaning import read
from tests.integration.arrow.sources import Target
from tests.integration.matrix.cases import check

__all__ = ("check_value", "has_no_place", "shown", "spelled")

_SPELLED = {"float": "float32", "double": "float64", "halffloat": "float16"}

# The expression whose text says all of a value whose own text Python does not read.
_TICKS = "trunc(extract(epoch from {}) * 1000000)::text"
_DAYS = "trunc(extract(epoch from {}) / 86400)::text"
_SHOWN = {
    "date32": _DAYS,
    "time64[us]": _TICKS,
    "timestamp[us]": _TICKS,
    "timestamp[us, tz=UTC]": _TICKS,
    "month_day_nano_interval": "encode(interval_send({}), 'hex')",
    "binary": "encode({}, 'hex')",
}


def spelled(kind: pa.DataType) -> str:
    """Return a type as the files of the matrix write it."""
    if pa.types.is_dictionary(kind):
        return f"dictionary<{spelled(kind.index_type)}, {spelled(kind.value_type)}>"
    if pa.types.is_map(kind):
        return f"map<{spelled(kind.key_type)}, {spelled(kind.item_type)}>"
    if pa.types.is_fixed_size_list(kind):
        return f"fixed_size_list<{spelled(kind.value_type)}, {kind.list_size}>"
    if pa.types.is_list(kind):
        return f"list<{spelled(kind.value_type)}>"
    if pa.types.is_struct(kind):
        return f"struct<{', '.join(f'{field.name}: {spelled(field.type)}' for field in kind)}>"
    if pa.types.is_fixed_size_binary(kind) and not pa.types.is_decimal(kind):
        return f"fixed_size_binary({kind.byte_width})"
    return re.sub(r"^date32\[day\]$", "date32", _SPELLED.get(str(kind), str(kind)))


def shown(kind: str, sql: str) -> str:
    """Return the expression whose text `check_value` takes, for a value of an Arrow type."""
    return _SHOWN.get(kind, "format('%s', {})").format(f"({sql})")


def has_no_place(kind: str, text: str) -> bool:
    """Tell a value that its Arrow type cannot hold, from the server's text or what `shown` gives."""
    if kind.startswith("timestamp") and re.fullmatch(r"-?\d{19,}", text):
        return abs(int(text)) >= 1 << 63
    if kind.startswith("list<"):
        # Of several dimensions; the text may give lower bounds first.
        return "{{" in text[:40] or has_no_place(kind[5:-1], text)
    if kind.startswith(("date", "timestamp", "month_day")):
        return "infinity" in text
    if kind.startswith("time64"):
        return text.startswith("24:")
    return kind.startswith("decimal") and re.search("NaN|Infinity", text) is not None


def check_value(kind: str, scalar: Any, text: str, python: Any, *where: Any) -> None:
    """Compare a value with the server's text, or with the canonical Python value.

    Args:
        kind: The Arrow type, as the matrix writes it.
        scalar: What was read.
        text: What the server gives for `shown`.
        python: The canonical value, `Ellipsis` when there is none.
        where: The value's SQL, and more for the message.
    """
    assert spelled(scalar.type) == kind, where
    if kind in ("string", "dictionary<int32, string>"):
        assert scalar.as_py() == text, where
    elif kind == "date32" or kind.startswith("time"):
        assert scalar.value == int(text), where
    elif kind == "month_day_nano_interval":
        assert tuple(scalar.as_py()) == read(Target("", "", "interval"), text), where
    elif kind == "binary":
        assert scalar.as_py() == bytes.fromhex(text), where
    elif kind == "fixed_size_binary(16)":
        assert scalar.as_py() == python.bytes, where
    else:
        check(plain(scalar, python), python, *where)


def plain(scalar: Any, python: Any) -> Any:
    """Return a value as the canonical value has it; a part that is read as text is replaced by what the text means."""
    if scalar is None or not scalar.is_valid:
        return None
    if pa.types.is_map(scalar.type):
        return dict(scalar.as_py())
    if isinstance(scalar, pa.ListScalar) and isinstance(python, list) and len(python) == len(scalar.values):
        return [plain(item, other) for item, other in zip(scalar.values, python, strict=True)]
    if isinstance(scalar, pa.StructScalar) and isinstance(python, dict):
        return {name: plain(scalar[name], python.get(name)) for name in scalar}
    found = scalar.as_py()
    if isinstance(found, str) and found != python:
        if isinstance(python, Range):
            means: Any = (
                "empty"
                if python.empty
                else f"{python.bounds[0]}{python.lower},{python.upper}{python.bounds[1]}" == found
            )
        else:
            means = Decimal(found) == python if isinstance(python, Decimal) else json.loads(found) == python
        return python if means else found
    return found
