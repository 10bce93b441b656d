"""Prometheus metrics, fed by the one observation hook. Names end in their unit."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from ..pipelines.duplex.events import AudioDropped, Degraded, HearingFailed
from ..pipelines.duplex.observe import Record, ResponseRecorded, SessionClosed, SessionOpened, Stepped

LATENCY_BUCKETS = (0.1, 0.2, 0.3, 0.5, 0.7, 1.0, 1.4, 2.0, 3.0, 5.0, 10.0)


class Telemetry:
    """Counts what sessions report; `observe` is the hook, `render` the text for /metrics."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._sessions = Gauge("affetto_sessions", "Live sessions", registry=self.registry)
        self._responses = Counter("affetto_responses_total", "Responses by end", ["status"], registry=self.registry)
        self._latency = Histogram(
            "affetto_stage_seconds",
            "Time from the end of the user's speech to a stage of the reply",
            ["stage"],
            buckets=LATENCY_BUCKETS,
            registry=self.registry,
        )
        self._speculation = Counter(
            "affetto_speculations_total", "Replies begun early, by use", ["used"], registry=self.registry
        )
        self._failures = Counter("affetto_failures_total", "Backend failures", ["stage"], registry=self.registry)
        self._dropped = Counter(
            "affetto_dropped_audio_seconds_total", "Microphone audio dropped under overload", registry=self.registry
        )

        self._refused_events = Counter(
            "affetto_refused_events_total", "Client events answered by an error", ["code"], registry=self.registry
        )
        self._refused_clients = Counter(
            "affetto_refused_clients_total", "Clients not let in", ["code"], registry=self.registry
        )
        self._resumptions = Counter(
            "affetto_resumptions_total", "Sessions that lost their client, by end", ["outcome"], registry=self.registry
        )

    def refused_event(self, code: str) -> None:
        self._refused_events.labels(code).inc()

    def refused_client(self, code: str) -> None:
        self._refused_clients.labels(code).inc()

    def resumption(self, outcome: str) -> None:
        self._resumptions.labels(outcome).inc()

    def observe(self, record: Record) -> None:
        match record:
            case SessionOpened():
                self._sessions.inc()
            case SessionClosed():
                self._sessions.dec()
                self._speculation.labels("yes").inc(record.speculation_used)
                self._speculation.labels("no").inc(record.speculation_begun - record.speculation_used)
            case ResponseRecorded():
                self._responses.labels(record.status).inc()
                for stage, milliseconds in record.timings_ms.items():
                    self._latency.labels(stage).observe(milliseconds / 1000)
            case Stepped(event=HearingFailed(stage=stage) | Degraded(stage=stage)):
                self._failures.labels(stage).inc()
            case Stepped(event=AudioDropped(samples=samples)):
                self._dropped.inc(samples / 16_000)

    def render(self) -> bytes:
        return generate_latest(self.registry)
