"""Codecs at the edge: exact tables, streams without seams, files in and out."""

from __future__ import annotations

import io

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from affetto.server.audio import AudioInput, AudioOutput, FormatName
from affetto.server.media import MEDIA_TYPES, BadAudio, FileFormat, encoder, read_audio

MULAW = {0x00: -32124, 0x80: 32124, 0x0F: -16764, 0x7F: 0, 0xFF: 0, 0xEF: 132, 0x6F: -132, 0x8F: 16764}
ALAW = {0xD5: 8, 0x55: -8, 0xAA: 32256, 0x2A: -32256, 0x80: 5504, 0x00: -5504, 0xD4: 24}
"""Codes and values of ITU-T G.711 tables 1a, 2a (16-bit scale)."""


def tone(seconds: float, rate_hz: int, pitch_hz: float = 440.0) -> NDArray[np.int16]:
    return (12_000 * np.sin(2 * np.pi * pitch_hz * np.arange(int(seconds * rate_hz)) / rate_hz)).astype(np.int16)


def table(name: FormatName) -> NDArray[np.int16]:
    from affetto.server.audio import _DECODE

    return _DECODE[name]


@pytest.mark.parametrize(("name", "values"), [("audio/pcmu", MULAW), ("audio/pcma", ALAW)])
def test_telephone_codes_have_the_values_of_the_standard(name: FormatName, values: dict[int, int]) -> None:
    decoded = table(name)
    assert {code: int(decoded[code]) for code in values} == values


@pytest.mark.parametrize("name", ["audio/pcmu", "audio/pcma"])
def test_every_telephone_code_survives_coming_back(name: FormatName) -> None:
    output = AudioOutput(name)
    codes = output.encode(table(name), 8_000)
    assert np.array_equal(table(name)[np.frombuffer(codes, np.uint8)], table(name))


@pytest.mark.parametrize("name", ["audio/pcmu", "audio/pcma"])
def test_telephone_speech_is_within_the_codecs_error(name: FormatName) -> None:
    samples = np.arange(-32768, 32768).astype(np.int16)
    heard = table(name)[np.frombuffer(AudioOutput(name).encode(samples, 8_000), np.uint8)].astype(np.int32)
    error = np.abs(heard - samples.astype(np.int32))
    assert np.all(error <= np.maximum(16, np.abs(samples.astype(np.int32)) // 16))


@given(st.lists(st.integers(1, 3000), min_size=1, max_size=12))
def test_however_the_stream_is_cut_the_same_is_heard(cuts: list[int]) -> None:
    data = tone(0.3, 24_000).tobytes()
    whole = AudioInput("audio/pcm")
    expected = np.concatenate([whole.decode(data), whole.flush()])
    pieces = AudioInput("audio/pcm")
    heard, at = [], 0
    for cut in cuts:
        heard.append(pieces.decode(data[at : at + cut]))
        at += cut
    heard += [pieces.decode(data[at:]), pieces.flush()]
    difference = np.concatenate(heard).astype(int) - expected
    assert np.abs(difference).max() <= 2  # the resampler dithers


def test_hearing_is_at_16_khz_and_keeps_pitch_and_level() -> None:
    codec = AudioInput("audio/pcm")
    heard = np.concatenate([codec.decode(tone(1, 24_000).tobytes()), codec.flush()])
    assert len(heard) == pytest.approx(16_000, abs=2)
    spectrum = np.abs(np.fft.rfft(heard[2000:14000].astype(float)))
    assert np.argmax(spectrum) / len(heard[2000:14000]) * 16_000 == pytest.approx(440, abs=2)
    assert np.abs(heard).max() == pytest.approx(12_000, rel=0.02)


def test_a_lost_half_sample_is_forgotten_when_the_buffer_is_cleared() -> None:
    codec = AudioInput("audio/pcm")
    codec.decode(b"\x01")
    codec.reset()
    heard = np.concatenate([codec.decode(tone(0.5, 24_000).tobytes()), codec.flush()])
    assert np.abs(np.diff(heard.astype(int))).max() < 4000


def test_a_change_of_rate_in_an_answer_loses_nothing() -> None:
    output = AudioOutput("audio/pcm")
    data = output.encode(tone(0.5, 22_050), 22_050) + output.encode(tone(0.5, 24_000), 24_000) + output.flush()
    assert len(data) // 2 == pytest.approx(24_000, abs=4)


@pytest.mark.parametrize("name", [name for name in MEDIA_TYPES if name != "pcm"])
def test_files_that_we_write_can_be_read(name: FileFormat) -> None:
    output, samples = encoder(name, 24_000), tone(1.0, 24_000)
    data = b"".join([output.add(samples[:5000]), output.add(samples[5000:]), output.end()])
    heard = read_audio(data, 10)
    assert len(heard) / 16_000 == pytest.approx(1.0, abs=0.12)
    spectrum = np.abs(np.fft.rfft(heard[4000:12000]))
    assert np.argmax(spectrum) * 16_000 / 8000 == pytest.approx(440, abs=4)


def flac(seconds: float) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, np.zeros(int(seconds * 16_000), np.int16), 16_000, format="FLAC")
    return file.getvalue()


def long_wav_header() -> bytes:
    """A header that claims ten hours of sound, and two seconds of it."""
    file = io.BytesIO()
    soundfile.write(file, tone(2, 16_000), 16_000, format="WAV")
    data = bytearray(file.getvalue())
    data[40:44] = (10 * 3600 * 32_000 & 0xFFFFFFFF).to_bytes(4, "little")
    return bytes(data)


def wav_claiming(rate_hz: int, channels: int) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, tone(1, 16_000), 16_000, format="WAV")
    data = bytearray(file.getvalue())
    data[22:24] = channels.to_bytes(2, "little")
    data[24:28] = rate_hz.to_bytes(4, "little")
    data[28:32] = min(rate_hz * channels * 2, 0xFFFFFFFF).to_bytes(4, "little")
    data[32:34] = (channels * 2).to_bytes(2, "little")
    return bytes(data)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "empty"),
        (b"not audio at all" * 100, "no audio that can be read"),
        (b"RIFF\x24\x00\x00\x00WAVEfmt ", "no audio that can be read"),
        (flac(5)[:60], "no audio"),
        (flac(60), "more than 0.5 minutes"),
        (wav_claiming(1_000_000_000, 1), "claims"),
        (wav_claiming(16_000, 1000), "claims|no audio"),
        (wav_claiming(1, 1), "claims"),
    ],
)
def test_files_that_are_no_audio_are_refused(data: bytes, says: str) -> None:
    with pytest.raises(BadAudio, match=says):
        read_audio(data, 30)


def test_a_header_that_claims_hours_brings_what_is_there() -> None:
    assert len(read_audio(long_wav_header(), 30)) == pytest.approx(32_000, abs=10)


def test_nothing_of_our_own_memory_gets_into_what_is_heard() -> None:
    output, samples = encoder("mp3", 24_000), tone(0.08, 24_000)
    data = output.add(samples) + output.add(samples) + output.end()
    for _ in range(20):
        used = [np.full(1000, np.nan, np.float32) for _ in range(50)]
        used += [np.full(500_000, 3e38, np.float32)]
        del used
        heard = read_audio(data, 10)
        assert np.abs(heard).max() < 0.6


def test_a_float_file_of_no_numbers_is_silence() -> None:
    file = io.BytesIO()
    wild = np.array([np.nan, np.inf, -np.inf, 3e38] * 4000, np.float32)
    soundfile.write(file, wild, 16_000, format="WAV", subtype="FLOAT")
    heard = read_audio(file.getvalue(), 10)
    assert np.isfinite(heard).all()
    assert np.abs(heard).max() <= 1.0


@given(st.binary(max_size=400))
def test_any_bytes_are_audio_or_refused(data: bytes) -> None:
    for head in (b"", b"fLaC", b"RIFF\x00\x00\x00\x00WAVE", b"OggS", b"ID3"):
        try:
            read_audio(head + data, 30)
        except BadAudio:
            continue
