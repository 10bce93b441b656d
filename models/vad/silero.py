"""Silero VAD v6 (MIT) on one shared ONNX session; a session's stream is 2 kB of recurrent state."""

from __future__ import annotations

import numpy as np
import onnxruntime
from pydantic import BaseModel, ConfigDict

from ..base import HEARING_RATE_HZ, VAD_FRAME_SAMPLES, Samples
from ..store import Store

CONTEXT_SAMPLES = 64
"""Samples of the previous frame that the model wants before each new one (silero_vad/utils_vad.py, v5 and later)."""


class Options(BaseModel):
    """No options: the threshold belongs to the session's turn detection."""

    model_config = ConfigDict(extra="forbid")


class SileroVAD:
    """The model, loaded once. Runs inline: a frame takes about 0.1 ms."""

    def __init__(self, options: Options, store: Store) -> None:
        settings = onnxruntime.SessionOptions()
        settings.intra_op_num_threads = settings.inter_op_num_threads = 1
        path = store.path("silero-vad") / "silero_vad.onnx"
        self._session = onnxruntime.InferenceSession(str(path), settings, providers=["CPUExecutionProvider"])

    def stream(self) -> SileroStream:
        return SileroStream(self._session)


class SileroStream:
    """One session's state."""

    def __init__(self, session: onnxruntime.InferenceSession) -> None:
        self._session = session
        self._state = np.zeros((2, 1, 128), np.float32)
        self._input = np.zeros((1, CONTEXT_SAMPLES + VAD_FRAME_SAMPLES), np.float32)
        self._rate = np.array(HEARING_RATE_HZ, np.int64)

    def probability(self, frame: Samples) -> float:
        """Probability of speech in the next frame, float32 [512]."""
        self._input[0, CONTEXT_SAMPLES:] = frame
        feeds = {"input": self._input, "state": self._state, "sr": self._rate}
        probability, self._state = self._session.run(None, feeds)
        self._input[0, :CONTEXT_SAMPLES] = self._input[0, -CONTEXT_SAMPLES:]
        return float(probability[0, 0])
