"""Counts, gauges and durations of a process, for OpenTelemetry's metrics API and the status view."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Final, TypeVar

from opentelemetry.metrics import CallbackOptions, Observation
from opentelemetry.sdk.metrics import MeterProvider

from shared.runtime import names
from shared.runtime.logs import get_logger

__all__ = ["Meters"]

_ALARMS_KEPT: Final = 50

T = TypeVar("T")

Labels = tuple[tuple[str, str], ...]


class Meters:
    """Implements `ports.Meter`: plain numbers, read by OpenTelemetry's instruments and the snapshot.

    Counting costs a dictionary update; nothing is exported on the engine's time. Durations are kept as count
    and sum by label, and as a histogram where an exporter wants one.
    """

    def __init__(self) -> None:
        self._counts: dict[str, dict[Labels, float]] = {}
        self._gauges: dict[str, dict[Labels, float]] = {}
        self._times: dict[str, dict[Labels, tuple[int, float]]] = {}
        self._alarms: deque[dict[str, str]] = deque(maxlen=_ALARMS_KEPT)
        self._histogram: Callable[[str, float, Mapping[str, str]], None] | None = None
        self._log = get_logger("runtime")

    def count(self, name: str, amount: int = 1, **labels: str) -> None:
        """Add to a counter."""
        series = self._counts.setdefault(name, {})
        key = tuple(labels.items())
        series[key] = series.get(key, 0) + amount

    def gauge(self, name: str, value: float, **labels: str) -> None:
        """Set a gauge."""
        self._gauges.setdefault(name, {})[tuple(labels.items())] = value

    def retire(self, name: str, **labels: str) -> None:
        """Forget gauges."""
        gone, series = set(labels.items()), self._gauges.get(name, {})
        for key in [key for key in series if gone <= set(key)]:
            del series[key]

    def observe(self, name: str, seconds: float, **labels: str) -> None:
        """Record a duration."""
        series = self._times.setdefault(name, {})
        key = tuple(labels.items())
        number, total = series.get(key, (0, 0.0))
        series[key] = (number + 1, total + seconds)
        if self._histogram is not None:
            self._histogram(name, seconds, labels)

    def alarm(self, name: str, **fields: str) -> None:
        """Raise an operational alert: logged, counted, kept for the status view."""
        self.count("alarms", 1, alarm=name)
        self._alarms.append({"alarm": name, "at": datetime.now(UTC).isoformat(timespec="seconds"), **fields})
        self._log.error("alarm: %s %s", name, " ".join(f"{key}={value}" for key, value in fields.items()))

    def total(self, name: str, **labels: str) -> float:
        """Give the sum of a counter over the series that carry `labels`."""
        wanted = set(labels.items())
        return sum(value for key, value in self._counts.get(name, {}).items() if wanted <= set(key))

    def snapshot(self) -> dict[str, Any]:
        """Give everything as plain data, for the status view."""
        return {
            "counters": [_row(*one) for one in _flat(self._counts)],
            "gauges": [_row(*one) for one in _flat(self._gauges)],
            "durations": [
                {**_row(name, labels, number), "seconds": seconds}
                for name, labels, (number, seconds) in _flat(self._times)
            ],
            "alarms": list(self._alarms),
        }

    def export_to(self, provider: MeterProvider) -> None:
        """Offer everything through OpenTelemetry's metrics API."""
        meter = provider.get_meter("parley")
        for name, (metric, unit) in names.METRICS.items():
            if name in names.GAUGES:
                meter.create_observable_gauge(metric, [self._reader(self._gauges, name)], unit=unit)
            elif name in names.UP_AND_DOWN:
                meter.create_observable_up_down_counter(metric, [self._reader(self._counts, name)], unit=unit)
            elif name not in names.DURATIONS:
                meter.create_observable_counter(metric, [self._reader(self._counts, name)], unit=unit)
        histograms = {
            name: meter.create_histogram(names.METRICS[name][0], unit=names.METRICS[name][1])
            for name in names.DURATIONS
        }

        def record(name: str, seconds: float, labels: Mapping[str, str]) -> None:
            if name in histograms:
                histograms[name].record(seconds, dict(labels))

        self._histogram = record

    @staticmethod
    def _reader(
        series: dict[str, dict[Labels, float]], name: str
    ) -> Callable[[CallbackOptions], Iterable[Observation]]:
        def read(_options: CallbackOptions) -> Iterable[Observation]:
            return [Observation(value, dict(key)) for key, value in list(series.get(name, {}).items())]

        return read


def _flat(series: Mapping[str, Mapping[Labels, T]]) -> list[tuple[str, Labels, T]]:
    """Copy what another thread may be adding to."""
    return [(name, key, value) for name, one in list(series.items()) for key, value in list(one.items())]


def _row(name: str, labels: Labels, value: float) -> dict[str, Any]:
    return {"name": name, "labels": dict(labels), "value": value}
