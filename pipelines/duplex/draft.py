"""The words of one turn while it grows. What was settled is not decoded again, so that long speech costs in
proportion to its length. Pure.

A turn is decoded whole while it is short, as a recogniser needs context. Beyond `SETTLE_S` what lies before the
last pause is settled; speech without pauses is settled up to a quiet place once `LONGEST_S` are open.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from ...models.base import HEARING_RATE_HZ, Encoding, Recognition, Samples, Transcript
from .agreement import Agreement

SETTLE_S = 8.0
LONGEST_S = 14.0
SEARCH_S = 6.0
"""A quiet place is looked for in these seconds, less the last one."""
HOP = HEARING_RATE_HZ // 50


@dataclass(slots=True)
class Draft:
    """Positions are samples of the session clock; [`open_from`, now) is still being decoded."""

    open_from: int
    _agreement: Agreement = field(default_factory=Agreement)
    _settled: list[Recognition] = field(default_factory=list)
    _shown: list[str] = field(default_factory=list)
    _latest: tuple[int, Recognition] | None = None

    def heard(self, end: int, recognition: Recognition) -> None:
        """[`open_from`, `end`) was decoded up to a pause: it may be settled there if the speaker goes on."""
        self._latest = (end, recognition)

    def go_on(self) -> None:
        """The speaker has gone on after the last pause that was decoded."""
        if self._latest is not None:
            end, recognition = self._latest
            self._latest = None
            if end - self.open_from >= SETTLE_S * HEARING_RATE_HZ:
                self.settle(end, recognition)

    def settle(self, end: int, recognition: Recognition) -> None:
        """The words of [`open_from`, `end`) stay as they are."""
        self._shown.append(self._agreement.update(recognition.transcript).text)
        self._settled.append(recognition)
        self._agreement, self.open_from = Agreement(), end

    def partial(self, recognition: Recognition) -> Transcript:
        """All words so far, when the open part was decoded as this; those shown as stable never change."""
        transcript = self._agreement.update(recognition.transcript)
        text = " ".join(part for part in (*self._shown, transcript.text) if part)
        return replace(transcript, text=text, stable_chars=len(self.standing().text), final=False)

    def standing(self) -> Transcript:
        """The words that will not change any more."""
        text = " ".join(part for part in (*self._shown, self._agreement.stable) if part)
        return Transcript(text, stable_chars=len(text))

    def final(self, recognition: Recognition) -> Recognition:
        """The whole turn, when its open part was decoded as this."""
        parts = [*self._settled, recognition]
        text = " ".join(part.transcript.text for part in parts if part.transcript.text)
        transcript = replace(recognition.transcript, text=text, stable_chars=len(text), final=True)
        encodings = [part.encoding for part in parts if part.encoding is not None]
        if len(encodings) < len(parts):
            return Recognition(transcript)
        frames = np.concatenate([encoding.frames for encoding in encodings])
        return Recognition(transcript, Encoding(frames, encodings[0].hop_samples))

    @property
    def context(self) -> str:
        """The last settled words: what a recogniser is told went before."""
        return self._settled[-1].transcript.text if self._settled else ""


def quiet_place(audio: Samples) -> int | None:
    """Where to cut open speech that has become too long, in samples; `None` while it has not."""
    if len(audio) < LONGEST_S * HEARING_RATE_HZ:
        return None
    begin, end = len(audio) - int(SEARCH_S * HEARING_RATE_HZ), len(audio) - HEARING_RATE_HZ
    hops = audio[begin:end][: (end - begin) // HOP * HOP].reshape(-1, HOP)
    smooth = np.convolve(np.square(hops).mean(axis=1), np.ones(10) / 10, mode="valid")
    return begin + (int(np.argmin(smooth)) + 5) * HOP
