"""When each word of a phrase is heard, out of the lengths that the model gave its phonemes. Pure.

espeak-ng runs words together ("from the" is one group of phonemes) and speaks one word as several ("1984"), so
its groups are laid against the words by what each word sounds like alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

MOST_JOINED = 4
MOST_SPLIT = 12
AHEAD = 3
"""Frames by which a phoneme sounds before those that the model gives it: voicing and phonemes agree best with 2 to 3
frames between them (four voices, twenty sentences), and Kokoro's own `join_timestamps` takes off 3."""


@dataclass(frozen=True, slots=True)
class WordFrames:
    """A word and when it is heard, from `start` to `end`, in frames and parts of them."""

    text: str
    start: float
    end: float


def word_frames(words: Sequence[tuple[str, str]], sounds: str, frames: NDArray[np.int64]) -> tuple[WordFrames, ...]:
    """When each of `words` is heard, spoken as `sounds`, whose phoneme i lasts frames[i + 1] (frames[0] is the pad).

    A word is its text and its phonemes when it stands alone; one that makes no sound takes no time. Two words share the
    space between them.
    """
    alone = [sound for _, sound in words if any(map(str.isalpha, sound))]
    spans = iter(_spans(alone, sounds))
    edges = np.concatenate([[0], np.cumsum(frames)]) - float(AHEAD)
    timed, now = [], max(0.0, float(edges[1])) if len(edges) > 1 else 0.0
    for text, sound in words:
        start, end = now, now
        if any(map(str.isalpha, sound)) and (span := next(spans, None)):
            start = float(edges[span[0] + 1]) - _half_space(span[0] - 1, sounds, frames)
            end = float(edges[span[1] + 1]) + _half_space(span[1], sounds, frames)
        timed.append(WordFrames(text, max(now, start), max(now, end)))
        now = timed[-1].end
    return tuple(timed)


def _half_space(at: int, sounds: str, frames: NDArray[np.int64]) -> float:
    return float(frames[at + 1]) / 2 if 0 <= at < len(sounds) and sounds[at] == " " else 0.0


def _spans(alone: Sequence[str], sounds: str) -> list[tuple[int, int]]:
    """For each word the phonemes [start, end) of `sounds` that are its own."""
    groups = _groups(sounds)
    spans: list[tuple[int, int]] = []
    for (first, last), (begin, end) in _matches([sounds[a:b] for a, b in groups], alone):
        start, stop = groups[first][0], groups[last - 1][1]
        shares = np.cumsum([0, *(len(word) for word in alone[begin:end])])
        cuts = start + np.round(shares / max(1, shares[-1]) * (stop - start)).astype(int)
        spans += [(int(a), int(b)) for a, b in pairwise(cuts)]
    return spans


def _groups(sounds: str) -> list[tuple[int, int]]:
    """Where stretches of phonemes between spaces lie, punctuation at their ends left out."""
    groups, start = [], 0
    for part in sounds.split(" "):
        letters = [i for i, symbol in enumerate(part) if symbol.isalpha()]
        if letters:
            first = letters[0]
            while first and part[first - 1] in "ˈˌ":
                first -= 1
            groups.append((start + first, start + letters[-1] + 1 + (part[letters[-1] + 1 :][:1] == "ː")))
        start += len(part) + 1
    return groups


def _matches(groups: Sequence[str], words: Sequence[str]) -> list[tuple[tuple[int, int], tuple[int, int]]]:
    """Runs of groups against runs of words, by dynamic programming: one to one, one to several, several to one."""
    best: dict[tuple[int, int], tuple[float, tuple[int, int]]] = {(0, 0): (0.0, (0, 0))}
    for i in range(len(groups) + 1):
        for j in range(len(words) + 1):
            if (i, j) not in best:
                continue
            steps = [(1, k) for k in range(1, MOST_JOINED + 1)] + [(k, 1) for k in range(2, MOST_SPLIT + 1)]
            for di, dj in steps:
                to = (i + di, j + dj)
                if to[0] > len(groups) or to[1] > len(words):
                    continue
                cost = best[i, j][0] + _unlike("".join(groups[i : to[0]]), "".join(words[j : to[1]]))
                if to not in best or cost < best[to][0]:
                    best[to] = (cost, (i, j))
    at = (len(groups), len(words))
    if at not in best:
        return [((0, len(groups)), (0, len(words)))] if groups and words else []
    matches = []
    while at != (0, 0):
        before = best[at][1]
        matches.append(((before[0], at[0]), (before[1], at[1])))
        at = before
    return matches[::-1]


def _unlike(heard: str, expected: str) -> float:
    """How badly two strings of phonemes fit, cheaply: lengths, and what they begin and end with."""
    heard, expected = (text.translate(_UNSTRESSED) for text in (heard, expected))
    edges = (heard[:1] != expected[:1]) + (heard[-1:] != expected[-1:]) + (heard[:2] != expected[:2])
    return 0.5 * edges + abs(len(heard) - len(expected))


_UNSTRESSED = str.maketrans("", "", 'ˈˌː ,.;:!?—…"()“”')
