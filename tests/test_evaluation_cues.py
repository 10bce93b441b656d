"""Measures of classifiers against figures worked out by hand, and what a manifest's rows are taken for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from affetto.models.base import Encoding, Samples
from affetto.models.cues import features
from affetto.models.cues.families import HEADS
from affetto.models.cues.voice import trained
from affetto.models.labels import AgeBand, Emotion, Gender
from affetto.pipelines.evaluation import cues, cues_beside, measures
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


@pytest.mark.parametrize(
    "votes",
    [
        "angry=3;sad=1;puzzled=9",
        "angry:3, sad:1",
        '{"angry": 3, "sad": 1}',
        "anger;Angry;ang;sad",
        '["angry", "angry", "angry", "sad"]',
        "frustrated=3;grieving=1;happy=many",
    ],
)
def test_votes_become_a_distribution_over_families(votes: str) -> None:
    ballot = cues_data.ballot(votes)
    assert ballot is not None
    assert dict(zip(HEADS, ballot.tolist(), strict=True))[Emotion.ANGRY] == 0.75


@pytest.mark.parametrize("votes", ["", "puzzled", "angry=0", "7", "null", "{}"])
def test_votes_for_nothing_of_ours_are_none(votes: str) -> None:
    assert cues_data.ballot(votes) is None


def test_a_row_without_a_label_has_what_was_voted() -> None:
    assert cues_data.clip({"path": "a", "votes": "sad=4;happy=1"}).families[HEADS.index(Emotion.SAD)] == pytest.approx(
        0.8
    )


# -- corpora as other people made them --------------------------------------------------------------


class Deaf:
    """Encodes any sound as the same frames."""

    def encoding(self, audio: Samples) -> Encoding:
        count = max(1, len(audio) // features.HOP)
        return Encoding(np.zeros((count, features.WIDTH), np.float32), features.HOP)


def evaluated(folder: Path, rows: list[dict[str, str]], **options: Any) -> dict[str, Any]:
    return cues.evaluate(trained("open"), Deaf(), rows, folder, **options).figures


def sung(rate: int, channels: int = 1, seconds: float = 1.0) -> np.ndarray:
    wave = 0.3 * np.sin(np.arange(int(rate * seconds)) * 2 * np.pi * 200 / rate)
    return np.repeat(wave[:, None], channels, axis=1)


@pytest.mark.parametrize(
    ("name", "rate", "channels"),
    [("a.wav", 48_000, 2), ("a.wav", 8_000, 1), ("a.flac", 44_100, 1), ("a.mp3", 22_050, 2), ("a.ogg", 16_000, 2)],
)
def test_any_rate_channels_and_format_is_read(tmp_path: Path, name: str, rate: int, channels: int) -> None:
    soundfile.write(tmp_path / name, sung(rate, channels), rate)
    found = evaluated(tmp_path, [{"path": name, "emotion": "sad"}])
    assert (found["n"], found["audio_s"]) == (1, pytest.approx(1.0, abs=0.11))


def test_what_cannot_be_read_or_understood_is_named_and_the_rest_measured(tmp_path: Path) -> None:
    for name, seconds in (("good.wav", 1.0), ("odd.wav", 1.0), ("short.wav", 0.01)):
        soundfile.write(tmp_path / name, sung(16_000, seconds=seconds), 16_000)
    (tmp_path / "text.wav").write_text("no sound")
    labels = {"good.wav": "sad", "odd.wav": "puzzled", "short.wav": "sad", "text.wav": "sad", "gone.wav": "sad"}
    found = evaluated(tmp_path, [{"path": path, "emotion": label} for path, label in labels.items()])
    assert (found["n"], found["recordings"]) == (1, 2)
    assert set(found["unread"]) == {"short.wav", "text.wav", "gone.wav"}
    assert found["unknown_labels"] == {"puzzled": 1}


def test_a_manifest_of_nothing_but_paths_tells_what_would_be_said(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", sung(16_000), 16_000)
    found = evaluated(tmp_path, [{"path": "a.wav"}], bar=lambda turns: 1.01)
    assert (found["uar"], found["ece"], found["n"]) == (None, None, 1)
    assert found["told"]["first_turn"] == {"a_feeling": 0.0, "shares": {"unknown": 1.0}}


def test_first_turns_are_told_apart_from_later_ones_over_all_families_and_over_the_four(tmp_path: Path) -> None:
    """Who sounds the same in every recording is read at chance at every turn."""
    labels = ["neutral", "happy", "sad", "angry", "afraid"]
    for label in labels:
        soundfile.write(tmp_path / f"{label}.wav", sung(16_000), 16_000)
    found = evaluated(tmp_path, [{"path": f"{label}.wav", "emotion": label, "speaker": "one"} for label in labels])
    turns = ["1", "2", "5", "later"]
    assert found["cold_start"] == dict.fromkeys(turns, 0.2)
    assert found["cold_start_4"] == dict.fromkeys(turns, 0.25)


def test_where_nothing_can_be_read_the_reason_is_told(tmp_path: Path) -> None:
    with pytest.raises(cues.NothingToRead, match=r"none of 1 .*gone\.wav"):
        evaluated(tmp_path, [{"path": "gone.wav", "emotion": "sad"}])


@pytest.mark.parametrize(
    ("given", "wanted"),
    [([1, 3, 5], [-1, 0, 1]), ([1, 4, 7], [-1, 0, 1]), ([0, 0.5, 1], [-1, 0, 1]), ([-0.5, 0.5], [-0.5, 0.5]),
     ([-3, 3], [-1, 1])],
)  # fmt: skip
def test_ratings_of_any_scale_are_brought_to_ours(given: list[float], wanted: list[float]) -> None:
    np.testing.assert_allclose(cues_beside.scaled(np.array(given, float)), wanted)


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
