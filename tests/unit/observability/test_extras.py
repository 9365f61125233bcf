"""What is not installed is named, with the extra that brings it; arguments are checked."""

from __future__ import annotations

import importlib
import sys

import pytest

from sqlspec.exceptions import MissingDependencyError, ParameterError
from sqlspec.observability import LoggingObserver, SlowStatements


@pytest.mark.parametrize(
    ("module", "package", "extra"),
    [("opentelemetry", "opentelemetry", "opentelemetry"), ("prometheus", "prometheus_client", "prometheus")],
)
def test_a_package_that_is_missing(monkeypatch: pytest.MonkeyPatch, module: str, package: str, extra: str) -> None:
    monkeypatch.delitem(sys.modules, f"sqlspec.observability.{module}", raising=False)
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingDependencyError, match=rf"pip install 'sqlspec\[{extra}\]'") as caught:
        importlib.import_module(f"sqlspec.observability.{module}")
    assert caught.value.extra == extra


def test_arguments() -> None:
    with pytest.raises(ParameterError, match="query_text"):
        LoggingObserver(query_text="all")  # type: ignore[arg-type]
    with pytest.raises(ParameterError, match="negative"):
        SlowStatements(-1)
