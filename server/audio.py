"""Audio at the edge: the wire's formats to 16 kHz int16 and back, as streams. G.711 tables after ITU-T G.711."""

from __future__ import annotations

from typing import Literal

import numpy as np
import soxr
from numpy.typing import NDArray

from ..models.base import HEARING_RATE_HZ

FormatName = Literal["audio/pcm", "audio/pcmu", "audio/pcma"]
Pcm = NDArray[np.int16]

RATES: dict[FormatName, int] = {"audio/pcm": 24_000, "audio/pcmu": 8_000, "audio/pcma": 8_000}


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


class AudioInput:
    """Bytes of one format to 16 kHz; an odd byte waits for its other half."""

    def __init__(self, name: FormatName) -> None:
        self.name = name
        self.reset()

    def reset(self) -> None:
        """Forget what came: half a sample, and the resampler's tail."""
        self._rest = b""
        self._resampler = soxr.ResampleStream(RATES[self.name], HEARING_RATE_HZ, 1, dtype="int16")

    def decode(self, data: bytes) -> Pcm:
        if self.name == "audio/pcm":
            data = self._rest + data
            cut = len(data) // 2 * 2
            data, self._rest = data[:cut], data[cut:]
            samples = np.frombuffer(data, "<i2")
        else:
            samples = _DECODE[self.name][np.frombuffer(data, np.uint8)]
        return np.asarray(self._resampler.resample_chunk(samples), np.int16)

    def flush(self) -> Pcm:
        """What the resampler still holds of the audio so far; then as new."""
        tail = np.asarray(self._resampler.resample_chunk(np.zeros(0, np.int16), last=True), np.int16)
        self.reset()
        return tail


class AudioOutput:
    """int16 at the synthesizer's rate to bytes of one format, for one response."""

    def __init__(self, name: FormatName) -> None:
        self.name = name
        self._resampler: soxr.ResampleStream | None = None
        self._rate_hz = 0

    @property
    def bytes_per_s(self) -> int:
        return RATES[self.name] * (2 if self.name == "audio/pcm" else 1)

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
