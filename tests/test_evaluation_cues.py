"""Measures of classifiers against figures worked out by hand, and what a manifest's rows are taken for."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from affetto.models.cues.families import HEADS
from affetto.models.labels import AgeBand, Emotion, Gender
from affetto.pipelines.evaluation import cues, measures
from affetto.pipelines.training import cues_data, cues_labels, splicing

TRUTH, GUESS = np.array([0, 0, 0, 0, 1, 1]), np.array([0, 0, 0, 1, 1, 0])


def test_recall_counts_every_class_alike() -> None:
    assert measures.uar(TRUTH, GUESS) == pytest.approx((0.75 + 0.5) / 2)
    assert measures.macro_f1(TRUTH, GUESS) == pytest.approx((0.75 + 0.5) / 2)


@pytest.mark.parametrize(
    ("confidence", "right", "error"),
    [
        ([0.75, 0.75, 0.75, 0.75], [1, 1, 1, 0], 0.0),
        ([0.95, 0.95], [0, 0], 0.95),
        ([0.95, 0.95, 0.55, 0.55], [1, 1, 1, 0], 0.05),
    ],
)
def test_calibration_error_is_the_gap_between_sure_and_right(
    confidence: list[float], right: list[int], error: float
) -> None:
    assert measures.ece(np.array(confidence), np.array(right, np.bool_)) == pytest.approx(error)


def test_concordance_wants_the_same_values_not_the_same_order() -> None:
    truth = np.array([-1.0, 0.0, 1.0])
    assert measures.ccc(truth, truth) == pytest.approx(1)
    assert measures.ccc(truth, truth + 1) == pytest.approx(4 / 7)
    assert measures.ccc(truth, -truth) == pytest.approx(-1)


rows = st.lists(st.floats(0.01, 1), min_size=3, max_size=3).map(lambda row: np.array([row]) / sum(row))


@given(rows, rows)
def test_divergence_is_symmetric_and_between_nothing_and_a_bit(p: np.ndarray, q: np.ndarray) -> None:
    there, back = measures.divergence(p, q)[0], measures.divergence(q, p)[0]
    assert there == pytest.approx(back)
    assert -1e-9 <= there <= 1 + 1e-9
    assert measures.divergence(p, p)[0] == pytest.approx(0)


def test_votes_become_a_distribution_over_families() -> None:
    ballot = cues.ballot("angry=3;sad=1;puzzled=9")
    assert ballot is not None
    assert dict(zip(HEADS, ballot.tolist(), strict=True))[Emotion.ANGRY] == 0.75
    assert cues.ballot("") is None


@pytest.mark.parametrize(
    ("row", "families"),
    [
        ({"emotion": "fear"}, {Emotion.AFRAID: 1.0}),
        ({"emotion": "Calm"}, {Emotion.NEUTRAL: 1.0}),
        ({"emotion": "boredom"}, {Emotion.NEUTRAL: 0.6, Emotion.SAD: 0.4}),
        ({"emotion": "Contempt", "extra": "vocal_burst"}, {Emotion.DISGUSTED: 0.6, Emotion.ANGRY: 0.4}),
        ({"emotion": "Desire", "extra": "vocal_burst"}, {}),
        ({"emotion": "coughing"}, {}),
        ({"emotion": ""}, {}),
    ],
)
def test_labels_of_corpora_are_taken_for_ours(row: dict[str, str], families: dict[Emotion, float]) -> None:
    made = cues_data.clip({"path": "a.flac", **row}).families
    assert {HEADS[i]: pytest.approx(float(made[i])) for i in np.flatnonzero(made)} == families


def test_ages_and_genders_are_taken_only_where_they_are_plain() -> None:
    ages = {age: cues_labels.age_band(age) for age in ("6", "12", "15", "18", "60", "", "20s")}
    assert ages == {
        "6": AgeBand.CHILD, "12": AgeBand.CHILD, "15": None, "18": AgeBand.ADULT, "60": AgeBand.ADULT,
        "": None, "20s": None,
    }  # fmt: skip
    assert cues_data.clip({"path": "a", "emotion": "", "gender": "F"}).gender is Gender.FEMALE


def test_released_weights_never_learn_from_non_commercial_data() -> None:
    free, not_free = (cues_data.clip({"path": path, "emotion": "sad"}) for path in ("ship/a.flac", "nc/a.flac"))
    assert (cues_data.may_train(free, "open"), cues_data.may_train(not_free, "open")) == (True, False)
    assert cues_data.may_train(not_free, "research")


@given(st.text(min_size=1), st.integers(2, 6))
def test_a_speaker_is_always_in_the_same_fold(speaker: str, folds: int) -> None:
    assert cues_data.fold(speaker, folds) == cues_data.fold(speaker, folds) < folds


@pytest.mark.parametrize(("text", "wanted"), [("path,text\na,b\n", "emotion"), ("", "at least one row")])
def test_a_manifest_without_what_is_needed_says_so(tmp_path: Path, text: str, wanted: str) -> None:
    (tmp_path / "m.csv").write_text(text)
    with pytest.raises(cues_data.BadManifest, match=wanted):
        cues_data.read(tmp_path / "m.csv")


def test_a_spliced_sound_lies_where_it_is_said_to() -> None:
    speech = np.full(48_000, 0.1, np.float32)
    sound = np.full(16_000, -0.1, np.float32)
    for seed in range(8):
        made = splicing.spliced(speech, sound, np.random.default_rng(seed))
        inside = made.audio[made.start : made.end]
        assert len(inside) == len(sound)
        assert (inside < 0).all()
        assert (np.delete(made.audio, np.s_[made.start : made.end]) >= 0).all()
