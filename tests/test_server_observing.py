"""What a server tells of itself: metrics that are documented, logs without words, traces of turns, the loop's lag."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from affetto.models.breaker import State
from affetto.models.errors import Failed, Unavailable
from affetto.models.gate import BackendCalled, BreakerMoved
from affetto.models.sharing import caller
from affetto.pipelines.duplex.observe import ResponseRecorded, SessionClosed, SessionOpened, reply_number
from affetto.server import logs, observing
from affetto.server.health import Health
from affetto.server.lag import PERIOD_S, LoopLag
from affetto.server.settings import ObserveSection, load
from affetto.server.telemetry import Telemetry, v2v_ms
from affetto.server.tracing import Tracing
from live import Live, running
from virtual import run

REPOSITORY = Path(__file__).parents[1]
PAGE = (REPOSITORY / "docs" / "operating.md").read_text()
SUFFIXES = ("_bucket", "_count", "_sum")


def families() -> dict[str, set[str]]:
    """Every metric of a server, and its labels."""
    found = {}
    for collector in set(Telemetry().registry._collector_to_names):
        labels = set(getattr(collector, "_labelnames", ()))
        for metric in getattr(collector, "describe", collector.collect)():
            suffix = "_total" if metric.type == "counter" else ""
            found[metric.name + suffix] = labels
    return found


def names_in(query: str) -> set[str]:
    found = set()
    for name in re.findall(r"(?:affetto|process)_[a-z0-9_]+", query):
        found.add(next((name.removesuffix(suffix) for suffix in SUFFIXES if name.endswith(suffix)), name))
    return found


# -- metrics -----------------------------------------------------------------------------------------


def test_every_metric_is_documented_with_its_labels_and_no_other_is() -> None:
    section = PAGE.split("## Metrics")[1].split("\n## ")[0]
    rows = re.findall(r"^\| `(affetto_\w+)` \|([^|]*)\|", section, re.MULTILINE)
    told = {name: {label.strip() for label in labels.split(",") if label.strip()} for name, labels in rows}
    assert told == {name: labels for name, labels in families().items() if name.startswith("affetto_")}


def test_queries_of_the_dashboard_and_of_the_docs_name_metrics_and_labels_there_are() -> None:
    dashboard = json.loads((REPOSITORY / "docker" / "grafana.json").read_text())
    queries = [target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", [])]
    assert len(queries) > 20
    promised = re.findall(r"`([^`\n]*\[(?:28d|5m)[^`\n]*)`", PAGE)
    assert len(promised) >= 5
    known = families()
    for query in queries + promised:
        names = names_in(query)
        assert names, query
        assert names <= set(known), query
        labels = {
            label for inside in re.findall(r"\{([^}]*)\}", query) for label in re.findall(r"(\w+)\s*[=!]", inside)
        }
        labels |= {label.strip() for inside in re.findall(r"by \(([^)]*)\)", query) for label in inside.split(",")}
        assert labels - {"le"} <= set().union(*(known[name] for name in names)), query
    shown = set().union(*map(names_in, queries))
    ours = {name for name in known if name.startswith("affetto_")}
    assert ours <= shown, "the dashboard shows all of them"


def test_panels_do_not_lie_over_each_other() -> None:
    dashboard = json.loads((REPOSITORY / "docker" / "grafana.json").read_text())
    cells = [
        (x, y)
        for place in (panel["gridPos"] for panel in dashboard["panels"])
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]
    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) < 24


def test_metrics_follow_the_hook() -> None:
    telemetry = Telemetry()
    for record in (
        SessionOpened("a"),
        SessionOpened("b"),
        SessionClosed("a", 20.0, 3, 2),
        ResponseRecorded("b", "resp_1", "completed", {"first_audio": 300, "committed": 640}, True, {}),
        BackendCalled("asr", "late", 2.0),
        BreakerMoved("asr", State.OPEN),
    ):
        telemetry.observe(record)
    telemetry.lagged(0.03)
    telemetry.watch_queue("memory", lambda: 7)
    text = telemetry.render().decode()
    for line in (
        "affetto_sessions 1.0",
        'affetto_session_seconds_bucket{le="30.0"} 1.0',
        'affetto_v2v_seconds_bucket{le="0.7"} 1.0',
        'affetto_v2v_seconds_bucket{le="0.5"} 0.0',
        'affetto_stage_seconds_sum{stage="first_audio"} 0.3',
        'affetto_speculations_total{used="no"} 1.0',
        'affetto_backend_calls_total{backend="asr",outcome="late"} 1.0',
        'affetto_breaker_state{backend="asr"} 2.0',
        'affetto_event_loop_lag_seconds_bucket{le="0.05"} 1.0',
        'affetto_queue_depth{queue="memory"} 7.0',
    ):
        assert line in text


def test_the_first_sound_leaves_when_it_is_ready_and_the_turn_is_over() -> None:
    late = ResponseRecorded("a", "r", "completed", {"first_audio": 900, "committed": 640}, True, {})
    written = ResponseRecorded("a", "r", "completed", {"first_audio": 900}, False, {})
    assert (v2v_ms(late), v2v_ms(written)) == (900, 900)


# -- the loop's lag ----------------------------------------------------------------------------------


def test_lag_counts_a_stall_as_all_the_looks_it_kept_us_from() -> None:
    async def main() -> list[float]:
        told: list[float] = []
        loop: Any = asyncio.get_running_loop()
        lag = LoopLag(told.append, loop.time)
        watch = asyncio.create_task(lag.watch())
        await asyncio.sleep(1.0)
        assert max(told) < 0.001
        loop._jumping.now += 0.5  # the loop is blocked
        await asyncio.sleep(0.001)
        watch.cancel()
        assert lag.recent_s(0.5) < 0.001
        assert lag.recent_s(0.99) == pytest.approx(0.5, abs=0.03)
        return told

    told = run(main())
    late = sorted((seconds for seconds in told if seconds > 0.001), reverse=True)
    assert len(late) == pytest.approx(0.5 / PERIOD_S, abs=2)
    assert late[0] == pytest.approx(0.5, abs=PERIOD_S)


# -- which backends are out --------------------------------------------------------------------------


def test_an_outage_has_a_beginning_and_an_end() -> None:
    class Backend:
        ready = True

    chat, cues = Backend(), Backend()
    told: dict[str, bool] = {}
    health = Health(lambda: {"chat": chat, "cues": cues, "vad": object()}, told.__setitem__)
    assert (dict(health.look()), health.serves) == ({}, True)
    cues.ready = False
    assert set(health.look()) == {"cues"}
    assert health.serves, "answers are plainer, but there are some"
    chat.ready = False
    since = health.look()["chat"].since
    assert not health.serves
    assert health.look()["chat"].since == since
    chat.ready = cues.ready = True
    assert (dict(health.look()), health.serves) == ({}, True)
    assert told == {"chat": True, "cues": True, "vad": True}


# -- logs --------------------------------------------------------------------------------------------

SECRET, KEY = "my sister Xanthippe stole", "sk-very-secret-key"


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    """What JSON logs of the lowest level say; the loggers are put back afterwards."""
    root, ours = logging.getLogger(), logging.getLogger("affetto")
    before = root.handlers[:], root.level, ours.level
    logs.configure(ObserveSection(logs="json", log_level="debug"))
    stream = io.StringIO()
    handler = root.handlers[0]
    assert isinstance(handler, logging.StreamHandler)
    handler.setStream(stream)
    yield stream
    root.handlers[:], level, our_level = before
    root.setLevel(level)
    ours.setLevel(our_level)


def test_logs_are_json_with_session_and_reply_and_hold_no_word_and_no_secret(written: io.StringIO) -> None:
    options = {"texts": [SECRET]}
    with running(server__api_keys=[KEY], asr__options=options, llm__options={"replies": [f"So {SECRET} it?"]}) as live:
        with live.call(additional_headers={"Authorization": f"Bearer {KEY}"}) as wire:
            wire.update(instructions=f"Know that {SECRET}.", empathy={"resume": True, "trace": True})
            session_id = wire.events[0]["session"]["id"].removeprefix("sess_")
            token = wire.events[-1]["session"]["empathy"]["resume_token"]
            wire.speak()
            done = wire.until("response.done")
            wire.raw(f'{{"type": "{SECRET}"')
            wire.until("error")
        live.get(f"/v1/models?key={KEY}")
    text = written.getvalue()
    assert not [word for word in ("Xanthippe", KEY, token) if word in text]
    lines = [json.loads(line) for line in text.splitlines()]
    (response,) = [line for line in lines if line["message"].startswith("response ended")]
    assert response["session"] == session_id
    assert response["response"] == done["response"]["id"]
    assert response["timings_ms"]["first_audio"] >= 0
    assert {"session opened", "session closed"} <= {line["message"].partition(":")[0] for line in lines}


def test_lines_say_whose_work_they_come_from(written: io.StringIO) -> None:
    async def main() -> None:
        caller.set("0123")
        reply_number.set(4)
        try:
            raise Failed(SECRET)
        except Failed:
            logging.getLogger("affetto.models").exception("it broke")

    run(main())
    (line,) = map(json.loads, written.getvalue().splitlines())
    assert (line["session"], line["reply"], line["exception"], line["level"]) == ("0123", 4, "Failed", "error")
    assert "test_server_observing.py" in line["stack"][-1]
    assert SECRET not in written.getvalue()


# -- traces ------------------------------------------------------------------------------------------


@pytest.fixture
def exporter(monkeypatch: pytest.MonkeyPatch) -> InMemorySpanExporter:
    """Where the spans of servers go that are started from now on."""
    held = InMemorySpanExporter()
    monkeypatch.setattr(observing, "made", lambda section: observing.Observing(Tracing(SimpleSpanProcessor(held))))
    return held


def spoken_turn(live: Live) -> dict[str, Any]:
    with live.call() as wire:
        wire.speak()
        return wire.until("response.done")


def children(spans: tuple[ReadableSpan, ...], parent: ReadableSpan) -> dict[str, ReadableSpan]:
    return {span.name: span for span in spans if span.parent and span.parent.span_id == parent.context.span_id}


def test_a_turn_is_a_trace_with_its_stages_as_spans(exporter: InMemorySpanExporter) -> None:
    with running(asr__options={"texts": [SECRET]}) as live:
        done = spoken_turn(live)
    spans = exporter.get_finished_spans()
    (turn,) = [span for span in spans if span.name == "turn"]
    assert turn.parent is None
    attributes = dict(turn.attributes or {})
    assert attributes["affetto.kind"] == "spoken"
    assert attributes["affetto.status"] == "completed"
    assert attributes["affetto.response"] == done["response"]["id"]
    below = children(spans, turn)
    assert set(below) == {"hearing", "end_of_turn", "cues", "reply"}
    reply = below["reply"]
    assert dict(reply.attributes or {})["affetto.used"] is True
    stages = children(spans, reply)
    assert set(stages) == {"appraisal", "language", "speech", "speaking"}
    for span in spans:
        assert (turn.start_time or 0) <= (span.start_time or 0) <= (span.end_time or 0) <= (turn.end_time or 0)
    assert SECRET not in "".join(span.to_json() for span in spans)


def test_a_written_turn_and_a_failed_stage(exporter: InMemorySpanExporter) -> None:
    with running(tts__options={"word_s": 0.01}) as live, live.call() as wire:
        assert wire.text_turn()["response"]["status"] == "completed"
    (turn,) = [span for span in exporter.get_finished_spans() if span.name == "turn"]
    assert dict(turn.attributes or {})["affetto.kind"] == "written"


def test_traces_are_off_unless_set_and_say_what_they_need(monkeypatch: pytest.MonkeyPatch) -> None:
    assert load().observe.otlp_url is None
    assert observing.made(ObserveSection())._tracing is None
    monkeypatch.setitem(__import__("sys").modules, "affetto.server.tracing", None)
    with pytest.raises(Unavailable, match=r"affetto\[tracing\]"):
        observing.made(ObserveSection(otlp_url="http://localhost:1/v1/traces"))


def test_spans_are_sent_to_the_collector_that_is_set() -> None:
    import threading
    from http.server import BaseHTTPRequestHandler, HTTPServer

    got: list[tuple[str, str | None, bytes]] = []

    class Collector(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            got.append((self.path, self.headers["x-key"], body))
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its name in the library
            """Quiet."""

    server = HTTPServer(("127.0.0.1", 0), Collector)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}/v1/traces"
    with running(observe__otlp_url=url, observe__otlp_headers={"x-key": "k"}) as live:
        spoken_turn(live)
    server.shutdown()
    server.server_close()
    assert got
    assert {(path, key) for path, key, _ in got} == {("/v1/traces", "k")}
