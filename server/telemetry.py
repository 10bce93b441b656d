"""Prometheus metrics, fed by the one observation hook. Names end in their unit; docs/operating.md explains each."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest

from ..models.base import HEARING_RATE_HZ
from ..models.breaker import State
from ..models.gate import BackendCalled, BreakerMoved
from ..pipelines.duplex.actions import Action, Send
from ..pipelines.duplex.events import AudioDropped, Degraded, HearingFailed
from ..pipelines.duplex.observe import Record, ResponseRecorded, SessionClosed, SessionOpened, Stepped
from ..pipelines.duplex.outputs import AudioCommitted

LATENCY_S = (0.1, 0.2, 0.3, 0.5, 0.7, 1.0, 1.4, 2.0, 3.0, 5.0, 10.0)
"""Buckets for what a person waits for: finest around the second in which people answer each other."""
CALL_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0)
LAG_S = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)
SESSION_S = (10.0, 30.0, 60.0, 300.0, 600.0, 1800.0, 3600.0)
BREAKER_STATES = {State.CLOSED: 0, State.HALF_OPEN: 1, State.OPEN: 2}


class Telemetry:
    """Counts what sessions and models report; `observe` is the hook, `render` the text for /metrics."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._sessions = self._gauge("affetto_sessions", "Live sessions")
        self._session_s = self._histogram("affetto_session_seconds", "Length of ended sessions", SESSION_S)
        self._turns = self._counter("affetto_turns_total", "Spoken turns of users that were taken as ended")
        self._responses = self._counter("affetto_responses_total", "Responses by end", "status")
        self._v2v = self._histogram(
            "affetto_v2v_seconds", "From the end of the user's speech to the first sound of the answer", LATENCY_S
        )
        self._stages = self._histogram(
            "affetto_stage_seconds", "From the end of the user's speech to a stage of the reply", LATENCY_S, "stage"
        )
        self._speculation = self._counter("affetto_speculations_total", "Replies begun early, by use", "used")
        self._failures = self._counter("affetto_failures_total", "Stages of turns that failed", "stage")
        self._calls = self._counter("affetto_backend_calls_total", "Calls to models by end", "backend", "outcome")
        self._call_s = self._histogram("affetto_backend_seconds", "Length of calls to models", CALL_S, "backend")
        self._breakers = self._gauge(
            "affetto_breaker_state", "Circuit breakers: 0 closed, 1 half open, 2 open", "backend"
        )
        self._queues = self._gauge("affetto_queue_depth", "What waits or is worked on, by queue", "queue")
        self._backlog = self._gauge(
            "affetto_microphone_backlog_seconds", "Audio that waits to be heard, in the session where most waits"
        )
        self._outbox = self._gauge("affetto_outbox_bytes", "Events that wait for their client, where most wait")
        self._tasks = self._gauge("affetto_tasks", "Tasks of the event loop")
        ProcessCollector(registry=self.registry)
        self._ready = self._gauge("affetto_backend_ready", "Whether a backend would serve a call: 1 or 0", "backend")
        self._dropped = self._counter("affetto_dropped_audio_seconds_total", "Microphone audio dropped under overload")
        self._refused_events = self._counter(
            "affetto_refused_events_total", "Client events answered by an error", "code"
        )
        self._refused_clients = self._counter("affetto_refused_clients_total", "Clients not let in", "code")
        self._resumptions = self._counter(
            "affetto_resumptions_total", "Sessions that lost their client, by end", "outcome"
        )
        self._lag = self._histogram(
            "affetto_event_loop_lag_seconds", "How late the event loop comes to what is due", LAG_S
        )

    def refused_event(self, code: str) -> None:
        self._refused_events.labels(code).inc()

    def refused_client(self, code: str) -> None:
        self._refused_clients.labels(code).inc()

    def resumption(self, outcome: str) -> None:
        self._resumptions.labels(outcome).inc()

    def lagged(self, seconds: float) -> None:
        self._lag.observe(seconds)

    def backend_ready(self, name: str, ready: bool) -> None:
        self._ready.labels(name).set(ready)

    def watch_queue(self, name: str, depth: Callable[[], float]) -> None:
        """Ask for this queue's depth whenever metrics are read."""
        self._queues.labels(name).set_function(depth)

    def watch_sessions(self, backlog_s: Callable[[], float], outbox_bytes: Callable[[], float]) -> None:
        """Ask for the fullest buffers of sessions whenever metrics are read."""
        self._backlog.set_function(backlog_s)
        self._outbox.set_function(outbox_bytes)

    def watch_tasks(self, count: Callable[[], float]) -> None:
        """Ask for the number of tasks whenever metrics are read."""
        self._tasks.set_function(count)

    def watch_breaker(self, name: str) -> None:
        """Show this backend's breaker, closed as yet."""
        self._breakers.labels(name).set(BREAKER_STATES[State.CLOSED])

    def observe(self, record: Record) -> None:
        match record:
            case Stepped():
                self._step(record)
            case SessionOpened():
                self._sessions.inc()
            case SessionClosed():
                self._close(record)
            case ResponseRecorded():
                self._respond(record)
            case BackendCalled():
                self._calls.labels(record.backend, record.outcome).inc()
                self._call_s.labels(record.backend).observe(record.seconds)
            case BreakerMoved():
                self._breakers.labels(record.backend).set(BREAKER_STATES[record.state])

    def render(self) -> bytes:
        return generate_latest(self.registry)

    def _step(self, record: Stepped) -> None:
        match record.event:
            case HearingFailed(stage=stage) | Degraded(stage=stage):
                self._failures.labels(stage).inc()
            case AudioDropped(samples=samples):
                self._dropped.inc(samples / HEARING_RATE_HZ)
        if any(map(_ends_turn, record.actions)):
            self._turns.inc()

    def _close(self, closed: SessionClosed) -> None:
        self._sessions.dec()
        self._session_s.observe(closed.seconds)
        self._speculation.labels("yes").inc(closed.speculation_used)
        self._speculation.labels("no").inc(closed.speculation_begun - closed.speculation_used)

    def _respond(self, response: ResponseRecorded) -> None:
        self._responses.labels(response.status).inc()
        for stage, milliseconds in response.timings_ms.items():
            self._stages.labels(stage).observe(milliseconds / 1000)
        if "first_audio" in response.timings_ms:
            self._v2v.observe(v2v_ms(response) / 1000)

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(name, text, labels, registry=self.registry)

    def _gauge(self, name: str, text: str, *labels: str) -> Gauge:
        return Gauge(name, text, labels, registry=self.registry)

    def _histogram(self, name: str, text: str, buckets: tuple[float, ...], *labels: str) -> Histogram:
        return Histogram(name, text, labels, buckets=buckets, registry=self.registry)


def v2v_ms(response: ResponseRecorded) -> int:
    """When the first sound left: it may be ready before the turn is taken as ended."""
    return max(response.timings_ms["first_audio"], response.timings_ms.get("committed", 0))


def _ends_turn(action: Action) -> bool:
    return isinstance(action, Send) and isinstance(action.output, AudioCommitted)
