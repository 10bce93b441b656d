"""How well, and how fast, speech is recognised."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import soxr

from ...models.base import HEARING_RATE_HZ, Recognizer, Samples
from .words import edits, normalized


def read(path: Path) -> Samples:
    """An audio file as 16 kHz mono float32. Raises OSError or soundfile.SoundFileError."""
    audio, rate = soundfile.read(path, dtype="float32", always_2d=True)
    mono = audio.mean(axis=1)
    return np.asarray(soxr.resample(mono, rate, HEARING_RATE_HZ) if rate != HEARING_RATE_HZ else mono, np.float32)


async def evaluate(recognizer: Recognizer, rows: Iterable[Mapping[str, str]], root: Path) -> dict[str, Any]:
    """Recognise each row's `path` (below `root`) and compare it with its `text`.

    Gives wer (all errors over all words), rtf (seconds of work a second of audio), n, and the worst rows.
    """
    errors = words = count = 0
    audio_s = work_s = 0.0
    worst: list[tuple[float, str, str]] = []
    for row in rows:
        audio = read(root / row["path"])
        began = time.perf_counter()
        recognition = await recognizer.recognize(audio)
        work_s += time.perf_counter() - began
        reference = normalized(row["text"])
        wrong = edits(reference, normalized(recognition.transcript.text))
        errors, words, count = errors + wrong, words + len(reference), count + 1
        audio_s += len(audio) / HEARING_RATE_HZ
        worst.append((wrong / max(1, len(reference)), row["path"], recognition.transcript.text))
    worst.sort(reverse=True)
    return {
        "wer": round(errors / max(1, words), 4),
        "rtf": round(work_s / max(audio_s, 1e-9), 4),
        "n": count,
        "words": words,
        "audio_s": round(audio_s, 1),
        "worst": [{"wer": round(rate, 2), "path": path, "heard": heard} for rate, path, heard in worst[:5]],
    }
