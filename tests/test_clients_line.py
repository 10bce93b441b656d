"""The line between a scripted speaker and a server, in virtual time."""

from __future__ import annotations

import numpy as np
import pytest

from affetto.clients import file
from affetto.clients.connection import Event
from affetto.clients.errors import CallEnded
from affetto.clients.line import BLOCK, BLOCK_S, Line, Script
from affetto.clients.playout import Playout
from callers import RATE, Caller, delta, live, speech
from virtual import run


def test_speech_is_sent_at_its_own_pace_once_it_has_been_spoken() -> None:
    caller, held = Caller(), Line(Playout())

    live(caller, held, held.say(speech(0.1)))

    assert [when for when, _ in caller.sent] == pytest.approx([0.02, 0.04, 0.06, 0.08])
    assert held.now_s == pytest.approx(0.1)
    assert held.late_s == pytest.approx(0.0, abs=1e-9)


def test_what_arrives_sounds_from_the_next_block_on() -> None:
    caller, held = Caller((0.11, delta(0.04))), Line(Playout())

    live(caller, held, held.hush(0.3))

    sounding = np.flatnonzero(held.heard)
    assert (sounding[0] / RATE, (sounding[-1] + 1) / RATE) == pytest.approx((0.12, 0.16))
    assert [item for item in held.items if item] == ["a", "a"]
    assert held.quiet_s == pytest.approx(0.14)


def test_keeps_events_with_their_times_and_without_their_sound() -> None:
    heard: list[tuple[str, float]] = []
    caller = Caller((0.05, {"type": "response.created"}), (0.11, delta(0.02)))
    held = Line(Playout(), on_event=lambda event, at_s: heard.append((event["type"], round(at_s, 3))))

    live(caller, held, held.hush(0.2))

    assert heard == [("response.created", 0.05), ("response.output_audio.delta", 0.11)]
    assert "delta" not in held.events[1].event
    assert held.responding


def test_scripts_wait_for_what_happens_or_give_up() -> None:
    caller, held, outcomes = Caller((0.1, delta(0.02))), Line(Playout()), []

    def script() -> Script[None]:
        outcomes.append((yield from held.wait(lambda: held.playout.played > 0, limit_s=1)))
        outcomes.append((yield from held.wait(lambda: False, limit_s=0.5)))

    live(caller, held, script())

    assert outcomes == [True, False]
    assert held.now_s == pytest.approx(0.62)


def test_reports_what_was_played() -> None:
    caller, held = Caller((0.0, delta(0.3))), Line(Playout())

    live(caller, held, held.hush(0.6), reports=True)

    assert caller.reports[-1] == ("a", 300)
    assert [played for _, played in caller.reports] == sorted({played for _, played in caller.reports})


def test_a_call_that_ends_ends_the_script() -> None:
    held = Line(Playout())

    with pytest.raises(CallEnded):
        live(Caller(breaks_at=0.1), held, held.hush(5))

    assert held.now_s < 0.2


DONE = {"type": "response.done", "response": {"status": "completed", "output": []}}


def committed(text: str) -> list[Event]:
    transcript = {"type": "conversation.item.input_audio_transcription.completed", "transcript": text}
    return [{"type": "input_audio_buffer.committed"}, transcript]


def answered(when: float, text: str = "hello") -> list[tuple[float, Event]]:
    return [(when, event) for event in [*committed(text), {"type": "response.created"}, delta(0.2), DONE]]


def test_a_recording_is_spoken_and_its_answer_awaited() -> None:
    caller = Caller(*answered(2.0))

    turn = run(file.speak(caller, speech(1)))  # type: ignore[arg-type]

    assert (turn.heard, turn.status, len(turn.audio)) == ("hello", "completed", 0.2 * RATE)
    assert turn.client_ms["first_audio"] == pytest.approx(700, abs=1)
    spoken = [block for _, block in caller.sent if block.any()]
    assert len(spoken) * BLOCK_S == pytest.approx(1)
    assert all(len(block) == BLOCK for block in spoken)


def test_an_answer_in_the_middle_of_a_recording_is_not_the_answer() -> None:
    caller = Caller(
        *answered(0.5, "first"), (0.7, {"type": "input_audio_buffer.speech_started"}), *answered(3.0, "last")
    )

    turn = run(file.speak(caller, speech(2)))  # type: ignore[arg-type]

    assert turn.heard == "first last"
    assert turn.client_ms["done"] == pytest.approx(700, abs=1)


def test_a_recording_that_nobody_answers_comes_to_an_end() -> None:
    noise = [(2.0, event) for event in committed("")]

    assert run(file.speak(Caller(*noise), speech(1))).status == "none"  # type: ignore[arg-type]
    assert run(file.speak(Caller(), speech(1))).status == "none"  # type: ignore[arg-type]
