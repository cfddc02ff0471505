"""Figures for Prometheus: queue, latency, verdicts, failures. No name of a file, a tenant or a person is a label."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

_SECONDS = (0.1, 0.3, 1, 3, 10, 30, 60, 120, 300, 600)
_REQUEST_SECONDS = (0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 60)


class _Queue(Collector):
    """Jobs by state, read from the store when somebody asks."""

    def __init__(self, counts: Callable[[], Mapping[str, int]]) -> None:
        self._counts = counts

    def describe(self) -> Iterable[Metric]:
        return [GaugeMetricFamily("zhenwei_jobs", "Jobs by state, of all tenants.", labels=["state"])]

    def collect(self) -> Iterable[Metric]:
        family = GaugeMetricFamily("zhenwei_jobs", "Jobs by state, of all tenants.", labels=["state"])
        for state, count in self._counts().items():
            family.add_metric([state], count)
        yield family


class Metrics:
    """Of one process; ``counts`` says how many jobs there are in each state."""

    def __init__(self, counts: Callable[[], Mapping[str, int]]) -> None:
        registry = self._registry = CollectorRegistry()
        registry.register(_Queue(counts))
        self.verdicts = Counter("zhenwei_verdicts", "Examinations by verdict.", ["decision"], registry=registry)
        self.failures = Counter("zhenwei_failures", "Files not examined, by reason.", ["kind"], registry=registry)
        self.examined = Histogram("zhenwei_examination_seconds", "In the worker.", buckets=_SECONDS, registry=registry)
        self.waited = Histogram(
            "zhenwei_queue_seconds", "From arrival to the worker.", buckets=_SECONDS, registry=registry
        )
        self.uploaded = Counter("zhenwei_upload_bytes", "Bytes of accepted uploads.", registry=registry)
        self.refused = Counter(
            "zhenwei_refused", "Requests refused, by kind of problem.", ["status"], registry=registry
        )
        self.webhooks = Counter("zhenwei_webhooks", "Calls of webhooks.", ["outcome"], registry=registry)
        self.requests = Histogram(
            "zhenwei_request_seconds",
            "Requests by route, until the answer begins.",
            ["method", "route", "status"],
            buckets=_REQUEST_SECONDS,
            registry=registry,
        )

    def text(self) -> bytes:
        return generate_latest(self._registry)
