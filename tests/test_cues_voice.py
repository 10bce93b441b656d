"""The trained extractor on real voices: what it says, what it rests on, and what it keeps to itself."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from affetto.models.asr.faster_whisper import FasterWhisper
from affetto.models.asr.faster_whisper import Options as WhisperOptions
from affetto.models.base import Baseline, Encoding, Samples, Transcript
from affetto.models.cues import features, heads, prosody
from affetto.models.cues.baseline import updated
from affetto.models.cues.families import HEADS
from affetto.models.cues.voice import Options, VoiceCues
from affetto.models.errors import Failed, Unavailable
from affetto.models.labels import AgeBand, VocalEvent
from affetto.models.store import Store
from affetto.pipelines.evaluation.asr import read

RECORDINGS = sorted((Path(__file__).parent / "recordings").glob("*.flac"))
Require = Callable[..., Store]


def extractor(store: Store, **options: object) -> VoiceCues:
    return VoiceCues(Options.model_validate(options), store)


def made_up(audio: Samples) -> Encoding:
    """An encoding of the right shape, of nothing."""
    count = len(audio) // features.HOP
    return Encoding(np.random.default_rng(0).normal(size=(count, features.WIDTH)).astype(np.float32), features.HOP)


@pytest.mark.models
def test_reading_aloud_holds_no_sounds_and_every_claim_is_shown(require: Require) -> None:
    whisper = FasterWhisper(WhisperOptions(), require("whisper-base", "minilm"))
    cues_of = extractor(require("minilm"), unknown_below=0.0, unknown_below_at_first=0.0, age=True)
    cues_of.reader.heads = replace(cues_of.reader.heads, plain=())  # who reads aloud is plain, and no feeling is told
    baseline = Baseline()
    feelings = 0
    for path in RECORDINGS:
        audio = read(path)
        encoding = whisper.encoding(audio)
        cues = asyncio.run(
            cues_of.extract(audio, baseline=baseline, transcript=Transcript("I'm fine."), encoding=encoding)
        )
        assert not [span for span in cues.events if span.event is not VocalEvent.LONG_PAUSE]
        assert cues.confidence is not None
        assert cues.age in (None, AgeBand.ADULT)
        assert cues.words is not None
        baseline = updated(baseline, cues)
        if cues.emotion is None:
            assert (cues.valence, cues.conflict) == (None, None)
            continue
        feelings += 1
        assert sum(cues.emotion.values()) <= 1.001
        assert cues.conflict is not None
        (carrying,) = [e for e in cues.evidence if "speak for it" in e.measurement]
        turn = features.of(audio, encoding, prosody.contours_of(audio))
        family = [str(label) for label in HEADS].index(carrying.claim)
        leaning = np.where(turn.speech, cues_of.reader.heads.leaning(turn.frames, family), 0)
        inside = leaning[carrying.start // features.HOP : carrying.end // features.HOP]
        assert inside.mean() >= leaning.mean()
    assert feelings
    assert baseline.voice_turns == len(RECORDINGS)


def test_what_is_not_sure_is_unknown_and_says_how_sure_it_is() -> None:
    audio = read(RECORDINGS[0])
    cues = asyncio.run(
        extractor(Store(), words=False, unknown_below=1.0).extract(audio, baseline=Baseline(), encoding=made_up(audio))
    )
    assert (cues.emotion, cues.valence, cues.arousal) == (None, None, None)
    assert cues.confidence is not None
    assert cues.confidence < 1
    assert not [e for e in cues.evidence if e.claim in set(map(str, HEADS))]


def test_a_plain_voice_is_no_claim_that_nothing_is_felt() -> None:
    audio = read(RECORDINGS[0])
    plain = extractor(Store(), words=False, unknown_below=0.0, unknown_below_at_first=0.0)
    certain = heads.Layers((np.zeros((len(plain.reader.heads.mean), 1), np.float32),), (np.ones(1, np.float32),))
    meta = {**plain.reader.heads.meta, "plain_slope": 5.0, "plain_offset": 0.0}
    plain.reader.heads = replace(plain.reader.heads, plain=(certain,), meta=meta)
    cues = asyncio.run(plain.extract(audio, baseline=Baseline(), encoding=made_up(audio)))
    assert (cues.emotion, cues.valence) == (None, None)
    assert cues.confidence is not None
    assert cues.confidence < 0.007, "of any feeling"


def test_without_an_encoding_there_are_measurements_alone() -> None:
    audio = read(RECORDINGS[0])
    cues = asyncio.run(extractor(Store(), words=False).extract(audio, baseline=Baseline()))
    assert (cues.emotion, cues.confidence, cues.voice) == (None, None, None)
    assert cues.prosody is not None


def test_age_and_gender_start_off_and_the_operator_turns_them_on() -> None:
    audio = read(RECORDINGS[0])
    quiet = extractor(Store(), words=False)
    cues = asyncio.run(quiet.extract(audio, baseline=Baseline(), encoding=made_up(audio)))
    assert (cues.age, cues.gender) == (None, None)
    assert quiet.withheld == {"age", "gender"}
    assert extractor(Store(), words=False, age=True, gender=True, emotion=False).withheld == {"acoustic"}


def test_another_recognisers_encoding_is_refused_clearly() -> None:
    audio = read(RECORDINGS[0])
    with pytest.raises(Failed, match="Whisper base"):
        asyncio.run(
            extractor(Store(), words=False).extract(
                audio, baseline=Baseline(), encoding=Encoding(np.zeros((50, 1280), np.float32), 320)
            )
        )


def test_a_file_that_is_no_set_of_weights_is_named(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match=r"mine\.npz"):
        extractor(Store(), words=False, weights=str(tmp_path / "mine.npz"))


def test_of_strangers_less_is_said() -> None:
    options = Options(unknown_below=0.4, unknown_below_at_first=0.6)
    assert [options.needed(turns) for turns in range(6)] == pytest.approx([0.6, 0.5, 0.4, 0.4, 0.4, 0.4])


@pytest.mark.models
def test_with_an_encoder_of_its_own_it_reads_what_another_recogniser_hears(require: Require) -> None:
    store, audio = (
        require("whisper-base", "minilm"),
        read(next(path for path in RECORDINGS if path.stem == "7021-79740-0005")),
    )
    foreign = Encoding(np.zeros((200, 1280), np.float32), 320)

    async def extracted(**options: object) -> object:
        backend = VoiceCues(Options.model_validate({"unknown_below": 0, "unknown_below_at_first": 0, **options}), store)
        return await backend.extract(audio, baseline=Baseline(), encoding=foreign)

    with pytest.raises(Failed):
        asyncio.run(extracted())
    found = asyncio.run(extracted(own_encoder=True))
    assert found.confidence is not None  # type: ignore[attr-defined]
