"""The pure parts of cues: sounds as spans, voice against words, the speaker's usual, families, weights on disk."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from affetto.models.base import Baseline, Cues, Prosody
from affetto.models.cues import events, families, features, heads
from affetto.models.cues.baseline import LONGEST_VOICE_MEMORY, updated, with_turn
from affetto.models.cues.words import BEYOND_CHANCE, conflict
from affetto.models.labels import Emotion, VocalEvent

E = Emotion
NAMES = ("none", "laugh", "cough")
THRESHOLDS = {"laugh": 0.6, "cough": 0.6}


def frames(*stretches: tuple[str, int, float]) -> np.ndarray:
    """Probabilities where each stretch's sound has the given one and "none" the rest."""
    rows = []
    for name, count, probability in stretches:
        row = np.zeros(len(NAMES), np.float32)
        row[NAMES.index(name)] += probability
        row[0] += 1 - probability
        rows += [row] * count
    return np.array(rows, np.float32)


@pytest.mark.parametrize(
    ("stretches", "found"),
    [
        ([("none", 100, 1.0)], []),
        ([("none", 50, 1.0), ("laugh", 40, 0.9), ("none", 50, 1.0)], ["laugh"]),
        ([("none", 50, 1.0), ("laugh", 3, 0.9), ("none", 50, 1.0)], []),  # too short to be one
        ([("none", 50, 1.0), ("laugh", 40, 0.55), ("none", 50, 1.0)], []),  # never sure
        ([("laugh", 40, 0.9), ("none", 10, 1.0), ("laugh", 40, 0.9)], ["laugh"]),  # one laugh, breathing in between
        ([("laugh", 40, 0.9), ("none", 50, 1.0), ("laugh", 40, 0.9)], ["laugh", "laugh"]),
        ([("cough", 30, 0.9), ("none", 40, 1.0), ("laugh", 40, 0.9)], ["cough", "laugh"]),
    ],
)
def test_sounds_are_spans_that_are_long_and_sure_enough(
    stretches: list[tuple[str, int, float]], found: list[str]
) -> None:
    probabilities = frames(*stretches)
    spans = events.spans(probabilities, NAMES, THRESHOLDS, np.ones(len(probabilities), np.bool_))
    assert [str(span.event) for span in spans] == found


def test_a_sound_has_its_start_and_end() -> None:
    probabilities = frames(("none", 50, 1.0), ("cough", 40, 0.95), ("none", 50, 1.0))
    (span,) = events.spans(probabilities, NAMES, THRESHOLDS, np.ones(140, np.bool_))
    assert span.event is VocalEvent.COUGH
    assert abs(span.start - 50 * features.HOP) <= 4 * features.HOP
    assert abs(span.end - 90 * features.HOP) <= 4 * features.HOP


def test_silence_holds_no_sound() -> None:
    probabilities = frames(("laugh", 100, 1.0))
    assert events.spans(probabilities, NAMES, THRESHOLDS, np.zeros(100, np.bool_)) == ()
    assert events.spans(probabilities[:0], NAMES, THRESHOLDS, np.zeros(0, np.bool_)) == ()


@pytest.mark.parametrize(
    ("voice", "words", "disagree"),
    [
        ({E.SAD: 0.8, E.NEUTRAL: 0.2}, {E.HAPPY: 0.8, E.NEUTRAL: 0.2}, True),  # "I'm fine", in tears
        ({E.ANGRY: 0.9}, {E.CONTENT: 0.2, E.HAPPY: 0.7}, True),
        ({E.HAPPY: 0.9}, {E.GRATEFUL: 0.7, E.HAPPY: 0.2}, False),
        ({E.SAD: 0.6, E.AFRAID: 0.4}, {E.GRIEVING: 0.9}, False),  # another pain is no contradiction
        ({E.SURPRISED: 1.0}, {E.HAPPY: 1.0}, False),
        (dict.fromkeys(families.HEADS, 1 / 7), {E.HAPPY: 1.0}, False),  # a voice without any leaning
    ],
)
def test_voice_and_words_conflict_beyond_chance(
    voice: dict[Emotion, float], words: dict[Emotion, float], disagree: bool
) -> None:
    assert (conflict(voice, words) >= BEYOND_CHANCE) is disagree


distributions = st.dictionaries(st.sampled_from(list(Emotion)), st.floats(0.01, 1), min_size=1)


@given(distributions, distributions)
def test_conflict_is_a_share(voice: dict[Emotion, float], words: dict[Emotion, float]) -> None:
    assert 0 <= conflict(voice, words) <= 1


@given(st.dictionaries(st.sampled_from(families.HEADS), st.floats(0.001, 1), min_size=1))
def test_valence_arousal_and_dominance_stay_in_range(probabilities: dict[Emotion, float]) -> None:
    assert all(-1 <= value <= 1 for value in families.affect(probabilities))


def test_every_label_has_one_family() -> None:
    assert set(families.OF_WORDS) == set(Emotion)
    assert len(set(families.LABELS)) == len(families.LABELS)


# -- the speaker's usual ---------------------------------------------------------------------------

MEASURED = Prosody(120.0, 2.0, -30.0, 8.0, 3.0, 0.1, 0.1, 2.0, -8.0)


def turn(*numbers: float) -> Cues:
    return Cues(prosody=MEASURED, voice=numbers)


def test_the_usual_is_the_mean_and_unmeasured_numbers_leave_it() -> None:
    baseline = updated(updated(Baseline(), turn(1.0, float("nan"))), turn(3.0, 5.0))
    assert (baseline.voice, baseline.voice_turns) == ((2.0, 5.0), 2)
    assert updated(baseline, Cues()) == baseline


def test_old_turns_fade() -> None:
    baseline = Baseline(voice=(0.0,), voice_turns=10_000)
    moved = updated(baseline, turn(float(LONGEST_VOICE_MEMORY)))
    assert moved.voice == (1.0,)


def test_a_turn_and_what_went_before_it_tell_who_speaks() -> None:
    np.testing.assert_allclose(with_turn(Baseline(voice=(2.0,), voice_turns=3), np.array([6.0], np.float32)), [3.0])
    np.testing.assert_allclose(with_turn(Baseline(), np.array([6.0], np.float32)), [6.0])


def small_heads(width: int = 3) -> heads.Heads:
    rng = np.random.default_rng(1)

    def layers(*sizes: int) -> heads.Layers:
        pairs = list(itertools.pairwise(sizes))
        weights = tuple(rng.normal(size=pair).astype(np.float16).astype(np.float32) for pair in pairs)
        return heads.Layers(weights, tuple(np.zeros(out, np.float32) for _, out in pairs))

    ones = np.ones(width, np.float32)
    return heads.Heads(
        mean=0 * ones,
        scale=ones,
        relative_scale=ones,
        shrinkage=2 * ones,
        members=(layers(width, 7), layers(width, 4, 7)),
        plain=(layers(width, 1), layers(width, 4, 1)),
        fine=layers(width, len(families.LABELS)),
        gender=layers(width, 1),
        child=layers(width, 1),
        event=layers(width, 4, 3),
        event_mean=0 * ones,
        event_scale=ones,
        meta={
            "temperature": 2.0,
            "plain_slope": 0.7,
            "plain_offset": 0.5,
            "fine_temperature": 1.0,
            "gender_temperature": 1.0,
            "child_temperature": 1.0,
        },
    )


def test_a_usual_is_believed_as_turns_come_in() -> None:
    trained = small_heads(1)
    loud = np.array([3.0], np.float32)
    heard = [trained.relative(loud, Baseline(voice=(3.0,), voice_turns=turns))[0] for turns in (0, 1, 2, 40)]
    assert heard[0] == 3.0  # nobody is usual yet
    assert heard == sorted(heard, reverse=True)
    assert heard[-1] < 0.2  # a naturally loud person is not loud


def test_labels_share_out_their_family_and_sum_to_it() -> None:
    trained = small_heads()
    groups = np.array([families.HEADS.index(families.FAMILY_OF[label]) for label in families.LABELS])
    x = np.array([0.5, -1.0, 2.0], np.float32)
    by_family = trained.families(x)
    labels = trained.labels(x, by_family, groups)
    assert by_family.sum() == pytest.approx(1, abs=1e-5)
    for index in range(len(families.HEADS)):
        assert labels[groups == index].sum() == pytest.approx(by_family[index], abs=1e-5)


def test_everyday_talk_is_plain_as_far_as_the_plain_head_says_and_the_rest_is_shared_out_as_it_was() -> None:
    trained = small_heads()
    for x in np.random.default_rng(3).normal(size=(20, 3)).astype(np.float32):
        even, said = trained.families(x), trained.everyday(x)
        assert said.sum() == pytest.approx(1, abs=1e-5)
        votes = np.mean([member(x)[0] for member in trained.plain])
        assert said[heads.NEUTRAL] == pytest.approx(1 / (1 + np.exp(-(0.7 * votes + 0.5))), abs=1e-5)
        moved = np.delete(said, heads.NEUTRAL) / np.delete(even, heads.NEUTRAL)
        assert moved == pytest.approx(np.full(6, moved[0]), rel=1e-3)


def test_a_set_without_a_plain_head_takes_all_families_as_likely() -> None:
    trained = replace(small_heads(), plain=())
    x = np.array([0.5, -1.0, 2.0], np.float32)
    np.testing.assert_array_equal(trained.everyday(x), trained.families(x))


def test_weights_survive_the_disk(tmp_path: Path) -> None:
    trained = small_heads()
    heads.save(tmp_path / "w.npz", trained)
    again = heads.load(tmp_path / "w.npz")
    x = np.array([0.5, -1.0, 2.0], np.float32)
    np.testing.assert_allclose(again.families(x), trained.families(x), atol=1e-6)
    np.testing.assert_allclose(again.everyday(x), trained.everyday(x), atol=1e-6)
    np.testing.assert_allclose(again.events(x[None]), trained.events(x[None]), atol=1e-6)


def test_other_files_are_no_weights(tmp_path: Path) -> None:
    (tmp_path / "text.npz").write_text("not weights")
    np.savez(tmp_path / "other.npz", a=np.zeros(3))
    for name in ("absent", "text", "other"):
        with pytest.raises(heads.BadWeights, match=f"{name}.npz"):
            heads.load(tmp_path / f"{name}.npz")
