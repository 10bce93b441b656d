"""Audio of the microphone on its way to voice edges, and reminders: by hand, without a session."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from affetto.models.base import HEARING_RATE_HZ, VAD_FRAME_SAMPLES, Samples
from affetto.pipelines.duplex.clock import Stopwatch
from affetto.pipelines.duplex.config import SessionConfig
from affetto.pipelines.duplex.conversation import Conversation
from affetto.pipelines.duplex.events import TimerFired, TimerKind, VoiceStarted, VoiceStopped
from affetto.pipelines.duplex.intake import BACKLOG_SAMPLES, Intake
from affetto.pipelines.duplex.policy import DuplexPolicy
from affetto.pipelines.duplex.timers import Timers


class Loudness:
    """A scripted VAD: what is loud is a voice."""

    def probability(self, frame: Samples) -> float:
        return float(np.abs(frame).max() > 0.1)


class Wall:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def wall() -> Wall:
    return Wall()


@pytest.fixture
def intake(wall: Wall) -> Intake:
    conversation = Conversation("s", SessionConfig(), DuplexPolicy())
    return Intake(conversation, Loudness(), Stopwatch(wall))


def sound(seconds: float, level: int = 0) -> NDArray[np.int16]:
    return np.full(round(seconds * HEARING_RATE_HZ), level, np.int16)


def edges(intake: Intake) -> list[VoiceStarted | VoiceStopped]:
    found = []
    while intake.waits or intake.owes(0):
        found += [news for news in intake.take() if not isinstance(news, int)]
    return found


def test_a_voice_begins_and_ends_where_it_was(intake: Intake) -> None:
    intake.push(np.concatenate([sound(0.32), sound(0.64, 9000), sound(0.64)]))
    started, stopped = edges(intake)
    assert isinstance(started, VoiceStarted)
    assert isinstance(stopped, VoiceStopped)
    assert started.onset == round(0.32 * HEARING_RATE_HZ)
    assert stopped.offset == round(0.96 * HEARING_RATE_HZ)


def test_each_frame_is_told_once_it_was_watched(intake: Intake) -> None:
    intake.push(sound(0.1))
    assert [news for news in intake.take() if isinstance(news, int)] == [VAD_FRAME_SAMPLES * n for n in (1, 2, 3)]
    assert intake.now() == round(0.1 * HEARING_RATE_HZ)


def test_a_voice_whose_audio_stops_coming_has_ended(intake: Intake, wall: Wall) -> None:
    intake.push(sound(0.32, 9000))
    assert [type(edge) for edge in edges(intake)] == [VoiceStarted]
    assert intake.stall_due() is not None
    wall.now += 3.0
    assert [type(edge) for edge in intake.take()] == [VoiceStopped]
    assert intake.stall_due() is None


def test_audio_that_never_came_is_told_apart(intake: Intake, wall: Wall) -> None:
    intake.push(sound(0.32))
    edges(intake)
    wall.now += 5.0
    intake.push(sound(0.32))
    edges(intake)
    assert intake.missing == round((5.0 - 1.0) * HEARING_RATE_HZ)  # a second of it is a network's hiccup


def test_beyond_the_backlog_the_oldest_is_dropped(intake: Intake) -> None:
    pieces = [intake.push(sound(1.0)) for _ in range(32)]
    assert sum(pieces) == 2 * HEARING_RATE_HZ
    assert intake.backlog_s == BACKLOG_SAMPLES / HEARING_RATE_HZ


def test_it_owes_what_was_sent_before_a_request(intake: Intake) -> None:
    intake.push(sound(1.0))
    asked = intake.pushed
    assert intake.owes(asked)
    edges(intake)
    assert not intake.owes(asked)
    intake.push(sound(0.01))
    assert not intake.owes(asked)


def test_reminders_come_in_their_order_and_may_set_others() -> None:
    timers = Timers()
    kinds = [TimerKind.REPLY, TimerKind.PLAYBACK]
    for kind, at in zip(kinds, (900, 300), strict=True):
        timers.start(kind, at)
    assert timers.next == 300
    assert timers.fire(299) is None
    assert timers.fire(1000) == TimerFired(300, TimerKind.PLAYBACK)
    timers.start(TimerKind.PLAYBACK, 950)
    timers.stop(TimerKind.REPLY)
    assert timers.fire(1000) == TimerFired(950, TimerKind.PLAYBACK)
    assert timers.fire(1000) is None
    assert timers.next is None
