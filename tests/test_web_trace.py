"""The trace view in a real browser: a traced conversation as pictures, exported, forgotten."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from browser import Chromium, axe, check, running_browser
from live import Live, running

# Playwright's driver is a Node program.
pytestmark = [pytest.mark.browser, pytest.mark.node]
WHATS = ("recognized", "cues_read", "worded")


@pytest.fixture(scope="module")
def live() -> Iterator[Live]:
    with running(tts__options__word_s=0.1) as server:
        yield server


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chromium]:
    with running_browser(tmp_path_factory.mktemp("chromium"), np.zeros(24_000, np.int16)) as started:
        yield started


def converse(live: Live, *, trace: bool) -> None:
    """A spoken turn and a written one."""
    with live.call() as wire:
        wire.update(empathy={"trace": trace})
        wire.speak()
        wire.until("response.done")
        wire.text_turn("<b>And</b> my phone.")


def test_nothing_is_shown_of_sessions_that_did_not_ask(live: Live, browser: Chromium) -> None:
    converse(live, trace=False)
    with browser.tab(live) as tab:
        tab.open("/trace")
        tab.until("document.getElementById('told').textContent.startsWith('No session')")
        assert tab.page.locator(".turn").count() == 0


def test_the_picture_is_true_to_the_record(live: Live, browser: Chromium) -> None:
    """Each span is drawn where the record has it, on one scale."""
    converse(live, trace=True)
    with browser.tab(live) as tab:
        tab.open("/trace")
        tab.until("document.querySelectorAll('.turn').length === 2")
        (session,) = live.get("/v1/sessions").json()["data"]
        turn = live.get(f"/v1/sessions/{session['id']}/turns").json()["data"][0]
        at = {what: [mark["at_ms"] for mark in turn["timeline"] if mark["what"] == what] for what in WHATS}
        (part,) = turn["user"]
        drawn = tab.page.locator(".timeline >> nth=0")
        (you,) = boxes(drawn, "rect.lane-you")
        scale = (you[1] - you[0]) / (part["ended_ms"] - part["began_ms"])

        def x(ms: float) -> float:
            return you[0] + (ms - part["began_ms"]) * scale

        assert you[1] == pytest.approx(x(part["ended_ms"]))
        assert boxes(drawn, "rect.lane-recognition")[0][1] == pytest.approx(x(at["recognized"][-1]), abs=3)
        assert boxes(drawn, "rect.lane-cues")[0][1] == pytest.approx(x(at["cues_read"][-1]), abs=3)
        words = drawn.locator("circle.lane-words").evaluate_all("all => all.map((e) => +e.getAttribute('cx'))")
        assert words == pytest.approx([x(ms) for ms in at["worded"]], abs=3)
        live.delete(f"/v1/sessions/{session['id']}")


def boxes(drawn: Any, selector: str) -> list[tuple[float, float]]:
    """Left and right ends of spans."""
    found = drawn.locator(selector).evaluate_all("all => all.map((e) => ['x', 'width'].map((n) => +e.getAttribute(n)))")
    return [(left, left + width) for left, width in found]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_accessibility(live: Live, browser: Chromium, tmp_path: Path, scheme: str) -> None:
    script = axe(tmp_path)
    converse(live, trace=True)
    with browser.tab(live, color_scheme=scheme) as tab:
        tab.open("/trace")
        tab.until("document.querySelectorAll('.turn').length === 2")
        check(tab, script)
        tab.page.click("text=All that happened >> nth=0")
        tab.shoot(f"trace-{scheme}")
        check(tab, script)
        tab.page.click("#drop")
        tab.until("document.getElementById('told').textContent.startsWith('No session')")
        check(tab, script)


def test_a_conversation_as_pictures(live: Live, browser: Chromium, tmp_path: Path) -> None:
    converse(live, trace=True)
    with browser.tab(live) as tab:
        tab.open("/trace")
        tab.until("document.querySelectorAll('.turn').length === 2")
        tab.shoot("trace")
        spoken, written = tab.page.locator(".timeline").all()
        names = spoken.locator(".lane-name").all_text_contents()
        assert names[:2] == ["you", "end of turn"]
        assert {"recognition", "appraisal", "words", "audio made"} <= set(names)
        assert "you from 0.0 s" in spoken.get_attribute("aria-label")
        assert written.locator(".lane-name").all_text_contents()[0] == "you"
        assert tab.said()[2] == "“<b>And</b> my phone.”"
        tab.page.click("text=All that happened >> nth=0")
        assert "voice stopped" in tab.page.inner_text("table >> nth=0")
        with tab.page.expect_download() as download:
            tab.page.click("#save")
        download.value.save_as(tmp_path / "trace.json")
        exported = json.loads((tmp_path / "trace.json").read_text())
        assert [turn["turn"] for turn in exported["data"]] == [1, 2]
        tab.page.click("#drop")
        tab.until("document.getElementById('told').textContent.startsWith('No session')")
        assert live.get("/v1/sessions").json()["data"] == []
