"""How excited our own voice sounds to the cue heads, whether or not they are sure that something is felt."""

from __future__ import annotations

from ...models.asr.faster_whisper import FasterWhisper
from ...models.base import Baseline, Samples
from ...models.cues import families, features, prosody
from ...models.cues.heads import Heads


def arousal(audio: Samples, *, heads: Heads, ears: FasterWhisper) -> float:
    """From -1 to 1, of a stranger. The head that tells plain talk is left out: it calls most of what a synthesizer
    says plain, and there is no more or less in that. `ears` must be what the heads were trained on."""
    turn = features.of(audio, ears.encoding(audio), prosody.contours_of(audio))
    found = heads.families(heads.relative(turn.numbers, Baseline()))
    return families.affect(dict(zip(families.HEADS, map(float, found), strict=True)))[1]
