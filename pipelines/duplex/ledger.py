"""Which words of a reply were heard: spoken words on the timeline of the reply's audio."""

from __future__ import annotations

from dataclasses import dataclass, field

from ...models.base import SpokenWord


@dataclass(slots=True)
class Ledger:
    """Fed in order: a phrase's text, then its audio. Positions are samples of the reply's audio at `rate_hz`."""

    rate_hz: int = 24_000
    samples: int = 0
    _phrases: list[str] = field(default_factory=list)
    _words: list[tuple[str, int, int]] = field(default_factory=list)
    _origin: int = 0
    _timed: bool = True

    @property
    def text(self) -> str:
        """All that was or will be said."""
        return " ".join(phrase.strip() for phrase in self._phrases if phrase.strip())

    @property
    def duration_ms(self) -> int:
        """Length of the audio so far."""
        return self.samples * 1000 // self.rate_hz

    def word(self, phrase: str) -> None:
        self._phrases.append(phrase)

    def voice(self, samples: int, rate_hz: int, words: tuple[SpokenWord, ...], *, starts_phrase: bool) -> None:
        if starts_phrase:
            self._origin = self.samples
            self._timed = self._timed and bool(words)
        self.rate_hz = rate_hz
        self.samples += samples
        self._words += [(w.text.strip(), self._origin + w.start, self._origin + w.end) for w in words]

    def heard(self, played: int) -> str:
        """Text of the words whose middle was played; by proportion where the synthesizer timed no words."""
        if played >= self.samples:
            return self.text if self.samples else ""
        if not self._timed:
            return self._proportional(played)
        return " ".join(text for text, start, end in self._words if (start + end) // 2 < played)

    def _proportional(self, played: int) -> str:
        words = self.text.split()
        return " ".join(words[: int(len(words) * played / max(1, self.samples))])
