"""What the formatter writes of tracebacks."""

from __future__ import annotations

import json
import logging
import sys
from typing import Any

from sqlspec.exceptions import DataError
from sqlspec.observability import JSONFormatter


def line_of(exc_info: Any) -> dict[str, Any]:
    record = logging.LogRecord("app", logging.ERROR, "", 1, "failed", (), exc_info)
    line: dict[str, Any] = json.loads(JSONFormatter().format(record))
    return line


def test_where_nothing_was_raised() -> None:
    line = line_of((None, None, None))
    assert (line["message"], line["exception"]) == ("failed", "NoneType: None")


def test_causes_of_the_application_stay() -> None:
    try:
        try:
            raise KeyError("of the driver")
        except KeyError as error:
            raise DataError("ours") from error
    except DataError as error:
        try:
            raise ValueError("of the application") from error
        except ValueError:
            shown = line_of(sys.exc_info())["exception"]
    assert "of the driver" not in shown
    assert shown.index("DataError: ours") < shown.index("ValueError: of the application")
