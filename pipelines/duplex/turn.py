"""One turn of the user's: its stretch of audio, what is known of it so far, and whether its sounds were words. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from ...models.base import Cues, Transcript
from ...models.labels import VocalEvent
from . import wording
from .endpointing import samples

SHORTEST_VOICE_MS = 130
"""No word is shorter: what a recogniser hears in less (in a cough "Yeah.") was not said."""
REFLEXES = frozenset({VocalEvent.COUGH, VocalEvent.SNEEZE, VocalEvent.THROAT_CLEAR})
"""Sounds that nobody makes to say something."""
REFLEX_SHARE = 0.6
"""A turn of which reflexes are so much, and that has no more than so many words, was a reflex: the recogniser made the
words of it ("AHA!" of a cough). Who coughs and then says "yes" is below it."""
REFLEX_WORDS = 2


@dataclass(slots=True)
class Turn:
    """One stretch of the user's speech; `revision` counts its pauses."""

    number: int
    item_id: str
    start: int
    offset: int
    voice_from: int | None = None
    voiced: int | None = None
    """Samples of voice in it up to the last pause; `None` where nobody watched for one."""
    revision: int = 0
    completion: float | None = None
    text: str | None = None
    closure: float | None = None
    shown: str = ""
    cues: Cues | None = None
    hearing: bool = False
    awaited: bool = False
    """Whether the words up to the pause in hand are still being recognised."""
    failure: str | None = None
    """Why they could not be."""
    urgent: bool = False
    """Whether the words up to the pause in hand tell of a crisis."""
    committed_at: int | None = None
    wants_response: bool = False
    took_over: bool = False
    """Whether its first sound ended a reply of which nothing was heard yet."""
    seconds: float = 0.0

    def count_voice(self) -> None:
        """A stretch of voice has ended at the offset."""
        if self.voice_from is not None and self.voiced is not None:
            self.voiced += self.offset - self.voice_from
            self.voice_from = None

    def said(self, transcript: Transcript) -> str:
        """Its words; none where the voice was too short for any, or made only sounds: a cough is no question, and who
        says "um" goes on. What a client commits itself is taken as it is."""
        text = transcript.text.strip()
        if self.voiced is None:
            return text
        wordless = self.voiced < samples(SHORTEST_VOICE_MS) or wording.sounds(text) or self.is_reflex(text)
        return "" if wordless else text

    def is_reflex(self, text: str) -> bool:
        """Whether the voice coughed, sneezed or cleared its throat, as far as is known yet, and did little else."""
        if not self.voiced or self.cues is None or len(text.split()) > REFLEX_WORDS:
            return False
        spent = sum(span.end - span.start for span in self.cues.events if span.event in REFLEXES)
        return spent >= REFLEX_SHARE * self.voiced
