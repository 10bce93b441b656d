"""`affetto eval speech`: how the configured voice speaks."""

from __future__ import annotations

import argparse
import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from ...models import registry
from ...models.base import HEARING_RATE_HZ, Samples, Style
from ...models.errors import Unavailable
from ...models.labels import Tone
from ...models.store import Store
from ...pipelines.evaluation import speech, speech_arousal, speech_pictures, speech_playback, speech_realtime
from ...pipelines.evaluation.speech_measures import Voiceprint, voiceprint
from ...pipelines.evaluation.speech_sentences import SENTENCES
from ..settings import Settings
from . import weights

PICTURED = 4
"""Sentences in a tone's picture."""
SILENCE_ENOUGH_S = 15.0
"""Seconds in all: neutral sentences come out as in Whisper's own 30 (4 of 592 words wrong), in half the time."""
DNSMOS_SAMPLES = int(9.01 * HEARING_RATE_HZ)
DNSMOS_OVERALL = (-0.06766283, 1.11546468, 0.04602535)


def report(settings: Settings, args: argparse.Namespace) -> dict[str, Any]:
    """Measure the voice; `args` has limit, out, playback and what to leave out. Raises Unavailable for --out without
    matplotlib, before anything is spoken."""
    if args.out is not None and find_spec("matplotlib") is None:
        raise Unavailable("--out draws pictures, and needs matplotlib: pip install 'affetto[train]'")
    store = Store(settings.models_dir)
    weights.pull(store, [*_assets(settings), "whisper-base"])
    if args.playback:
        voice = registry.create("tts", settings.tts.backend, _uncached(settings, {}), store)
        count = speech_realtime.realtime if args.real_time else speech_playback.playback
        return asyncio.run(count(voice, SENTENCES, minutes=args.playback))
    gallery = Gallery(args.out)
    evaluation = speech.Evaluation(
        voice=registry.create("tts", settings.tts.backend, _uncached(settings, {}), store),
        whole=_whole(settings, store),
        recognizer=registry.create("asr", settings.asr.backend, _patient(settings), store),
        listen=_listener(store),
        arousal=_arousal(settings, store),
        quality=_dnsmos(),
        observer=gallery.keep,
    )
    limit = args.limit or len(SENTENCES)
    step = max(1, len(SENTENCES) // limit)
    found = asyncio.run(evaluation.run(SENTENCES[::step][:limit], controls=not args.quick))
    gallery.draw()
    return found


def _assets(settings: Settings) -> list[str]:
    return [name for name in weights.needed(settings) if name.startswith(("kokoro", "piper", "whisper"))]


def _uncached(settings: Settings, extra: dict[str, Any]) -> dict[str, Any]:
    """The voice's options, with nothing said from memory."""
    known = registry.options_of("tts", settings.tts.backend).model_fields
    wanted = {"cache_mib": 0, **extra}
    return {**settings.tts.options, **{key: value for key, value in wanted.items() if key in known}}


def _patient(settings: Settings) -> dict[str, Any]:
    """Options with which Whisper has silence enough: with less it says some sentences twice."""
    known = registry.options_of("asr", settings.asr.backend).model_fields
    return {**settings.asr.options, **({"shortest_s": SILENCE_ENOUGH_S} if "shortest_s" in known else {})}


def _arousal(settings: Settings, store: Store) -> speech.Judge | None:
    """As the configured cue heads read it, if there are any."""
    if settings.cues.backend != "voice":
        return None
    from ...models.asr import faster_whisper
    from ...models.cues import voice

    chosen = voice.Options.model_validate(settings.cues.options)
    ears = faster_whisper.FasterWhisper(faster_whisper.Options(), store)
    return partial(speech_arousal.arousal, heads=voice.trained(chosen.weights), ears=ears)


def _whole(settings: Settings, store: Store) -> Any:
    """The same voice in one piece, where it can speak so."""
    if "streaming" not in registry.options_of("tts", settings.tts.backend).model_fields:
        return None
    return registry.create("tts", settings.tts.backend, _uncached(settings, {"streaming": False}), store)


def _listener(store: Store) -> speech.Listen:
    """Words and where they begin, by Whisper's own alignment."""
    from faster_whisper import WhisperModel

    model = WhisperModel(str(store.path("whisper-base")), device="cpu", compute_type="int8", cpu_threads=2)

    async def listen(audio: Samples) -> Sequence[tuple[str, int]]:
        segments, _ = model.transcribe(audio, language="en", beam_size=1, word_timestamps=True)
        return [(word.word, round(word.start * HEARING_RATE_HZ)) for part in segments for word in part.words or ()]

    return listen


def _dnsmos() -> speech.Judge | None:
    """DNSMOS P.835, overall quality (Reddy et al. 2022), if the package `speechmos` is installed."""
    spec = find_spec("speechmos")
    if spec is None or not spec.submodule_search_locations:
        return None
    import onnxruntime

    path = Path(next(iter(spec.submodule_search_locations))) / "dnsmos_models" / "sig_bak_ovr.onnx"
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])

    def overall(audio: Samples) -> float:
        repeated = np.resize(audio, DNSMOS_SAMPLES).astype(np.float32)
        raw = float(session.run(None, {session.get_inputs()[0].name: repeated[None]})[0][0][2])
        return float(np.polyval(DNSMOS_OVERALL, raw))

    return overall


@dataclass
class Gallery:
    """Writes what is spoken, and draws the tones, into `folder` if there is one."""

    folder: Path | None
    _neutral: dict[str, Voiceprint] = field(default_factory=dict)
    _toned: dict[Tone, list[tuple[str, Voiceprint, Voiceprint]]] = field(default_factory=dict)

    def keep(self, text: str, style: Style, spoken: speech.Spoken) -> None:
        if self.folder is None:
            return
        if style == Style():
            self._neutral[text] = voiceprint(spoken.heard)
        elif style == Style(style.tone):
            pair = (text, self._neutral[text], voiceprint(spoken.heard))
            self._toned.setdefault(style.tone, []).append(pair)
        else:
            return
        number = list(self._neutral).index(text) + 1
        path = self.folder / style.tone.value / f"{number:02}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, spoken.samples, spoken.rate_hz)

    def draw(self) -> None:
        for tone, pairs in self._toned.items():
            assert self.folder is not None
            speech_pictures.draw(self.folder / f"{tone.value}.png", tone.value, pairs[:PICTURED])


def told(found: dict[str, Any]) -> str:
    """The report in words."""
    if "underruns" in found:
        return f"{found['underruns']} gaps ({found['silent_s']} s) in {found['played_s']} s of speech"
    lines = [
        f"first audio after {found['first_audio_ratio']:.0%} of the time of the whole sentence "
        f"({found['first_audio_ms']:.0f} ms), real-time factor {found['rtf']}"
    ]
    for key in ("wer", "quality", "word_timing_error_ms", "tone_pairs_told_apart", "arousal_ordered"):
        if key in found:
            lines.append(f"{key.replace('_', ' ')}: {found[key]}")
    if whole := found.get("whole"):
        lines.append(f"in one piece: {', '.join(f'{key} {value}' for key, value in whole.items())}")
    for name, control in found.get("controls", {}).items():
        rows = ", ".join(f"{row['asked']:g} -> {row['measured']:g}" for row in control["rows"])
        lines.append(f"{name}: {rows}; at least {control['least_share']:.0%} of what was asked for{_heard(control)}")
    lines += [f"{tone}: {json.dumps(row)}" for tone, row in found["tones"].items()]
    return "\n".join(lines)


def _heard(control: dict[str, Any]) -> str:
    if "wer_neutral" not in control:
        return ""
    worst = max(row["wer"] for row in control["rows"])
    return f"; word error rate at most {worst - control['wer_neutral']:+.1%} from neutral"
