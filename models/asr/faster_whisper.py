"""Whisper on CTranslate2, encoding only as much as was said.

Whisper pads every utterance to 30 s; CTranslate2 takes features of any length, so we append `padding_s` of
silence instead and save most of the encoder's work. Without that silence the model loops (docs/performance.md).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any

import ctranslate2
import numpy as np
from faster_whisper import WhisperModel
from faster_whisper.tokenizer import Tokenizer
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from ..base import HEARING_RATE_HZ, Encoding, Recognition, Samples, Transcript
from ..batching import Batcher
from ..errors import Failed
from ..store import Store
from ..worker import Worker
from .cutting import cut_points
from .whisper_text import NO_SPEECH, is_loop, is_silence, undoubled

ENCODER_HOP = 320
"""Samples an encoder frame: 10 ms features, halved by the encoder's second convolution."""
LONGEST_S = 28.0
SHORTEST_S = 0.1
SENTENCE_ENDS = (".", "?", "!", '."', '?"', '!"')
TOKENS_A_SECOND = 9
"""Fast English speech is 5-6 tokens a second; more means that the decoder is making things up."""


class Options(BaseModel):
    model_config = ConfigDict(extra="forbid", protected_namespaces=())

    asset: str = "whisper-base"
    """Pulled weights to use."""
    model: str | None = None
    """A CTranslate2 folder or hub name instead of `asset` (gpu profile: "large-v3-turbo")."""
    device: str = "cpu"
    """cpu, cuda or auto."""
    compute_type: str = "int8"
    """CTranslate2 compute type: int8 on CPU, float16 on GPU."""
    threads: int = 2
    """Threads of one decode on CPU."""
    workers: int = 1
    """Decodes that may run at the same time."""
    beam_size: int = 1
    """1 is greedy."""
    language: str = "en"
    """Language spoken, or "auto" to detect it each time (one decoder step more)."""
    padding_s: float = 2.0
    """Silence appended before encoding."""
    shortest_s: float = 0.0
    """Pad to at least this much in all; 30 is Whisper's own way."""
    batch: int = Field(1, ge=1)
    """Utterances of several sessions that are decoded together where they wait for each other; they are padded to whole
    seconds then."""


@dataclass(frozen=True, slots=True)
class Decode:
    text: str
    no_speech: float
    mean_logprob: float
    closure: float | None


@dataclass(frozen=True, slots=True)
class Utterance:
    """A piece of speech that is to be decoded with others; `samples` is how long all of them are made."""

    audio: Samples
    language: str
    prompt: str
    samples: int


class FasterWhisper:
    """Shared by all sessions; calls wait in one bounded line."""

    def __init__(self, options: Options, store: Store) -> None:
        self._options = options
        source = options.model or str(store.path(options.asset))
        self._model = WhisperModel(
            source,
            device=options.device,
            compute_type=options.compute_type,
            cpu_threads=options.threads,
            num_workers=options.workers,
        )
        self._worker = Worker("whisper", threads=options.workers)
        self._batcher = Batcher(self._worker, self._recognize_all, size=options.batch, kind=self._alike)

    async def recognize(self, audio: Samples, *, language: str | None = None, prompt: str = "") -> Recognition:
        """Transcribe one stretch of speech; longer than 28 s is cut at quiet places."""
        spoken, seconds = language or self._options.language, len(audio) / HEARING_RATE_HZ
        try:
            if self._options.batch > 1 and SHORTEST_S <= seconds <= LONGEST_S and spoken != "auto":
                whole_s = min(30, ceil(max(seconds + self._options.padding_s, self._options.shortest_s)))
                utterance = Utterance(audio, spoken, prompt, whole_s * HEARING_RATE_HZ)
                return await self._batcher.call(utterance)
            return await self._worker.call(self._recognize, audio, spoken, prompt)
        except RuntimeError as error:
            raise Failed(f"recognition failed: {error}") from error

    def encoding(self, audio: Samples) -> Encoding:
        """What `recognize` would give beside the words, without decoding; blocking. Cue heads train on it."""
        frames = [self._encode(audio[start:end])[1] for start, end in cut_points(audio, LONGEST_S)]
        return Encoding(np.concatenate(frames), ENCODER_HOP)

    def _recognize(self, audio: Samples, language: str, prompt: str) -> Recognition:
        if len(audio) < SHORTEST_S * HEARING_RATE_HZ:
            return Recognition(Transcript("", final=True))
        texts: list[str] = []
        closure: float | None = None
        frames: list[NDArray[np.float32]] = []
        for start, end in cut_points(audio, LONGEST_S):
            encoded, held = self._encode(audio[start:end])
            if language == "auto":
                language = self._detect(encoded)
            seconds = (end - start) / HEARING_RATE_HZ
            piece, closure = self._decode(encoded, seconds, language, " ".join([prompt, *texts]))
            texts.append(piece)
            frames.append(held)
        text = " ".join(text for text in texts if text)
        transcript = Transcript(text, language=language, stable_chars=len(text), final=True, closure=closure)
        return Recognition(transcript, Encoding(np.concatenate(frames), ENCODER_HOP))

    def _alike(self, utterance: Utterance) -> tuple[int, str, int]:
        """What CTranslate2 decodes together: as long, in the same language, prompted by as many tokens."""
        prompt = self._prompt(self._tokenizer(utterance.language), utterance.prompt)
        return utterance.samples, utterance.language, len(prompt)

    def _recognize_all(self, utterances: Sequence[Utterance]) -> list[Recognition]:
        """Like `_recognize`, for utterances that are alike."""
        features = [self._features(np.pad(each.audio, (0, each.samples - len(each.audio)))) for each in utterances]
        encoded = self._model.model.encode(ctranslate2.StorageView.from_array(np.stack(features)), to_cpu=True)
        frames, first = np.array(encoded), utterances[0]
        longest_s = max(len(each.audio) for each in utterances) / HEARING_RATE_HZ
        prompts = [each.prompt for each in utterances]
        decodes = self._generate(encoded, longest_s, first.language, prompts, 0.0)
        found = []
        for each, decode, held in zip(utterances, decodes, frames, strict=True):
            own = ctranslate2.StorageView.from_array(np.ascontiguousarray(held[None]))
            text, closure = self._believed(decode, own, len(each.audio) / HEARING_RATE_HZ, each.language, each.prompt)
            transcript = Transcript(text, language=each.language, stable_chars=len(text), final=True, closure=closure)
            kept = held[: max(1, len(each.audio) // ENCODER_HOP)].astype(np.float32)
            found.append(Recognition(transcript, Encoding(kept, ENCODER_HOP)))
        return found

    def _features(self, padded: Samples) -> NDArray[np.float32]:
        """Log-mel features of as many frames as the encoder halves."""
        features = self._model.feature_extractor(padded, padding=0)
        return np.ascontiguousarray(features[:, : features.shape[1] // 2 * 2], np.float32)

    def _encode(self, audio: Samples) -> tuple[ctranslate2.StorageView, NDArray[np.float32]]:
        """Encoder output as the decoder takes it, and as float32 [frames, width] of the speech alone."""
        options = self._options
        missing_s = max(options.padding_s, options.shortest_s - len(audio) / HEARING_RATE_HZ)
        missing_s = min(missing_s, 30.0 - len(audio) / HEARING_RATE_HZ)
        padded = np.pad(audio, (0, int(missing_s * HEARING_RATE_HZ)))
        features = self._features(padded)
        encoded = self._model.model.encode(ctranslate2.StorageView.from_array(features[None]), to_cpu=True)
        held = np.array(encoded)[0][: max(1, len(audio) // ENCODER_HOP)].astype(np.float32)
        return encoded, held

    def _detect(self, encoded: ctranslate2.StorageView) -> str:
        ranked: list[list[tuple[str, float]]] = self._model.model.detect_language(encoded)
        return ranked[0][0][0].strip("<|>")

    def _decode(
        self, encoded: ctranslate2.StorageView, seconds: float, language: str, prompt: str
    ) -> tuple[str, float | None]:
        """Text of one piece, and its closure."""
        decode = self._generate(encoded, seconds, language, [prompt], 0.0)[0]
        return self._believed(decode, encoded, seconds, language, prompt)

    def _believed(
        self, decode: Decode, encoded: ctranslate2.StorageView, seconds: float, language: str, prompt: str
    ) -> tuple[str, float | None]:
        """What is to be believed of a greedy decode: a loop over speech is tried again warmer, then given up. Of sound
        without speech a warmer decode is words drawn at random; that a loop is likely says nothing, it makes itself so.
        """
        if is_loop(decode.text):
            if decode.no_speech > NO_SPEECH:
                return "", None
            decode = self._generate(encoded, seconds, language, [prompt], 0.4)[0]
        if is_loop(decode.text) or is_silence(decode.text, decode.no_speech, decode.mean_logprob):
            return "", None
        return decode.text, decode.closure

    def _tokenizer(self, language: str) -> Tokenizer:
        multilingual = self._model.model.is_multilingual
        return Tokenizer(self._model.hf_tokenizer, multilingual, task="transcribe", language=language)

    def _prompt(self, tokenizer: Tokenizer, prompt: str) -> list[int]:
        before = tokenizer.encode(" " + prompt.strip())[-100:] if prompt.strip() else []
        tokens: list[int] = self._model.get_prompt(tokenizer, before, without_timestamps=True)
        return tokens

    def _generate(
        self,
        encoded: ctranslate2.StorageView,
        seconds: float,
        language: str,
        prompts: Sequence[str],
        temperature: float,
    ) -> list[Decode]:
        """A decode for each prompt, all of as many tokens."""
        tokenizer = self._tokenizer(language)
        tokens = [self._prompt(tokenizer, prompt) for prompt in prompts]
        sampling: dict[str, Any] = {"beam_size": self._options.beam_size}
        if temperature:
            sampling = {"beam_size": 1, "sampling_topk": 0, "sampling_temperature": temperature}
        results = self._model.model.generate(
            encoded,
            tokens,
            max_length=len(tokens[0]) + 10 + int(seconds * TOKENS_A_SECOND),
            return_scores=True,
            return_no_speech_prob=True,
            return_logits_vocab=True,
            suppress_blank=True,
            suppress_tokens=[-1],
            **sampling,
        )
        return [_read(tokenizer, result) for result in results]


def _read(tokenizer: Tokenizer, result: Any) -> Decode:
    ids = [token for token in result.sequences_ids[0] if token < tokenizer.eot]
    ids = _said_once(tokenizer, ids)
    # length_penalty defaults to 1, so the score is already a mean over the tokens and the end mark
    return Decode(
        tokenizer.decode(ids).strip(),
        result.no_speech_prob,
        result.scores[0],
        _closure(tokenizer, ids, result.logits[0]),
    )


def _said_once(tokenizer: Tokenizer, ids: list[int]) -> list[int]:
    """Without what the decoder said again."""
    said = undoubled(tokenizer.decode(ids).split())
    while len(tokenizer.decode(ids).split()) > said:
        ids = ids[:-1]
    return ids


def _closure(tokenizer: Tokenizer, ids: list[int], logits: Sequence[ctranslate2.StorageView]) -> float | None:
    """Probability that a mark which ends a sentence follows the last word; `None` where there is no word."""
    at = len(ids)
    while at and not any(character.isalnum() for character in tokenizer.decode(ids[at - 1 : at])):
        at -= 1
    if not at or at >= len(logits):
        return None
    scores = np.array(logits[at], np.float64)
    odds = np.exp(scores - scores.max())
    marks = [encoded[0] for mark in SENTENCE_ENDS if len(encoded := tokenizer.encode(mark)) == 1]
    return float(odds[marks].sum() / odds.sum())
