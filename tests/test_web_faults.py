"""What goes wrong around the page, in a real browser: reloads, microphones, servers, second tabs, odd sound cards."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from browser import Chromium, Tab, cut_lines, running_browser, spoken
from live import RATE_HZ, Live, running

# Playwright's driver is a Node program.
pytestmark = [pytest.mark.browser, pytest.mark.node]

LONG = "That sounds like a long day, and it is not over yet, with all that you still do for everybody else tonight."
FELT = {"sad": 0.62, "tired": 0.3, "neutral": 0.08}
QUIET: dict[str, Any] = {"server__resume_s": 20}


@pytest.fixture(scope="module")
def live() -> Iterator[Live]:
    options: dict[str, Any] = {
        "tts__options__word_s": 0.4,
        "llm__options__replies": ["I see.", LONG],
        "cues__options__emotion": FELT,
        "cues__options__style": ["quiet"],
        "cues__options__valence": -0.5,
        "cues__options__arousal": -0.4,
    }
    with running(**options, **QUIET) as server:
        yield server


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chromium]:
    """Its microphone says something every ten seconds."""
    with running_browser(
        tmp_path_factory.mktemp("chromium"), spoken((0.3, False), (1.2, True), (8.5, False))
    ) as started:
        yield started


def session_of(tab: Tab) -> str:
    return str(tab.received("session.created")[-1][1]["session"]["id"])


# -- loaded again ------------------------------------------------------------------------------------


def test_a_reload_restores_what_was_heard_and_goes_on_with_the_session(browser: Chromium, live: Live) -> None:
    with browser.tab(live) as tab:
        tab.open()
        tab.talk()
        tab.until("document.querySelectorAll('.ours .heard').length >= 3")
        answering = tab.received("response.created")[-1][1]["response"]["id"]
        tab.until("document.querySelector('.you .how')")
        before, shown = session_of(tab), tab.page.inner_text("#affect-line")
        tab.page.reload()
        assert tab.said()[0] == "I had a long day."
        assert tab.page.inner_text("#affect-line") == shown == "sad; quiet"
        assert tab.page.inner_text(".you .how") == "sounded: sad; quiet"
        assert tab.page.get_attribute("#point", "cx") == "50"
        tab.page.click("#talk")
        tab.phase("listening", "hearing")
        assert session_of(tab) == before
        tab.until("document.querySelector('.ours')")
        done = next(e for _, e in tab.received("response.done") if e["response"]["id"] == answering)
        heard = done["response"]["output"][0]["content"][0]["transcript"]
        assert done["response"]["status"] == "cancelled"
        assert LONG.startswith(heard)
        assert tab.said()[1] == heard


def test_a_reload_after_the_session_is_over_tells_the_next_one(browser: Chromium) -> None:
    with running(server__resume_s=0.2) as live, browser.tab(live) as tab:
        tab.may_complain = True  # Chromium reports the refused return itself
        tab.open()
        tab.write("I lost my keys.")
        tab.until("document.querySelector('details.chain')")
        before = session_of(tab)
        tab.page.reload()
        assert tab.page.locator("details.chain").count() == 1, "why it was answered so is still there"
        tab.page.wait_for_timeout(500)  # the session's time to wait
        tab.write("And my phone.")
        tab.until("document.querySelectorAll('.said').length === 4")
        assert session_of(tab) != before
        told = [item["content"][0]["text"] for item in (e["item"] for e in tab.sent("conversation.item.create"))]
        assert told[0] == "I lost my keys."
        assert told[-1] == "And my phone."


def test_a_browser_that_keeps_nothing(browser: Chromium, live: Live) -> None:
    forbidden = """
    const forbid = { get() { throw new DOMException("no", "SecurityError"); } };
    for (const name of ["localStorage", "sessionStorage"]) Object.defineProperty(window, name, forbid);
    """
    with browser.person(live, before=forbidden) as another:
        tab = another()
        tab.open()
        tab.talk()
        tab.phase("speaking")
        tab.page.reload()
        assert tab.said() == []


# -- microphones -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("NotAllowedError", "was not allowed"),
        ("NotFoundError", "No microphone was found"),
        ("NotReadableError", "Another program holds"),
        ("AbortError", "cannot be used"),
    ],
)
def test_without_a_microphone_writing_works(browser: Chromium, live: Live, name: str, told: str) -> None:
    refuse = f"navigator.mediaDevices.getUserMedia = async () => {{ throw new DOMException('no', '{name}'); }};"
    with browser.person(live, before=refuse) as another:
        tab = another()
        tab.open()
        tab.page.click("#talk")
        tab.page.click("text=Yes, also how I sound")
        tab.until(f"document.getElementById('problem').textContent.includes('{told}')")
        assert tab.spied("sockets") == 0
        assert tab.page.evaluate("document.body.dataset.phase") == "idle"
        tab.write("I lost my keys.")
        tab.until("document.querySelectorAll('.said').length === 2")


def test_without_a_loudspeaker_it_says_so(browser: Chromium, live: Live) -> None:
    """As Firefox does it where there is no sound card: its contexts never begin."""
    with browser.person(live, before="AudioContext.prototype.resume = () => new Promise(() => {});") as another:
        tab = another()
        tab.open()
        tab.page.click("#talk")
        tab.page.click("text=Yes, also how I sound")
        tab.until("document.getElementById('problem').textContent.includes('is there a loudspeaker?')")
        assert tab.spied("sockets") == 0


def test_a_microphone_that_is_pulled_out(browser: Chromium, live: Live) -> None:
    keep = """
    const ask = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
    navigator.mediaDevices.getUserMedia = async (wanted) => (window.given = await ask(wanted));
    """
    with browser.person(live, before=keep) as another:
        tab = another()
        tab.open()
        tab.talk()
        tab.page.evaluate("window.given.getTracks()[0].dispatchEvent(new Event('ended'))")
        tab.until("document.getElementById('problem').textContent.includes('microphone is gone')")
        assert tab.page.inner_text("#talk-label").startswith("Talk")
        tab.write("I lost my keys.")
        tab.until("document.querySelectorAll('.ours').length >= 1")
        tab.page.click("#talk")
        tab.until("document.getElementById('talk-label').textContent === 'Mute'")


def test_a_sound_card_of_44100_hz_that_the_browser_does_not_resample(browser: Chromium, live: Live) -> None:
    """As Firefox does it: a microphone's stream is taken only into a context of the microphone's own rate."""
    firefox = """
    const Native = window.AudioContext;
    window.AudioContext = class extends Native {
      constructor(options = {}) { super({ ...options, sampleRate: options.sampleRate ?? 44100 }); }
      createMediaStreamSource(stream) {
        if (this.sampleRate !== 44100) throw new DOMException("different sample-rate", "NotSupportedError");
        return super.createMediaStreamSource(stream);
      }
    };
    """
    with browser.person(live, before=firefox) as another:
        tab = another()
        tab.open()
        tab.talk()
        tab.until("document.querySelectorAll('.you').length >= 1")
        tab.until("window.spied.sent.filter(([, e]) => e.type === 'input_audio_buffer.append').length > 150")
        assert tab.said()[0] == "I had a long day."
        blocks = [(at, event) for at, event in tab.spied("sent") if event["type"] == "input_audio_buffer.append"]
        sound = pcm([event["audio"] for _, event in blocks])
        wall_s = (blocks[-1][0] - blocks[0][0]) / 1000
        assert len(sound) / RATE_HZ == pytest.approx(wall_s, abs=0.5)
        loud = sound[np.flatnonzero(np.abs(sound) > 1000)[0] :][: RATE_HZ // 2]
        spectrum = np.abs(np.fft.rfft(loud * np.hanning(len(loud))))
        assert np.argmax(spectrum) * RATE_HZ / len(loud) == pytest.approx(300, abs=4)


def pcm(deltas: list[str]) -> NDArray[np.float64]:
    return np.frombuffer(b"".join(map(base64.b64decode, deltas)), "<i2").astype(float)


def test_sound_and_clock_do_not_part(browser: Chromium, live: Live) -> None:
    """As much sound is sent as time goes by; AFFETTO_TALK_S=300 talks for five minutes, and -s shows the figures."""
    talk_s = float(os.environ.get("AFFETTO_TALK_S", "5"))
    with browser.tab(live) as tab:
        tab.open()
        tab.talk()
        tab.page.wait_for_timeout(talk_s * 1000)
        blocks = [(at, event) for at, event in tab.spied("sent") if event["type"] == "input_audio_buffer.append"]
        sound_ms = len(pcm([event["audio"] for _, event in blocks])) * 1000 / RATE_HZ
        clock_ms = blocks[-1][0] - blocks[0][0]
        answers = len(tab.received("response.done"))
        print(f"{clock_ms / 1000:.1f} s by the clock, {sound_ms - clock_ms:+.0f} ms of sound, {answers} answers")
        assert abs(sound_ms - clock_ms) < 500


# -- servers -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("limit", "told"), [("sessions", "busy"), ("sessions_per_address", "too many from here")])
def test_a_server_that_is_full(browser: Chromium, limit: str, told: str) -> None:
    with running(**{f"server__{limit}": 1}) as live, live.call(), browser.tab(live) as tab:
        tab.may_complain = True  # Chromium reports each refusal itself
        tab.open()
        tab.write("hello")
        tab.until(f"document.getElementById('problem').textContent.includes('{told}')")
        assert tab.page.input_value("#write") == "hello", "what was written is not lost"


def test_a_server_that_says_try_again_later(browser: Chromium, live: Live) -> None:
    with browser.tab(live) as tab:
        tab.may_complain = True
        lines: list[Any] = []

        def between(line: Any) -> None:
            line.connect_to_server()
            lines.append(line)

        tab.page.route_web_socket("**/v1/realtime", between)
        tab.open()
        tab.write("I lost my keys.")
        tab.until("document.querySelectorAll('.said').length === 2")
        lines[0].close(code=1013, reason="try again later")
        tab.until("window.spied.phases.some(([, phase]) => phase === 'lost')")
        tab.phase("writing")
        tab.write("And my phone.")
        tab.until("document.querySelectorAll('.said').length === 4")


def test_a_page_in_the_background(browser: Chromium, live: Live) -> None:
    """Nothing is drawn, timers come a minute late, as in browsers; the talk goes on, and is taken up when seen."""
    hidden = """
    window.requestAnimationFrame = () => 0;
    const later = window.setTimeout;
    window.setTimeout = (callback, ms, ...given) => later(callback, ms < 4000 ? 60000 : ms, ...given);
    """
    with browser.person(live, before=hidden) as another:
        tab = another()
        tab.may_complain = True  # Chromium reports the broken line itself
        tab.open()
        tab.talk()
        tab.until("document.querySelectorAll('.ours .heard').length >= 3")
        before = session_of(tab)
        cut_lines(live)
        tab.until("document.body.dataset.phase === 'lost'")
        tab.page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
        tab.until("document.body.dataset.phase !== 'lost'")
        assert session_of(tab) == before


# -- tabs --------------------------------------------------------------------------------------------


def test_two_tabs_are_two_conversations_of_one_person(browser: Chromium, live: Live) -> None:
    with browser.person(live) as another:
        one, two = another(), another()
        one.open()
        one.talk()
        one.until("document.querySelector('.you .how')")
        one.until("(sessionStorage.getItem('affetto.conversation') ?? '').includes('\"sad\"')")
        two.open()
        two.page.click("#talk")
        two.phase("listening", "hearing")
        assert session_of(one) != session_of(two)
        two.page.click("#open-privacy")
        two.page.uncheck("#allow-acoustic")
        one.until(
            "window.spied.sent.some(([, e]) => e.type === 'session.update' && e.session.empathy.acoustic === false)"
        )
        assert one.page.inner_text("#affect-line").startswith("Off")
        assert one.page.locator(".how").count() == 0, "nor is shown what was heard before"
        kept = one.page.evaluate("sessionStorage.getItem('affetto.conversation')")
        assert "sad" not in json.dumps(json.loads(kept)["cues"])


# -- those who hear the page, and those whom movement hurts ------------------------------------------


def test_live_regions_say_little(browser: Chromium, live: Live) -> None:
    watch = """
    addEventListener("DOMContentLoaded", () => {
      window.announced = [];
      const note = ([{ target }]) => {
        const text = (target.closest ? target : target.parentElement).textContent;
        if (text) window.announced.push(text);
      };
      const whole = { childList: true, characterData: true, subtree: true };
      const regions = document.querySelectorAll("[role=status], [role=alert], [aria-live]");
      for (const region of regions) new MutationObserver(note).observe(region, whole);
    });
    """
    with browser.person(live, before=watch, reduced_motion="reduce") as another:
        tab = another()
        tab.open()
        tab.talk()
        tab.phase("speaking")
        assert tab.page.evaluate("document.getAnimations().filter((a) => a.playState === 'running').length") == 0
        tab.page.keyboard.press("Escape")
        tab.phase("listening", "hearing")
        tab.page.wait_for_timeout(300)
        assert tab.page.evaluate("window.announced") == ["Listening"]
