"""Every claim about a voice is shown by the measurement that it names, over the recordings that ship."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from affetto.models.base import HEARING_RATE_HZ, Baseline, Evidence, Samples, Transcript
from affetto.models.cues import measure, prosody, styles
from affetto.models.cues.baseline import updated
from affetto.models.labels import VoiceStyle
from affetto.pipelines.evaluation.asr import read

RECORDINGS = sorted((Path(__file__).parent / "recordings").glob("*.flac"))
WORDS = Transcript("so there were about twelve words in what they said to us")


def altered(audio: Samples) -> Iterator[Samples]:
    """The voice as it is, quieter, louder, higher and faster, lower and slower, and with a long pause in it."""
    yield audio
    yield audio * np.float32(0.3)
    yield np.clip(audio * np.float32(4), -1, 1)
    for factor in (0.7, 1.4):
        places = np.arange(0, len(audio) - 1, factor)
        yield np.interp(places, np.arange(len(audio)), audio).astype(np.float32)
    half = len(audio) // 2
    yield np.concatenate([audio[:half], np.zeros(2 * HEARING_RATE_HZ, np.float32), audio[half:]])


VOICES = [audio for path in RECORDINGS for audio in altered(read(path))]
USUAL = [Baseline(), *(updated(Baseline(), prosody.read(read(path), Baseline(), WORDS)) for path in RECORDINGS)]


def numbers(text: str) -> list[float]:
    return [float(number) for number in re.findall(r"[-+]?\d+(?:\.\d+)?", text)]


def shown(claim: Evidence, audio: Samples, usual: Baseline) -> bool:
    """Whether what is measured on the claim's span, afresh, is what the claim says."""
    part = audio[claim.start : claim.end]
    again = prosody.prosody(part, WORDS)
    said = numbers(claim.measurement)
    if claim.claim == "long_pause":
        length, level = (claim.end - claim.start) / HEARING_RATE_HZ, float(np.sqrt(np.mean(np.square(part))))
        return abs(length - said[0]) < 0.06 and level < 0.2 * float(np.sqrt(np.mean(np.square(audio))))
    if claim.claim in ("higher voice", "lower voice"):
        tracked = measure.pitch_hz(audio)[claim.start // measure.HOP : claim.end // measure.HOP]
        moved = float(measure.semitones(float(np.median(tracked[tracked > 0])), usual.pitch_hz or 0))
        return abs(abs(moved) - said[0]) < 0.06 and ("above" in claim.measurement) == (moved > 0)
    assert again is not None
    louder = None if usual.energy_db is None else again.energy_db - usual.energy_db
    higher = styles.difference_semitones(again, usual)
    match VoiceStyle(claim.claim):
        case VoiceStyle.LOUD | VoiceStyle.QUIET:
            return louder is not None and abs(louder - said[0]) <= 0.5
        case VoiceStyle.SHOUT:
            return louder is not None and higher is not None and louder >= 10 and abs(higher - said[1]) < 0.06
        case VoiceStyle.FAST | VoiceStyle.SLOW:
            return again.words_per_s is not None and abs(again.words_per_s - said[0]) < 0.06
        case VoiceStyle.BRIGHT:
            return higher is not None and abs(higher - said[0]) < 0.06
        case VoiceStyle.TENSE:
            flatter = (again.tilt_db_per_octave or 0) - (usual.tilt_db_per_octave or 0)
            return abs(flatter - said[0]) < 0.06
        case VoiceStyle.MONOTONE | VoiceStyle.FLAT:
            return again.pitch_range_semitones is not None and abs(again.pitch_range_semitones - said[0]) < 0.06
        case VoiceStyle.WHISPER:
            return abs(100 * prosody.contours_of(part).voicing - said[0]) <= 0.5
        case VoiceStyle.TREMBLING:
            return abs((measure.tremor_semitones(measure.pitch_hz(part)) or 0) - said[0]) < 0.06
        case VoiceStyle.HOARSE:
            return abs((again.jitter or 0) - said[0]) < 0.006 and abs((again.shimmer or 0) - said[1]) < 0.06
    return False


def test_nothing_is_cited_that_the_measurements_do_not_show() -> None:
    claims = 0
    kinds = set()
    for audio, usual in product(VOICES, USUAL):
        cues = prosody.read(audio, usual, WORDS)
        assert {style.value for style in cues.style} <= {evidence.claim for evidence in cues.evidence}
        for evidence in cues.evidence:
            assert 0 <= evidence.start < evidence.end <= len(audio)
            assert shown(evidence, audio, usual), evidence
            claims += 1
            kinds.add(evidence.claim)
    assert claims > 100
    assert {"loud", "quiet", "fast", "slow", "higher voice", "lower voice", "long_pause"} <= kinds


def test_without_a_usual_nothing_is_said_against_it() -> None:
    for audio in VOICES:
        assert not [e for e in prosody.read(audio, Baseline(), WORDS).evidence if "usual" in e.measurement]


@pytest.mark.parametrize("audio", [np.zeros(0, np.float32), np.zeros(32_000, np.float32)])
def test_silence_carries_nothing(audio: Samples) -> None:
    assert prosody.read(audio, USUAL[1]).style == ()


def test_a_breathy_voice_without_pitch_is_a_whisper() -> None:
    rng = np.random.default_rng(4)
    swell = np.abs(np.sin(np.arange(2 * HEARING_RATE_HZ) / 1500)).astype(np.float32)
    breath = rng.normal(0, 0.05, 2 * HEARING_RATE_HZ).astype(np.float32) * swell
    assert VoiceStyle.WHISPER in prosody.read(breath, Baseline()).style
