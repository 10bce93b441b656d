"""Smart-turn v3.2 (BSD-2): is the speaker done? Judged from the sound of the last eight seconds."""

from __future__ import annotations

import numpy as np
import onnxruntime
from faster_whisper.feature_extractor import FeatureExtractor
from pydantic import BaseModel, ConfigDict

from ..base import HEARING_RATE_HZ, Samples
from ..store import Store
from ..worker import Worker

WINDOW_S = 8
FRAMES = WINDOW_S * 100


class Options(BaseModel):
    model_config = ConfigDict(extra="forbid")

    threads: int = 1
    """Threads of one judgement."""


class SmartTurn:
    """Shared by all sessions; one judgement at a time, about 30 ms on one core."""

    def __init__(self, options: Options, store: Store) -> None:
        settings = onnxruntime.SessionOptions()
        settings.intra_op_num_threads, settings.inter_op_num_threads = options.threads, 1
        path = store.path("smart-turn") / "smart-turn-v3.2-cpu.onnx"
        self._session = onnxruntime.InferenceSession(str(path), settings, providers=["CPUExecutionProvider"])
        self._features = FeatureExtractor(chunk_length=WINDOW_S)
        self._worker = Worker("smart-turn")

    async def completion(self, audio: Samples) -> float:
        """Probability that the turn is complete; audio shorter than the window is padded in front."""
        return await self._worker.call(self._judge, audio)

    def _judge(self, audio: Samples) -> float:
        window = np.zeros(WINDOW_S * HEARING_RATE_HZ, np.float32)
        tail = audio[-len(window) :]
        window[len(window) - len(tail) :] = tail
        # zero mean, unit variance over the whole window, as the model was trained (transformers' do_normalize)
        window = (window - window.mean()) / np.sqrt(window.var() + 1e-7)
        mel = self._features(window, padding=0)[:, :FRAMES].astype(np.float32)
        if mel.shape[1] < FRAMES:
            mel = np.pad(mel, ((0, 0), (0, FRAMES - mel.shape[1])), mode="edge")
        return float(self._session.run(None, {"input_features": mel[None]})[0][0, 0])
