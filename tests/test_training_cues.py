"""What the cue heads learn from: plain speech, corpora brought together, and what is left out to measure them."""

from __future__ import annotations

import numpy as np
import pytest

from affetto.models.cues import heads
from affetto.models.cues.families import HEADS
from affetto.models.labels import Emotion

pytest.importorskip("torch", reason='needs the extra "train"')

from affetto.pipelines.training import cues_data, cues_emotion, cues_held_out
from affetto.pipelines.training.cues_emotion import Table

NEUTRAL = HEADS.index(Emotion.NEUTRAL)


def table(*rows: tuple[str, str, str, float]) -> Table:
    """(corpus, speaker, label, number) each."""
    made = [cues_data.clip({"path": "a", "ds": c, "speaker": s, "emotion": label}) for c, s, label, _ in rows]
    return Table(np.array([[number] for *_, number in rows], np.float32), tuple(made))


SPEECH = table(
    ("acted", "a", "sad", 10.0),
    ("acted", "a", "happy", 14.0),
    ("read", "b", "", 1.0),
    ("read", "b", "", 3.0),
    ("read", "c", "", 6.0),
    ("noise", "d", "rain", 99.0),
)


def test_plain_is_speech_that_nobody_labelled() -> None:
    assert SPEECH.plain.tolist() == [False, False, True, True, True, False]


def test_people_in_general_are_the_speakers_of_plain_speech_each_counting_alike() -> None:
    assert cues_emotion.people_in_general(SPEECH).tolist() == [4.0]
    assert cues_emotion.people_in_general(SPEECH.felt).tolist() == [12.0]


def test_a_labelled_corpus_is_moved_as_a_whole_to_where_people_in_general_are() -> None:
    assert cues_emotion.aligned(SPEECH).numbers[:, 0].tolist() == [2.0, 6.0, 1.0, 3.0, 6.0, 99.0]


def test_folds_hold_out_speakers_and_whole_kinds_of_plain_speech() -> None:
    rows = [("acted", f"speaker{number}", "sad", 0.0) for number in range(30)]
    rows += [
        (name, f"{name}{number}", "", 0.0) for name in ("read_clean", "read_other", "meetings") for number in range(9)
    ]
    made = table(*rows)
    folds = np.array([cues_held_out._in_fold(made, number) for number in range(cues_held_out.FOLDS)])
    assert (folds.sum(axis=0) == 1).all()
    assert all(fold[made.corpora == "acted"].any() for fold in folds)
    kinds = [{name.split("_")[0] for name in made.corpora[fold & made.plain]} for fold in folds]
    assert sorted(map(sorted, kinds)) == [[], ["meetings"], ["read"]]


def held_out(votes: list[float], plain: list[bool]) -> cues_held_out.HeldOut:
    count = len(votes)
    scores = np.zeros((count, len(HEADS)), np.float32)
    scores[:, HEADS.index(Emotion.ANGRY)] = 3
    truth = np.where(plain, NEUTRAL, HEADS.index(Emotion.ANGRY))
    named = np.where(plain, "read", "acted")
    return cues_held_out.HeldOut(
        scores,
        np.array(votes, np.float32),
        truth,
        np.array(plain),
        np.full(count, "speakers"),
        named,
        np.zeros(count, int),
    )


def test_votes_become_probabilities_of_everyday_talk() -> None:
    same = held_out([0.0] * 40, [True] * 20 + [False] * 20)
    _, offset = same.plainness
    assert 1 / (1 + np.exp(-offset)) == pytest.approx(cues_held_out.EVERYDAY_PLAIN, abs=0.02)
    apart = held_out([2.0] * 20 + [-2.0] * 20, [True] * 20 + [False] * 20)
    assert apart.everyday[:20].argmax(axis=1).tolist() == [NEUTRAL] * 20
    assert apart.everyday[20:].argmax(axis=1).tolist() == [HEADS.index(Emotion.ANGRY)] * 20
    (told,) = apart.plain_speech()
    assert (told["n"], told["from_0.5"]) == (20, 0.0)
    assert apart.coverage()[0] | {"told": 1.0, "right": 1.0} == apart.coverage()[0]


def test_of_two_classes_one_logit_says_the_same() -> None:
    both = heads.Layers((np.array([[1.0, 3.0], [0.5, -1.0]], np.float32),), (np.array([0.2, -0.1], np.float32),))
    x = np.array([[0.3, 0.7], [-2.0, 1.0]], np.float32)
    np.testing.assert_allclose(heads.sigmoid(both.one_logit()(x))[:, 0], heads.softmax(both(x))[:, 1], rtol=1e-5)
