"""The small appraiser: its features, its heads' file, and what it makes of real turns."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from affetto.models.appraisal import cause, features, heads, weighing
from affetto.models.appraisal.small import Options, SmallAppraiser
from affetto.models.base import Appraisal, Cues, EventSpan, PastTurn, Situation
from affetto.models.errors import Unavailable
from affetto.models.labels import JOYS, Emotion, Need, Risk, Tactic, Tone, VocalEvent, VoiceStyle
from affetto.models.store import Store

PLAN = Appraisal(Emotion.SAD, 2, "", Need.COMFORT, False, Risk.WATCH, (Tactic.VALIDATION,), Tone.GENTLE)
JOY = Cues(
    emotion={Emotion.EXCITED: 0.6, Emotion.RELIEVED: 0.3},
    valence=0.8,
    arousal=0.7,
    style=(VoiceStyle.BRIGHT, VoiceStyle.FAST),
    events=(EventSpan(VocalEvent.LAUGH, 0, 0, 1.0),),
    confidence=0.9,
)
FEAR = Cues(
    emotion={Emotion.AFRAID: 0.5, Emotion.SAD: 0.3},
    valence=-0.75,
    arousal=0.4,
    style=(VoiceStyle.TREMBLING, VoiceStyle.QUIET),
    events=(EventSpan(VocalEvent.SNIFF, 0, 0, 1.0),),
    confidence=0.9,
)


def test_words_and_pairs_of_words_are_counted() -> None:
    assert list(features.grams("I’m FINE. Really?")) == [
        "i'm", "fine", "really", "?", "i'm fine", "fine really", "really ?",
    ]  # fmt: skip


def test_words_that_are_not_known_do_not_count() -> None:
    vocabulary = features.Vocabulary({"fine": (0, 2.0), "not fine": (1, 1.0)})
    assert vocabulary.vector("fine, thanks").tolist() == [1.0, 0.0]
    assert np.allclose(vocabulary.vector("not fine"), np.array([2, 1]) / np.sqrt(5))
    assert vocabulary.vector("").tolist() == [0.0, 0.0]


def test_a_voice_that_is_unknown_is_all_zero_and_one_that_is_known_says_so() -> None:
    assert not features.cues_vector(None).any()
    assert features.cues_vector(Cues())[-5:].tolist() == [0, 0, 0.5, 0, 1]
    assert features.cues_vector(JOY)[features.EMOTIONS.index(Emotion.EXCITED)] == pytest.approx(0.6)
    assert features.cues_vector(JOY)[-5:] == pytest.approx([0.8, 0.7, 0.9, 1, 1])


def test_the_last_turn_is_remembered_by_its_appraisal() -> None:
    past = features.past_vector((PastTurn("hi", None, PLAN, "hello"),))
    assert past.sum() == 4 + 0.25
    assert features.past_vector((PastTurn("hi", None, None, "hello"),)).sum() == 0.25
    assert not features.past_vector(()).any()


def test_heads_are_read_as_they_were_written(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    vocabulary = features.Vocabulary({"a": (0, 1.5), "a b": (1, 2.0)})
    head = heads.Head(rng.normal(size=(3, 2)).astype(np.float32), np.array([0.5, -20], np.float32), 0.75)
    written = heads.Heads(
        vocabulary, np.zeros(3, np.float32), np.ones(3, np.float32), {"need-heard": head}, {"crisis-heard": 0.25}
    )
    heads.save(tmp_path / "heads.npz", written)
    read = heads.load(tmp_path / "heads.npz")
    assert read.vocabulary == vocabulary
    assert read.threshold("crisis", True) == 0.25
    assert read.head("need", True).temperature == 0.75
    assert np.allclose(read.head("need", True).weight, head.weight, atol=1e-2)


@given(st.lists(st.floats(-30, 30, width=32), min_size=3, max_size=3))
def test_probabilities_are_probabilities(values: list[float]) -> None:
    head = heads.Head(np.eye(3, dtype=np.float32), np.zeros(3, np.float32), 0.5)
    assert head.softmax(np.array(values, np.float32)).sum() == pytest.approx(1, abs=1e-5)


@given(st.text("ab ,.!?", max_size=80), st.integers(0, 3))
def test_a_cause_is_a_stretch_of_what_was_said(text: str, seed: int) -> None:
    offsets = [(index, index + 1) for index, letter in enumerate(text) if letter.strip()]
    shares = np.random.default_rng(seed).normal(size=len(offsets)).tolist()
    found = cause.span(text, offsets, shares)
    assert found in text
    assert len(found.split()) <= cause.LONGEST_WORDS


def test_the_cause_is_where_the_feeling_is() -> None:
    text = "So yesterday, well, my brother rang after six years, and anyway, it rained."
    offsets = [(at, at + len(word)) for word in text.split() for at in [text.index(word)]]
    shares = [3.0 if word == "brother" else 0.0 for word in text.split()]
    assert cause.span(text, offsets, shares) == "my brother rang after six years"


def test_heads_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    (tmp_path / "broken.npz").write_bytes(b"no heads")
    with pytest.raises(Unavailable, match=r"broken\.npz"):
        SmallAppraiser(Options(weights=tmp_path / "broken.npz"), Store(tmp_path))


def told(**probabilities: float) -> heads.Floats:
    return np.array([probabilities.get(str(emotion), 0.0) for emotion in Emotion], np.float32)


@pytest.mark.parametrize(
    ("voice", "words", "felt", "confidence"),
    [
        ({"happy": 0.9}, {"grieving": 0.5, "sad": 0.4}, "grieving", 0.4),
        ({"happy": 0.9}, {"grieving": 0.4, "sad": 0.35}, "happy", 0.4),
        ({"happy": 0.9}, {"sad": 0.6}, "happy", 0.9),
        ({"happy": 0.9}, {"proud": 0.9}, "happy", 0.9),
        ({"sad": 0.8}, {"excited": 0.7, "happy": 0.25}, "excited", 0.4),
        ({"sad": 0.8}, {"neutral": 0.9}, "sad", 0.8),
        ({"tired": 0.8}, {"happy": 0.9}, "tired", 0.8),
    ],
)
def test_a_sure_voice_does_not_override_clear_words(
    voice: dict[str, float], words: dict[str, float], felt: str, confidence: float
) -> None:
    index, sure = weighing.weighed(told(**voice), told(**words))
    assert str(tuple(Emotion)[index]) == felt
    assert sure == pytest.approx(confidence)


@pytest.fixture(scope="module")
def appraiser() -> SmallAppraiser:
    try:
        return SmallAppraiser(Options(), Store())
    except Unavailable as error:
        pytest.skip(str(error))


@pytest.mark.models
def test_the_same_words_in_another_voice_are_appraised_otherwise(appraiser: SmallAppraiser) -> None:
    joy = appraiser.appraise_now(Situation("I got the results back.", JOY))
    fear = appraiser.appraise_now(Situation("I got the results back.", FEAR))
    assert joy.emotion in (Emotion.EXCITED, Emotion.RELIEVED)
    assert fear.emotion in (Emotion.AFRAID, Emotion.SAD, Emotion.ANXIOUS)
    assert joy.need is Need.CELEBRATE
    assert fear.need is not Need.CELEBRATE
    assert joy.tone is not fear.tone


@pytest.mark.models
@pytest.mark.parametrize("said", ["My mother died and I miss her so much."])
def test_a_voice_that_is_misread_as_joy_does_not_turn_grief_into_it(said: str, appraiser: SmallAppraiser) -> None:
    found = appraiser.appraise_now(Situation(said, JOY))
    assert found.emotion not in JOYS
    assert found.confidence is not None
    assert found.confidence <= weighing.GUESS


@pytest.mark.models
@pytest.mark.parametrize(
    "text", ["", " ", "?", "\x00", "🙂", "word " * 10_000, "Mein Hund ist gestern gestorben.", "<|im_end|> [sad 3; x]"]
)
def test_any_text_gets_a_whole_appraisal(text: str, appraiser: SmallAppraiser) -> None:
    found = appraiser.appraise_now(Situation(text))
    assert 0 <= found.intensity <= 3
    assert 1 <= len(found.tactics) <= 2
    assert not found.conflict
    assert len(found.cause.split()) <= 8


@pytest.mark.models
@pytest.mark.parametrize(
    ("text", "among"),
    [
        ("My dog died last night.", {Emotion.GRIEVING, Emotion.SAD}),
        ("I passed! I got the job!", {Emotion.EXCITED, Emotion.HAPPY, Emotion.PROUD, Emotion.RELIEVED}),
        ("I'm so nervous about the exam tomorrow.", {Emotion.ANXIOUS, Emotion.AFRAID, Emotion.OVERWHELMED}),
        ("I'm so lonely, I cry every night.", {Emotion.LONELY}),
        ("I'm hopeful for the first time in months.", {Emotion.HOPEFUL}),
        ("They gave my seat away and nobody even said sorry!", {Emotion.ANGRY, Emotion.FRUSTRATED, Emotion.HURT}),
    ],
)
def test_words_alone_tell_much(text: str, among: set[Emotion], appraiser: SmallAppraiser) -> None:
    likeliest = list(appraiser.emotions(Situation(text)))[:3]
    assert among & set(likeliest)


@pytest.mark.models
def test_a_sentence_is_near_one_that_means_the_same(require: Callable[..., Store]) -> None:
    from affetto.models.embedding.minilm import MiniLM

    model = MiniLM(require("minilm").path("minilm"))
    died, passed, won = map(model.embed, ("my dog died", "my cat passed away", "I won the race"))
    assert np.linalg.norm(died) == pytest.approx(1, abs=1e-4)
    assert died @ passed > 0.6 > died @ won
