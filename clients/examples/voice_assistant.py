"""A home's voice assistant, as Home Assistant drives one: a recording in, a recording out, over plain HTTP.

    python -m affetto.clients.examples.voice_assistant question.wav answer.mp3 [URL]

Three steps, each of them OpenAI's: transcribe, chat, speak. The tone that the answer is meant in goes to the voice.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import httpx

URL = "http://127.0.0.1:8600"
TIMEOUT_S = 120.0


class Assistant:
    """Keeps what was said, as the server does not: HTTP has no session."""

    def __init__(self, url: str = URL, api_key: str = "-") -> None:
        headers = {"Authorization": f"Bearer {api_key}"}
        self._http = httpx.Client(base_url=f"{url}/v1", headers=headers, timeout=TIMEOUT_S, trust_env=False)
        self._messages: list[dict[str, str]] = []

    def hear(self, recording: Path) -> str:
        """The words of a recording. Raises httpx.HTTPError, as all of these do."""
        with recording.open("rb") as sound:
            answer = self._http.post("/audio/transcriptions", files={"file": (recording.name, sound)})
        return str(self._checked(answer)["text"])

    def think(self, words: str) -> tuple[str, str]:
        """The answer, and its tone."""
        asked = [*self._messages, {"role": "user", "content": words}]
        answer = self._checked(self._http.post("/chat/completions", json={"model": "affetto", "messages": asked}))
        reply = str(answer["choices"][0]["message"]["content"])
        self._messages = [*asked, {"role": "assistant", "content": reply}]
        return reply, str(answer["empathy"].get("appraisal", {}).get("tone", "warm"))

    def speak(self, text: str, tone: str, to: Path) -> None:
        """Save the spoken answer, in the format that the file's name says."""
        asked = {"model": "affetto", "input": text, "voice": "default", "empathy": {"tone": tone}}
        asked["response_format"] = to.suffix[1:]
        with self._http.stream("POST", "/audio/speech", json=asked) as answer, to.open("wb") as file:
            answer.raise_for_status()
            for piece in answer.iter_bytes():
                file.write(piece)

    def close(self) -> None:
        self._http.close()

    def _checked(self, answer: httpx.Response) -> dict[str, Any]:
        answer.raise_for_status()
        found: dict[str, Any] = answer.json()
        return found


def main(question: str, answer: str, url: str = URL) -> str:
    assistant = Assistant(url)
    try:
        words = assistant.hear(Path(question))
        reply, tone = assistant.think(words)
        assistant.speak(reply, tone, Path(answer))
    finally:
        assistant.close()
    print(f"heard: {words}\nreply ({tone}): {reply}")
    return reply


if __name__ == "__main__":
    main(*sys.argv[1:])
