"""Runs the hearing models for a session: each call ends in events, whatever happens. No policy."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

from ...models.base import Baseline, Cues, Recognition, Samples
from ...models.cues.baseline import updated
from ...models.errors import BackendError
from .actions import Hear, MeasureOverlap
from .agreement import Agreement
from .backends import Backends
from .config import SessionConfig
from .events import CuesRead, Event, HearingFailed, OverlapMeasured, PauseJudged, Recognized

CUES_DEADLINE_S = 0.25
"""Cues that take longer than this come after the words; they amend, never block."""

Now = Callable[[], int]
Post = Callable[[Event], None]


class Hearing:
    """One session's ears: the words settled so far of each turn, and the speaker's baseline."""

    def __init__(self, backends: Backends, post: Post, now: Now) -> None:
        self._backends = backends
        self._post = post
        self._now = now
        self._agreements: dict[int, Agreement] = {}
        self._latest: tuple[int, Cues] | None = None
        self._counted = 0
        self._overlap_busy = False
        self.baseline = Baseline()

    async def hear(self, action: Hear, audio: Samples, config: SessionConfig) -> None:
        """Recognise a stretch of a turn; at its end judge the pause and read the voice, side by side."""
        if not action.final:
            await self._partial(action, audio, config)
            return
        async with asyncio.TaskGroup() as tasks:
            if config.turn_detection is not None:
                tasks.create_task(self._judge(action, audio))
            tasks.create_task(self._final(action, audio, config))

    def committed(self, turn: int) -> None:
        """The turn counts: its voice joins the speaker's baseline."""
        self._agreements.pop(turn, None)
        self._counted = turn
        if self._latest is not None and self._latest[0] == turn:
            self.baseline = updated(self.baseline, self._latest[1])

    async def measure_overlap(self, action: MeasureOverlap, audio: Samples, echo: float, language: str | None) -> None:
        """Words of the voice over ours, so far; one look at a time."""
        if self._overlap_busy:
            return
        self._overlap_busy = True
        try:
            recognition = await self._backends.recognizer.recognize(audio, language=language)
            text = recognition.transcript.text
        except BackendError as error:
            self._post(HearingFailed(self._now(), 0, 0, "recognition", str(error)))
            text = ""
        finally:
            self._overlap_busy = False
        self._post(OverlapMeasured(self._now(), action.overlap, text, echo))

    async def _partial(self, action: Hear, audio: Samples, config: SessionConfig) -> None:
        recognition = await self._recognize(action, audio, config)
        if recognition is not None:
            agreement = self._agreements.setdefault(action.turn, Agreement())
            transcript = agreement.update(recognition.transcript)
            self._post(Recognized(self._now(), action.turn, action.revision, replace(transcript, final=False)))

    async def _final(self, action: Hear, audio: Samples, config: SessionConfig) -> None:
        recognition = await self._recognize(action, audio, config)
        if recognition is None:
            return
        reading = asyncio.ensure_future(self._read(action, audio, recognition, config))
        try:
            await asyncio.wait({reading}, timeout=CUES_DEADLINE_S)
            text = recognition.transcript.text
            transcript = replace(recognition.transcript, final=True, stable_chars=len(text))
            self._post(Recognized(self._now(), action.turn, action.revision, transcript))
            await reading
        finally:
            reading.cancel()

    async def _recognize(self, action: Hear, audio: Samples, config: SessionConfig) -> Recognition | None:
        try:
            return await self._backends.recognizer.recognize(
                audio, language=config.language, prompt=config.transcription_prompt
            )
        except BackendError as error:
            self._fail(action, "recognition", error)
            return None

    async def _judge(self, action: Hear, audio: Samples) -> None:
        try:
            completion = await self._backends.turn.completion(audio)
        except BackendError as error:
            self._fail(action, "turn", error)
        else:
            self._post(PauseJudged(self._now(), action.turn, action.revision, completion))

    async def _read(self, action: Hear, audio: Samples, recognition: Recognition, config: SessionConfig) -> None:
        if not config.empathy.acoustic:
            return
        try:
            cues = await self._backends.cues.extract(
                audio, baseline=self.baseline, transcript=recognition.transcript, encoding=recognition.encoding
            )
        except BackendError as error:
            self._fail(action, "cues", error)
            return
        shown = replace(
            cues,
            age=cues.age if config.empathy.age else None,
            gender=cues.gender if config.empathy.gender else None,
        )
        self._latest = (action.turn, shown)
        if action.turn <= self._counted:
            self.baseline = updated(self.baseline, shown)
        self._post(CuesRead(self._now(), action.turn, action.revision, shown))

    def _fail(self, action: Hear, stage: str, error: BackendError) -> None:
        self._post(HearingFailed(self._now(), action.turn, action.revision, stage, str(error)))  # type: ignore[arg-type]
