"""Metrics for Prometheus, under the names that OpenTelemetry's have there; needs the extra `prometheus`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlspec.exceptions import MissingDependencyError
from sqlspec.observability._measures import EVENTS, LEVELS, Pools, Recorder
from sqlspec.observability._texts import Texts

try:
    from prometheus_client import REGISTRY, Counter, Histogram
    from prometheus_client.core import GaugeMetricFamily
    from prometheus_client.registry import Collector
except ImportError as error:
    raise MissingDependencyError("prometheus_client", "prometheus") from error

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from prometheus_client import CollectorRegistry
    from prometheus_client.metrics_core import Metric

    from sqlspec.core.observe import Database, Event
    from sqlspec.observability._measures import Instrument

__all__ = ("PrometheusObserver",)

_UNITS = {"s": "_seconds", "By": "_bytes"}


class PrometheusObserver(Collector):
    """Measures statements, transactions, loads and pools.

    Make one for each registry, and give it to any number of configs. Names and labels are those that OpenTelemetry's
    metrics have in Prometheus, such as `db_client_operation_duration_seconds`. A label without a value is empty. No
    label holds a text of a statement.

    Example:
        `AsyncpgConfig(connection_config, observers=[PrometheusObserver()])`
    """

    def __init__(self, registry: CollectorRegistry = REGISTRY) -> None:
        """Register the metrics.

        Args:
            registry: Where to.

        Raises:
            ValueError: The registry has them already.
        """
        self._texts = Texts("none")
        self._recording = {each.name: _metric(each, registry) for each in EVENTS}
        self._pools = Pools()
        registry.register(self)

    def for_database(self, database: Database) -> Recorder:
        """Return the observer of one config."""
        recorder = Recorder(database, self, self._texts)
        self._pools.add(recorder)
        return recorder

    def __call__(self, event: Event, /) -> None:
        """Do nothing: events go to what `for_database` returns."""

    def record(self, instrument: Instrument, value: float, attributes: Mapping[str, Any]) -> None:
        """Add a value to a counter or a histogram."""
        labels = [str(attributes.get(name, "")) for name in instrument.attributes]
        metric = self._recording[instrument.name].labels(*labels)
        (metric.observe if instrument.kind == "histogram" else metric.inc)(value)

    def describe(self) -> Iterable[Metric]:
        """Return the names of what `collect` reads."""
        return [_family(each) for each in LEVELS]

    def collect(self) -> Iterable[Metric]:
        """Read the state of the pools."""
        for instrument in LEVELS:
            family = _family(instrument)
            for value, attributes in self._pools.readings(instrument):
                family.add_metric([attributes[name] for name in instrument.attributes], value)
            yield family


def _spelt(name: str) -> str:
    return name.replace(".", "_")


def _metric(instrument: Instrument, registry: CollectorRegistry) -> Any:
    name = _spelt(instrument.name) + _UNITS.get(instrument.unit, "")
    labels = [_spelt(label) for label in instrument.attributes]
    if instrument.kind == "counter":
        return Counter(name, instrument.description, labels, registry=registry)
    return Histogram(name, instrument.description, labels, registry=registry, buckets=instrument.buckets)


def _family(instrument: Instrument) -> GaugeMetricFamily:
    labels = [_spelt(label) for label in instrument.attributes]
    return GaugeMetricFamily(_spelt(instrument.name), instrument.description, labels=labels)
