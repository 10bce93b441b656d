"""Kokoro's graph in four parts, so that speech begins early and prosody can be shaped on its way.

    text      phonemes, voice                       -> what each phoneme is like, and how long it lasts
    contours  phonemes laid out on frames, voice    -> pitch (F0) and energy, two values a frame
    detail    the same frames, pitch, energy, voice -> what is to sound, two columns a frame
    wave      any columns of it, pitch, voice       -> sound

Laying phonemes out on frames (in the whole graph a matrix product) is an index here. `wave` takes the statistics of
its norms from outside, where they are known better than a window can tell them. The parts are cut out of the
pulled file once, and kept beside it; put together they give the whole graph's samples (here to the last bit), which is
checked to 1e-4 of full scale when they are made.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from filelock import FileLock
from numpy.typing import NDArray

from ..errors import Unavailable

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]
Models = dict[str, str | bytes]
"""Parts by name: paths, or their content."""

PHONEMES = "/encoder/predictor/text_encoder/Concat_4_output_0"
"""[1, phonemes, 640]: what pitch and energy are read from."""
SOUNDS = "/encoder/text_encoder/Transpose_2_output_0"
"""[1, 512, phonemes]: what sound is read from."""
LENGTHS = "/encoder/predictor/ReduceSum_output_0"
"""[1, phonemes]: frames at speed 1, not yet rounded."""
LAID_OUT = "/encoder/MatMul_output_0"
SOUND_FRAMES = "/encoder/MatMul_1_output_0"
PITCH = "/encoder/Reshape_output_0"
ENERGY = "/encoder/Reshape_1_output_0"

DETAIL = "/decoder/decoder/decode.3/Div_4_output_0"
"""[1, 512, 2 * frames]: all that sound is made of, but for pitch; a few hundredths of the work lie before it."""
NORMS, GIVEN, OWN = "norms", "given", "own"
"""Statistics for the norms of `wave`, the share by which they count, and those that the norms themselves find."""

PARTS: dict[str, tuple[list[str], list[str]]] = {
    "text": (["tokens", "style"], [PHONEMES, SOUNDS, LENGTHS]),
    "contours": ([LAID_OUT, "style"], [PITCH, ENERGY]),
    "detail": ([SOUND_FRAMES, PITCH, ENERGY, "style"], [DETAIL]),
    "wave": ([DETAIL, PITCH, "style"], ["audio"]),
}
VERSION = 2
"""Of the cuts: parts of another version are left alone."""


@dataclass(frozen=True, slots=True)
class Encoded:
    """A phrase before it is laid out in time; n phonemes, pads included."""

    phonemes: Floats
    """[1, n, 640]."""
    sounds: Floats
    """[1, 512, n]."""
    lengths: Floats
    """[n] frames at rate 1, not rounded."""


class Parts:
    """The parts, loaded. Each method is one call of the model, and may run on any thread."""

    def __init__(self, models: Models, *, threads: int, device: str = "cpu") -> None:
        self._text, self._contours, self._detail, self._wave = (
            _session(models[name], threads, device) for name in PARTS
        )
        shapes = {taken.name: taken.shape for taken in self._wave.get_inputs()}
        self._no_norms = np.zeros(shapes[NORMS], np.float32)

    def encode(self, tokens: list[int], style: Floats) -> Encoded:
        """`tokens` without pads; `style` [1, 256]."""
        feeds = {"tokens": np.array([[0, *tokens, 0]], np.int64), "style": style}
        phonemes, sounds, lengths = self._text.run([PHONEMES, SOUNDS, LENGTHS], feeds)
        return Encoded(phonemes, sounds, lengths.reshape(-1))

    def contours(self, encoded: Encoded, frames: Ints, style: Floats) -> tuple[Floats, Floats]:
        """Pitch in Hz and energy, each [1, 2 * frames in all], for phonemes that last `frames` [n] frames each."""
        phonemes = np.repeat(encoded.phonemes[0].T, frames, axis=1)[None]
        pitch, energy = self._contours.run([PITCH, ENERGY], {LAID_OUT: phonemes, "style": style})
        return pitch, energy

    def detail(self, sounds: Floats, pitch: Floats, energy: Floats, style: Floats) -> Floats:
        """[1, 512, 2 * frames] of a whole phrase: `sounds` [1, 512, frames], the contours twice as long."""
        feeds = {SOUND_FRAMES: sounds, PITCH: pitch, ENERGY: energy, "style": style}
        detail: Floats = self._detail.run([DETAIL], feeds)[0]
        return detail

    def wave(self, detail: Floats, pitch: Floats, style: Floats, norms: Floats | None = None) -> Floats:
        """Samples [600 * frames] of some frames, with the statistics `norms` or those that these frames have."""
        audio: Floats = self._wave.run(["audio"], self._feeds(detail, pitch, style, norms))[0]
        return audio

    def norms(self, detail: Floats, pitch: Floats, style: Floats) -> Floats:
        """The statistics that these frames have, as `wave` takes them."""
        own: Floats = self._wave.run([OWN], self._feeds(detail, pitch, style, None))[0]
        return own

    def _feeds(self, detail: Floats, pitch: Floats, style: Floats, norms: Floats | None) -> dict[str, Any]:
        given, norms = (0, self._no_norms) if norms is None else (1, norms)
        return {DETAIL: detail, PITCH: pitch, "style": style, NORMS: norms, GIVEN: np.array(given, np.float32)}


def load(whole: Path, *, threads: int, device: str = "cpu") -> Parts:
    """The parts of the graph in a file. Raises Unavailable: it cannot be cut, or there is no such device."""
    return Parts(_stored(whole) or _cut(whole), threads=threads, device=device)


def folder_of(whole: Path) -> Path:
    return whole.with_name(f"{whole.stem}-parts{VERSION}")


def _stored(whole: Path) -> Models | None:
    """Paths of the parts, cut now if need be; `None` where nothing can be written."""
    folder = folder_of(whole)
    if not folder.is_dir():
        try:
            with FileLock(folder.with_name(f".{folder.name}.lock")):
                if not folder.is_dir():
                    _store(_cut(whole), folder)
        except OSError:
            return None
    return {name: str(folder / f"{name}.onnx") for name in PARTS}


def _store(parts: Models, folder: Path) -> None:
    """All of them or none: whoever sees the folder sees whole files."""
    made = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        made.chmod(0o755)
        for name, content in parts.items():
            with (made / f"{name}.onnx").open("wb") as file:
                file.write(content if isinstance(content, bytes) else content.encode())
                file.flush()
                os.fsync(file.fileno())
        made.rename(folder)
    finally:
        shutil.rmtree(made, ignore_errors=True)


def _cut(whole: Path) -> Models:
    """Serialised parts. Raises Unavailable where they do not say what the whole says."""
    from .kokoro_graph import cut  # here, because onnx is slow to load

    parts: Models = dict(cut(whole))
    _compare(whole, parts)
    return parts


def _compare(whole: Path, models: Models) -> None:
    """Raises Unavailable unless both say the same."""
    tokens, style = [50, 83, 54, 156, 31, 4], np.full((1, 256), 0.05, np.float32)
    feeds = {"tokens": np.array([[0, *tokens, 0]], np.int64), "style": style, "speed": np.ones(1, np.float32)}
    expected = _session(str(whole), 1).run(None, feeds)[0]
    parts = Parts(models, threads=1)
    encoded = parts.encode(tokens, style)
    frames = np.maximum(np.round(encoded.lengths), 1).astype(np.int64)
    pitch, energy = parts.contours(encoded, frames, style)
    detail = parts.detail(np.repeat(encoded.sounds, frames, axis=2), pitch, energy, style)
    alone = parts.wave(detail, pitch, style)
    told = parts.wave(detail, pitch, style, parts.norms(detail, pitch, style))
    if any(got.shape != expected.shape or np.abs(got - expected).max() > 1e-4 for got in (alone, told)):
        raise Unavailable(f"the parts of {whole} do not sound like the whole; pull it again, and report this")


def _session(model: str | bytes, threads: int, device: str = "cpu") -> onnxruntime.InferenceSession:
    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads, settings.inter_op_num_threads = threads, 1
    return onnxruntime.InferenceSession(model, settings, providers=_providers(device))


def _providers(device: str) -> list[str]:
    """What onnxruntime may run on, in order. Raises Unavailable rather than be slow without a word."""
    if device == "cpu":
        return ["CPUExecutionProvider"]
    if "CUDAExecutionProvider" not in onnxruntime.get_available_providers():
        raise Unavailable(
            "this onnxruntime cannot use CUDA: pip uninstall onnxruntime && pip install onnxruntime-gpu, "
            "or set tts.options.device to cpu"
        )
    return ["CUDAExecutionProvider", "CPUExecutionProvider"]
