"""Metrics, as a registry of Prometheus' own client shows them."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from sqlspec.exceptions import PoolTimeoutError, SQLSpecError
from sqlspec.observability.prometheus import PrometheusObserver
from tests.integration.harness import needs
from tests.integration.telemetry import Telemetry
from tests.secrets import VALUE as SECRET


@pytest.fixture
def registry() -> Iterator[CollectorRegistry]:
    made = Telemetry()
    yield made.registry
    made.shutdown()


@pytest.fixture
def observer(registry: CollectorRegistry) -> PrometheusObserver:
    return PrometheusObserver(registry)


def labels_of(config: Any, schema: str) -> dict[str, str]:
    settings = config.settings
    return {
        "db_system_name": "postgresql",
        "db_namespace": f"{settings.database}|{schema}",
        "server_address": settings.hosts[0],
        "server_port": str(settings.ports[0]),
    }


@needs("sqlstate")
async def test_statements_and_transactions(flavour: Any, registry: CollectorRegistry, observer: Any) -> None:
    config = flavour.make_config(observers=[observer])
    base = labels_of(config, flavour.schema)
    async with config.provide_session() as session:
        await session.select("select generate_series(1, 3)")
        async with session.transaction():
            await session.select("select 1")
        with pytest.raises(SQLSpecError):
            await session.select(f"select '{SECRET}'::text, 1 / 0")
    select = {**base, "db_operation_name": "SELECT"}
    fine = {**select, "error_type": "", "db_response_status_code": ""}
    failed = {**select, "error_type": "DataError", "db_response_status_code": "22012"}
    value = registry.get_sample_value
    assert value("db_client_operation_duration_seconds_count", fine) == 2
    assert value("db_client_operation_duration_seconds_count", failed) == 1
    assert 0 < (value("db_client_operation_duration_seconds_sum", fine) or 0) < 60
    assert value("db_client_response_returned_rows_sum", select) == 4
    ended = {**base, "sqlspec_transaction_outcome": "commit"}
    assert value("sqlspec_transaction_duration_seconds_count", ended) == 1
    assert SECRET not in generate_latest(registry).decode()


async def test_pools(flavour: Any, registry: CollectorRegistry, observer: Any) -> None:
    config = flavour.make_config(observers=[observer], max_size=1, acquire_timeout=0.05)
    settings = config.settings
    address = f"{settings.hosts[0]}:{settings.ports[0]}"
    name = {"db_client_connection_pool_name": f"{address}/{settings.database}|{flavour.schema}"}
    value = registry.get_sample_value

    def counts() -> list[float | None]:
        states = ({**name, "db_client_connection_state": state} for state in ("idle", "used"))
        return [value("db_client_connection_count", labels) for labels in states]

    async with config.provide_session():
        assert counts() == [0, 1]
        with pytest.raises(PoolTimeoutError):
            async with config.provide_session():
                pass
    assert counts() == [1, 0]
    assert value("db_client_connection_max", name) == 1
    assert value("db_client_connection_pending_requests", name) == 0
    assert value("db_client_connection_timeouts_total", name) == 1
    for each in ("create", "wait", "use"):
        assert value(f"db_client_connection_{each}_time_seconds_count", name) == 1
    # A second pool of the same name: the state of both is one sample.
    other = flavour.make_config(observers=[observer], max_size=2)
    assert value("db_client_connection_max", name) == 3
    assert other is not None


async def test_a_config_that_is_gone_is_no_longer_measured(flavour: Any, registry: Any, observer: Any) -> None:
    config = flavour.config_class({"host": "nowhere.invalid"}, observers=[observer])
    assert "nowhere.invalid" in generate_latest(registry).decode()
    del config
    gc.collect()
    assert "nowhere.invalid" not in generate_latest(registry).decode()


@needs("arrow_in")
async def test_loads(flavour: Any, registry: CollectorRegistry, observer: Any) -> None:
    config = flavour.make_config(observers=[observer])
    async with config.provide_session() as session:
        await session.execute("create table t (a text)")
        await session.load_from_records("t", [("x",)] * 5, batch_rows=2)
        with pytest.raises(SQLSpecError):
            await session.load_from_records("t", [("x",), (7,)], batch_rows=1)
    labels = labels_of(config, flavour.schema)
    assert registry.get_sample_value("sqlspec_load_rows_total", labels) in (5, 6)
    assert (registry.get_sample_value("sqlspec_load_size_bytes_total", labels) or 0) > 5
