"""One exchange put together from its events."""

from __future__ import annotations

import base64
import json
from typing import Any

import numpy as np

from affetto.clients.turn import TurnCollector

BUFFER = "input_audio_buffer"
TRANSCRIPT = "conversation.item.input_audio_transcription"


def audio(*samples: int) -> dict[str, Any]:
    data = np.array(samples, "<i2").tobytes()
    return {"type": "response.output_audio.delta", "item_id": "a", "delta": base64.b64encode(data).decode()}


def transcript(text: str, **extra: Any) -> dict[str, Any]:
    return {"type": f"{TRANSCRIPT}.completed", "transcript": text, **extra}


def done(status: str = "completed", text: str = "Oh no.", **extra: Any) -> dict[str, Any]:
    details = {"status_details": {"type": status, "reason": "turn_detected"}} if status == "cancelled" else {}
    output = [{"content": [{"type": "output_audio", "transcript": text}]}]
    return {"type": "response.done", "response": {"status": status, "output": output, **details}, **extra}


def collect(*events: tuple[float, dict[str, Any]]) -> TurnCollector:
    collector = TurnCollector(1.0)
    for when, event in events:
        collector.take(event, when)
    return collector


SPOKEN = (
    (0.1, {"type": f"{BUFFER}.speech_started"}),
    (1.2, {"type": f"{BUFFER}.speech_stopped"}),
    (1.2, {"type": f"{BUFFER}.committed"}),
    (1.3, transcript("My dog died.", empathy={"cues": {"style": ["quiet"]}})),
    (1.3, {"type": "response.created"}),
)


def test_a_spoken_exchange() -> None:
    trace = {"appraisal": {"emotion": "grieving"}, "timings_ms": {"committed": 190}, "degraded": ["speech: slow"]}
    collector = collect(*SPOKEN, (1.5, audio(0, 0, 500)), (1.6, audio(7)), (2.0, done(empathy=trace)))

    turn = collector.turn()

    assert collector.complete
    assert (turn.heard, turn.reply, turn.status) == ("My dog died.", "Oh no.", "completed")
    assert turn.cues == {"style": ["quiet"]}
    assert turn.appraisal == {"emotion": "grieving"}
    assert turn.degraded == ("speech: slow",)
    assert turn.server_ms == {"committed": 190}
    assert turn.client_ms == {"committed": 200, "transcript": 300, "first_audio": 500, "first_sound": 500, "done": 1000}
    assert turn.audio.tolist() == [0, 0, 500, 7]


def test_the_first_sound_is_the_first_that_can_be_heard() -> None:
    silence = [0] * 2400
    collector = collect(*SPOKEN, (1.5, audio(*silence)), (1.6, audio(*silence, 3000)))

    assert collector.turn().client_ms["first_sound"] == 700


def test_is_not_complete_while_anything_is_under_way() -> None:
    collector = TurnCollector(0.0)
    states = []
    for when, event in (*SPOKEN, (2.0, done())):
        collector.take(event, when)
        states.append((collector.busy, collector.complete))

    assert states == [(True, False)] * 5 + [(False, True)]


def test_an_answer_that_was_cut_off_does_not_count_and_the_next_does() -> None:
    cut = (*SPOKEN, (1.5, audio(1)), (1.6, done("cancelled", "Oh")))
    collector = collect(*cut)
    assert not collector.complete
    assert (collector.turn().status, collector.turn().reason) == ("cancelled", "turn_detected")

    for when, event in (*SPOKEN, (3.0, audio(2)), (3.0, done(text="I see."))):
        collector.take(event, when)

    turn = collector.turn()
    assert collector.complete
    assert (turn.heard, turn.reply, turn.audio.tolist()) == ("My dog died. My dog died.", "I see.", [2])


def test_words_that_nobody_said_are_not_waited_for() -> None:
    collector = collect(*SPOKEN[:3], (1.3, transcript("")))

    assert not collector.busy
    assert not collector.complete
    assert collector.turn().status == "none"


def test_errors_are_kept() -> None:
    collector = collect(
        (1.0, {"type": "error", "error": {"message": "too fast"}}),
        (1.0, {"type": f"{TRANSCRIPT}.failed", "error": {"message": "not understood"}}),
    )

    assert collector.turn().errors == ("too fast", "not understood")


def test_a_turn_is_json() -> None:
    record = json.loads(json.dumps(collect(*SPOKEN, (1.5, audio(*[9] * 24_000)), (2.0, done())).turn().record()))

    assert record["audio_s"] == 1.0
    assert "audio" not in record
