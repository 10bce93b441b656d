"""The wire without any I/O: what clients may send, what they get, and the audio inside. The one module of the server
that clients import.

    decode(text) -> a command, an update or audio; raises ProtocolError
    Encoder(session).encode(output) -> events
    WireSession: the session object, merged from updates
"""

from __future__ import annotations

import base64

import numpy as np
from numpy.typing import NDArray

from .audio import AudioInput, AudioOutput
from .wire_client import Append, Decoded, Update, decode
from .wire_errors import ProtocolError
from .wire_response import Event
from .wire_server import Encoder
from .wire_session import WireSession

PATH = "/v1/realtime"
PCM_RATE_HZ = 24_000
"""Rate of `audio/pcm`, both ways."""
SUBPROTOCOL = "realtime"
KEY_SUBPROTOCOL = "openai-insecure-api-key."
"""Browsers cannot set headers; they offer the key behind this."""

__all__ = [
    "KEY_SUBPROTOCOL",
    "PATH",
    "PCM_RATE_HZ",
    "SUBPROTOCOL",
    "Append",
    "AudioInput",
    "AudioOutput",
    "Decoded",
    "Encoder",
    "Event",
    "ProtocolError",
    "Update",
    "WireSession",
    "append_event",
    "decode",
    "pcm_of",
]


def append_event(samples: NDArray[np.int16]) -> Event:
    """Microphone audio, mono at `PCM_RATE_HZ`, as a client sends it."""
    audio = base64.b64encode(samples.astype("<i2").tobytes()).decode()
    return {"type": "input_audio_buffer.append", "audio": audio}


def pcm_of(delta: str) -> NDArray[np.int16]:
    """Samples of an audio delta in `audio/pcm`. Raises ValueError for what is no audio."""
    return np.frombuffer(base64.b64decode(delta, validate=True), "<i2").astype(np.int16)
