"""Audio files: any of them in, to the hearing rate; a few kinds out, as they grow."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from typing import Literal, Protocol

import av
import av.error
import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from ..models.base import HEARING_RATE_HZ, Samples

Pcm = NDArray[np.int16]
FileFormat = Literal["mp3", "opus", "aac", "flac", "wav", "pcm"]

MEDIA_TYPES: dict[FileFormat, str] = {
    "mp3": "audio/mpeg",
    "opus": "audio/ogg",
    "aac": "audio/aac",
    "flac": "audio/flac",
    "wav": "audio/wav",
    "pcm": "audio/pcm",
}
CONTAINERS: dict[FileFormat, tuple[str, str, str, int]] = {
    "mp3": ("mp3", "libmp3lame", "s16p", 24_000),
    "opus": ("ogg", "libopus", "s16", 24_000),
    "aac": ("adts", "aac", "fltp", 24_000),
    "flac": ("flac", "flac", "s16", 24_000),
}
"""FFmpeg's container and codec for a format, with the samples and the rate that the codec takes."""
BLOCK_FRAMES = 65_536
MOST_CHANNELS = 32
SHORTEST_S = 0.01


class BadAudio(Exception):
    """A file that cannot be heard; the message says why."""


def read_audio(data: bytes, longest_s: float) -> Samples:
    """Decode a file to mono float32 at 16 kHz, block by block: a header cannot claim more memory than there is sound.

    Raises:
        BadAudio: no audio, none that can be read, or more than `longest_s` of it.
    """
    if not data:
        raise BadAudio("The file is empty.")
    try:
        audio = _gathered(_soundfile_blocks(data), longest_s)
    except (soundfile.SoundFileError, ValueError, ZeroDivisionError, OverflowError):
        try:
            audio = _gathered(_av_blocks(data), longest_s)
        except (av.error.FFmpegError, ValueError, IndexError) as error:
            raise BadAudio("The file is no audio that can be read.") from error
    if len(audio) < SHORTEST_S * HEARING_RATE_HZ:
        raise BadAudio("The file holds no audio.")
    return audio


def _gathered(blocks: Iterator[tuple[Samples, int]], longest_s: float) -> Samples:
    heard: list[Samples] = []
    seconds = 0.0
    resampler: soxr.ResampleStream | None = None
    for block, rate_hz in blocks:
        seconds += len(block) / rate_hz
        if seconds > longest_s:
            raise BadAudio(f"The file holds more than {longest_s / 60:g} minutes of audio.")
        resampler = resampler or soxr.ResampleStream(rate_hz, HEARING_RATE_HZ, 1)
        heard.append(resampler.resample_chunk(block))
    if resampler is not None:
        heard.append(resampler.resample_chunk(np.zeros(0, np.float32), last=True))
    return np.concatenate(heard) if heard else np.zeros(0, np.float32)


def _soundfile_blocks(data: bytes) -> Iterator[tuple[Samples, int]]:
    """The buffer is zeroed each time: for the end of an MP3 libsndfile gives back more than it has written."""
    with soundfile.SoundFile(io.BytesIO(data)) as file:
        _check_shape(file.samplerate, file.channels)
        while True:
            block = np.zeros((BLOCK_FRAMES, file.channels), np.float32)
            got = file.read(out=block)
            if not len(got):
                return
            yield _sane(got).mean(axis=1), file.samplerate


def _av_blocks(data: bytes) -> Iterator[tuple[Samples, int]]:
    to_mono = av.AudioResampler(format="flt", layout="mono", rate=HEARING_RATE_HZ)
    with av.open(io.BytesIO(data), "r", metadata_errors="ignore") as container:
        for frame in container.decode(container.streams.audio[0]):
            for mono in to_mono.resample(frame):
                yield _sane(mono.to_ndarray()[0]), HEARING_RATE_HZ


def _check_shape(rate_hz: int, channels: int) -> None:
    """A header can claim anything, and buffers and filters grow with it."""
    if not 1000 <= rate_hz <= 768_000 or not 1 <= channels <= MOST_CHANNELS:
        raise BadAudio(f"The file claims {rate_hz} Hz and {channels} channels; that is not speech.")


def _sane(samples: Samples) -> Samples:
    """Float files may hold anything: no number is silence, and nothing is louder than full scale."""
    return np.clip(np.nan_to_num(samples, posinf=1.0, neginf=-1.0), -1.0, 1.0)


class FileEncoder(Protocol):
    def add(self, samples: Pcm) -> bytes:
        """Bytes of the file that are ready now."""
        ...

    def end(self) -> bytes: ...


def encoder(name: FileFormat, rate_hz: int) -> FileEncoder:
    if name == "pcm":
        return RawEncoder(b"")
    if name == "wav":
        return RawEncoder(wav_header(rate_hz))
    return AvEncoder(name, rate_hz)


class RawEncoder:
    """Samples as they are, after a header."""

    def __init__(self, header: bytes) -> None:
        self._header = header

    def add(self, samples: Pcm) -> bytes:
        header, self._header = self._header, b""
        return header + samples.astype("<i2").tobytes()

    def end(self) -> bytes:
        return b""


def wav_header(rate_hz: int) -> bytes:
    """RIFF header of mono 16-bit PCM whose length is not known yet (sizes of 0xFFFFFFFF, as FFmpeg does for pipes)."""
    form = struct.pack("<4sI4s", b"RIFF", 0xFFFFFFFF, b"WAVE")
    shape = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, rate_hz, rate_hz * 2, 2, 16)
    return form + shape + struct.pack("<4sI", b"data", 0xFFFFFFFF)


class AvEncoder:
    """A compressed format by FFmpeg, which writes into memory what we take out."""

    def __init__(self, name: FileFormat, rate_hz: int) -> None:
        container, codec, layout, rate = CONTAINERS[name]
        self._sink = _Sink()
        options = {"write_xing": "0"} if name == "mp3" else {}
        self._container = av.open(self._sink, "w", format=container, container_options=options)
        stream = self._container.add_stream(codec, rate=rate, layout="mono", format=layout)
        assert isinstance(stream, av.AudioStream)
        self._stream = stream
        self._rate_hz = rate_hz
        self._position = 0

    def add(self, samples: Pcm) -> bytes:
        frame = av.AudioFrame.from_ndarray(samples.reshape(1, -1), format="s16", layout="mono")
        frame.sample_rate, frame.pts = self._rate_hz, self._position
        self._position += len(samples)
        self._container.mux(self._stream.encode(frame))
        return self._sink.taken()

    def end(self) -> bytes:
        self._container.mux(self._stream.encode(None))
        self._container.close()
        return self._sink.taken()


class _Sink:
    """A file that only grows."""

    def __init__(self) -> None:
        self._data = bytearray()

    def write(self, data: bytes) -> int:
        self._data += data
        return len(data)

    def taken(self) -> bytes:
        data = bytes(self._data)
        self._data.clear()
        return data
