"""Audio at the edge: the wire's formats to 16 kHz int16 and back, as streams. G.711 tables after ITU-T G.711."""

from __future__ import annotations

from typing import Literal

import numpy as np
import soxr
from numpy.typing import NDArray

from ..models.base import HEARING_RATE_HZ, VAD_FRAME_SAMPLES

FormatName = Literal["audio/pcm", "audio/pcmu", "audio/pcma"]
Pcm = NDArray[np.int16]

RATES: dict[FormatName, int] = {"audio/pcm": 24_000, "audio/pcmu": 8_000, "audio/pcma": 8_000}
BYTES: dict[FormatName, int] = {"audio/pcm": 2, "audio/pcmu": 1, "audio/pcma": 1}


def _mulaw_table() -> Pcm:
    code = ~np.arange(256, dtype=np.uint8)
    exponent, mantissa = (code >> 4) & 7, (code & 15).astype(np.int32)
    magnitude = ((mantissa << 3) + 0x84 << exponent) - 0x84
    return np.where(code & 0x80, -magnitude, magnitude).astype(np.int16)


def _alaw_table() -> Pcm:
    code = np.arange(256, dtype=np.uint8) ^ 0x55
    exponent, mantissa = ((code >> 4) & 7).astype(np.int32), (code & 15).astype(np.int32)
    small, large = (mantissa << 4) + 8, ((mantissa << 4) + 0x108) << np.maximum(exponent - 1, 0)
    magnitude = np.where(exponent == 0, small, large)
    return np.where(code & 0x80, magnitude, -magnitude).astype(np.int16)


def _inverse(table: Pcm) -> NDArray[np.uint8]:
    """For each 16-bit sample (offset by 32768) the code whose value is nearest."""
    order = np.argsort(table, kind="stable")
    values = table[order].astype(np.int32)
    middles = (values[1:] + values[:-1] + 1) // 2
    return order[np.searchsorted(middles, np.arange(-32768, 32768), side="right")].astype(np.uint8)


_DECODE: dict[FormatName, Pcm] = {"audio/pcmu": _mulaw_table(), "audio/pcma": _alaw_table()}
_ENCODE = {name: _inverse(table) for name, table in _DECODE.items()}


NOTHING: Pcm = np.zeros(0, np.int16)


class AudioInput:
    """Bytes of one format to 16 kHz. They wait until a frame of the VAD is full, for nobody hears less, and small
    messages would cost a resampling each."""

    def __init__(self, name: FormatName) -> None:
        self.name = name
        self._frame = VAD_FRAME_SAMPLES * RATES[name] // HEARING_RATE_HZ * BYTES[name]
        self.reset()

    def reset(self) -> None:
        """Forget what came: half a sample, and the resampler's tail."""
        self._held = b""
        self._resampler = soxr.ResampleStream(RATES[self.name], HEARING_RATE_HZ, 1, dtype="int16")

    def decode(self, data: bytes) -> Pcm:
        """What can be heard of the audio so far and was not given yet; nothing where that is less than a frame."""
        self._held += data
        if len(self._held) < self._frame:
            return NOTHING
        return np.asarray(self._resampler.resample_chunk(self._taken()), np.int16)

    def flush(self) -> Pcm:
        """What is still held of the audio so far; then as new."""
        tail = np.asarray(self._resampler.resample_chunk(self._taken(), last=True), np.int16)
        self.reset()
        return tail

    def _taken(self) -> Pcm:
        """The whole samples that are held; half of one stays."""
        cut = len(self._held) // BYTES[self.name] * BYTES[self.name]
        data, self._held = self._held[:cut], self._held[cut:]
        return (
            np.frombuffer(data, "<i2")
            if self.name == "audio/pcm"
            else _DECODE[self.name][np.frombuffer(data, np.uint8)]
        )


class AudioOutput:
    """int16 at the synthesizer's rate to bytes of one format, for one response."""

    def __init__(self, name: FormatName) -> None:
        self.name = name
        self._resampler: soxr.ResampleStream | None = None
        self._rate_hz = 0

    @property
    def bytes_per_s(self) -> int:
        return RATES[self.name] * BYTES[self.name]

    def encode(self, samples: Pcm, rate_hz: int) -> bytes:
        head = b"" if rate_hz == self._rate_hz else self.flush()
        if rate_hz != self._rate_hz:
            self._rate_hz = rate_hz
            same = rate_hz == RATES[self.name]
            self._resampler = None if same else soxr.ResampleStream(rate_hz, RATES[self.name], 1, dtype="int16")
        if self._resampler is not None:
            samples = np.asarray(self._resampler.resample_chunk(samples), np.int16)
        return head + self._bytes(samples)

    def flush(self) -> bytes:
        """The end of what was encoded, which the resampler still holds."""
        if self._resampler is None:
            return b""
        tail = np.asarray(self._resampler.resample_chunk(np.zeros(0, np.int16), last=True), np.int16)
        self._resampler, self._rate_hz = None, 0
        return self._bytes(tail)

    def _bytes(self, samples: Pcm) -> bytes:
        if self.name == "audio/pcm":
            return samples.astype("<i2").tobytes()
        return _ENCODE[self.name][samples.astype(np.int32) + 32768].tobytes()
