"""Runs the hearing models for a session: each call ends in events, whatever happens. No policy."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

from ...models.base import Baseline, Cues, Recognition, Samples
from ...models.cues.baseline import updated
from ...models.errors import BackendError
from .actions import Hear, MeasureOverlap
from .backends import Backends
from .config import SessionConfig
from .draft import Draft, quiet_place
from .echo import is_echo
from .endpointing import milliseconds
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
        self._drafts: dict[int, Draft] = {}
        self._partials: dict[int, tuple[Hear, asyncio.Future[Recognition | None]]] = {}
        self._latest: tuple[int, Cues] | None = None
        self._counted = 0
        self._overlap_busy = False
        self.baseline = Baseline()

    async def hear(self, action: Hear, audio: Samples, config: SessionConfig) -> None:
        """Recognise a stretch of a turn and read the voice; at its end judge the pause, too, side by side."""
        if not action.final:
            await self._partial(action, audio, config)
            return
        async with asyncio.TaskGroup() as tasks:
            if config.turn_detection is not None:
                tasks.create_task(self._judge(action, audio))
            tasks.create_task(self._final(action, audio, config))

    def committed(self, turn: int) -> None:
        """The turn counts: its voice joins the speaker's baseline."""
        self._counted = turn
        for old in [number for number in self._drafts if number < turn]:
            del self._drafts[old]
        if self._latest is not None and self._latest[0] == turn:
            self.baseline = updated(self.baseline, self._latest[1])

    async def measure_overlap(self, action: MeasureOverlap, audio: Samples, echo: float, language: str | None) -> None:
        """Words of the voice over ours, so far; one look at a time. An echo's words are our own: not looked for."""
        heard_ms = milliseconds(len(audio))
        if is_echo(echo, heard_ms / 1000):
            self._post(OverlapMeasured(self._now(), action.overlap, "", echo, heard_ms))
            return
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
        self._post(OverlapMeasured(self._now(), action.overlap, text, echo, heard_ms))

    async def _partial(self, action: Hear, audio: Samples, config: SessionConfig) -> None:
        draft = self._draft(action)
        cut = quiet_place(audio[draft.open_from - action.start :])
        if cut is not None:
            await self._settle(draft, action, audio, draft.open_from + cut, config)
        decode = asyncio.ensure_future(self._recognize(draft, action, audio, config))
        self._partials[action.turn] = (action, decode)
        opened = draft.open_from
        try:
            recognition = await decode
        finally:
            self._partials.pop(action.turn, None)
        if recognition is not None:
            transcript = draft.partial(recognition) if draft.open_from == opened else draft.standing()
            self._post(Recognized(self._now(), action.turn, action.revision, transcript))
            if draft.open_from == opened:
                await self._read(action, audio, draft.final(recognition), config)

    async def _final(self, action: Hear, audio: Samples, config: SessionConfig) -> None:
        draft = self._draft(action)
        opened = draft.open_from
        recognition = await self._covering(draft, action, audio, config)
        if recognition is None:
            return
        if draft.open_from == opened:
            draft.heard(action.end, recognition)
        whole = draft.final(recognition)
        reading = asyncio.ensure_future(self._read(action, audio, whole, config))
        try:
            await asyncio.wait({reading}, timeout=CUES_DEADLINE_S)
            self._post(Recognized(self._now(), action.turn, action.revision, whole.transcript))
            await reading
        finally:
            reading.cancel()

    def _draft(self, action: Hear) -> Draft:
        draft = self._drafts.setdefault(action.turn, Draft(action.start))
        draft.go_on()
        return draft

    async def _settle(self, draft: Draft, action: Hear, audio: Samples, end: int, config: SessionConfig) -> None:
        opened = draft.open_from
        recognition = await self._recognize(draft, action, audio[: end - action.start], config)
        if recognition is not None and draft.open_from == opened:
            draft.settle(end, recognition)

    async def _covering(self, draft: Draft, action: Hear, audio: Samples, config: SessionConfig) -> Recognition | None:
        """The open part decoded: a partial under way will do, if it began after the last word."""
        under_way = self._partials.get(action.turn)
        if under_way is not None and action.voice_end is not None and under_way[0].end >= action.voice_end:
            recognition = await asyncio.shield(under_way[1])
            if recognition is not None:
                return recognition
        return await self._recognize(draft, action, audio, config)

    async def _recognize(self, draft: Draft, action: Hear, audio: Samples, config: SessionConfig) -> Recognition | None:
        """Decode what is open of the turn's audio."""
        prompt = " ".join(text for text in (config.transcription_prompt, draft.context) if text)
        try:
            return await self._backends.recognizer.recognize(
                audio[draft.open_from - action.start :], language=config.language, prompt=prompt
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
            voice=None,
        )
        if action.final:
            self._latest = (action.turn, cues)
            if action.turn <= self._counted:
                self.baseline = updated(self.baseline, cues)
        self._post(CuesRead(self._now(), action.turn, action.revision, shown))

    def _fail(self, action: Hear, stage: str, error: BackendError) -> None:
        self._post(HearingFailed(self._now(), action.turn, action.revision, stage, str(error)))  # type: ignore[arg-type]
