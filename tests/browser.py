"""A real Chromium with a microphone made of a file, and what its pages said and asked for."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tarfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from live import RATE_HZ, Live, voice

ARTEFACTS = Path(__file__).parents[1] / "build" / "screenshots"
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream",
    "--host-resolver-rules=MAP affetto.test 127.0.0.1",
)
WAIT_MS = 30_000
SPY = """
(() => {
  const Native = window.WebSocket;
  window.spied = { sent: [], received: [], phases: [], heard: [], sockets: 0 };
  window.WebSocket = class extends Native {
    constructor(...given) {
      super(...given);
      window.spied.sockets += 1;
      const note = ({ data }) => window.spied.received.push([performance.now(), JSON.parse(data)]);
      super.addEventListener("message", note);
    }
    send(data) {
      const event = JSON.parse(data);
      window.spied.sent.push([performance.now(), event]);
      if (event.type === "empathy.playback") {
        const words = document.querySelectorAll(`[data-item="${event.item_id}"] .heard`);
        window.spied.heard.push([event.item_id, event.played_ms, words.length]);
      }
      super.send(data);
    }
  };
  const note = () => window.spied.phases.push([performance.now(), document.body.dataset.phase]);
  const watch = () => new MutationObserver(note).observe(document.body, { attributeFilter: ["data-phase"] });
  addEventListener("DOMContentLoaded", watch);
})();
"""
"""Runs before the page: what goes over its sockets, and when what it shows changes."""


def chromium() -> str:
    """The browser's path; skips where there is none."""
    found = next(
        (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None
    )
    if found is None:
        pytest.skip("there is no Chromium here (Debian: apt-get install chromium), so the page is not tested")
    return found


def spoken(*stretches: tuple[float, bool]) -> NDArray[np.int16]:
    """Silence and a voice (to the scripted VAD), as (seconds, loud)."""
    return np.concatenate([voice(s) if loud else np.zeros(int(s * RATE_HZ), np.int16) for s, loud in stretches])


@dataclass
class Tab:
    """A page, and what must not happen on it."""

    page: Any
    live: Live
    complaints: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    may_complain: bool = False
    wait_ms: int = WAIT_MS

    def open(self, path: str = "/", host: str = "localhost") -> None:
        self.page.goto(f"http://{host}:{self.live.port}{path}")

    def talk(self, answer: str = "Yes, also how I sound") -> None:
        """Press the button, and answer the notice."""
        self.page.click("#talk")
        self.page.click(f"text={answer}")
        self.phase("listening", "hearing")

    def write(self, text: str) -> None:
        self.page.fill("#write", text)
        self.page.press("#write", "Enter")

    def phase(self, *phases: str) -> None:
        """Wait until the page is in one of these."""
        self.until(f"{json.dumps(phases)}.includes(document.body.dataset.phase)")

    def until(self, condition: str) -> None:
        """Wait until this is so; asked from outside, for the page's policy lets no string become a program."""
        deadline = time.monotonic() + self.wait_ms / 1000
        while not self.page.evaluate(condition):
            if time.monotonic() > deadline:
                raise TimeoutError(f"{condition} is not so; phases {self.spied('phases')[-8:]}, said {self.said()}")
            self.page.wait_for_timeout(20)

    def said(self) -> list[str]:
        """The words of both sides, in order."""
        texts: list[str] = self.page.locator(".said").all_inner_texts()
        return texts

    def sent(self, kind: str) -> list[dict[str, Any]]:
        """Events that the page sent, by type."""
        return [event for _, event in self.spied("sent") if event["type"] == kind]

    def received(self, kind: str) -> list[tuple[float, dict[str, Any]]]:
        """Events that came, by type, with the page's time in ms."""
        return [(at, event) for at, event in self.spied("received") if event["type"] == kind]

    def spied(self, what: str) -> list[Any]:
        found: list[Any] = self.page.evaluate(f"window.spied.{what}")
        return found

    def shoot(self, name: str) -> None:
        """Keep a picture, to be looked at."""
        ARTEFACTS.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=ARTEFACTS / f"{name}.png")


def cut_lines(live: Live) -> None:
    """As a network does that has gone: no goodbye."""

    def cut() -> None:
        for connection in list(live.server.server_state.connections):
            connection.transport.abort()  # type: ignore[union-attr]

    live.loop.call_soon_threadsafe(cut)


def axe(folder: Path) -> str:
    """axe-core, as its package has it; skips where it cannot be fetched."""
    packed = subprocess.run(
        ["npm", "pack", "axe-core@4.14.1", "--loglevel=error"], cwd=folder, capture_output=True, timeout=60, check=False
    )
    if packed.returncode:
        pytest.skip("axe-core cannot be fetched, so accessibility is not checked")
    with tarfile.open(next(folder.glob("*.tgz"))) as package:
        script = package.extractfile("package/axe.min.js")
        assert script is not None
        return script.read().decode()


def check(tab: Tab, script: str) -> None:
    """No violation of any rule that axe knows."""
    tab.page.evaluate(script)
    found = tab.page.evaluate("axe.run()")
    assert found["passes"]
    assert [(v["id"], [node["html"][:120] for node in v["nodes"]]) for v in found["violations"]] == []


class Chromium:
    """A running browser whose microphone plays one sound again and again, from its start when it is opened."""

    def __init__(self, browser: Any) -> None:
        self._browser = browser

    @contextmanager
    def tab(self, live: Live, **context: Any) -> Iterator[Tab]:
        """A page with a memory of its own; in the end it must not have complained, nor asked anybody else."""
        with self.person(live, **context) as tabs:
            yield tabs()

    @contextmanager
    def person(self, live: Live, *, before: str = "", **context: Any) -> Iterator[Callable[[], Tab]]:
        """Opens as many tabs as are asked for, with one memory; `before` is a script that runs first in each."""
        tabs: list[Tab] = []
        with self._browser.new_context(**{"viewport": {"width": 1280, "height": 800}, **context}) as held:
            held.add_init_script(before + SPY)

            def another() -> Tab:
                tabs.append(_watched(held.new_page(), live))
                return tabs[-1]

            yield another
            for tab in tabs:
                assert tab.may_complain or tab.complaints == []
                assert {url.split("/")[2].rpartition(":")[2] for url in tab.requests} <= {str(live.port)}


def _watched(page: Any, live: Live) -> Tab:
    page.set_default_timeout(WAIT_MS)
    tab = Tab(page, live)
    page.on("console", lambda message: message.type in ("error", "warning") and tab.complaints.append(message.text))
    page.on("pageerror", lambda error: tab.complaints.append(str(error)))
    page.on("request", lambda request: tab.requests.append(request.url))
    return tab


@contextmanager
def running_browser(folder: Path, microphone: NDArray[np.int16]) -> Iterator[Chromium]:
    """A headless Chromium; skips where there is none."""
    path = chromium()
    api = pytest.importorskip("playwright.sync_api")
    sound = folder / "microphone.wav"
    soundfile.write(sound, microphone, RATE_HZ, subtype="PCM_16")
    flags = [*FLAGS, f"--use-file-for-fake-audio-capture={sound}"]
    environment = {**os.environ, "HOME": str(folder)}
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=flags, env=environment)
        try:
            yield Chromium(browser)
        finally:
            browser.close()
