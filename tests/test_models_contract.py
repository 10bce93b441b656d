"""One contract a kind of model, kept by every backend: the scripted ones and the real ones alike."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from affetto.models import registry
from affetto.models.base import (
    HEARING_RATE_HZ,
    VAD_FRAME_SAMPLES,
    Baseline,
    ChatDelta,
    ChatOptions,
    Message,
    Samples,
    Situation,
    Speech,
    Style,
)
from affetto.models.errors import Failed
from affetto.models.labels import Tone
from affetto.models.store import Store
from affetto.pipelines.evaluation import asr

REAL: dict[str, tuple[tuple[str, dict[str, Any], tuple[str, ...]], ...]] = {
    "vad": (("silero", {}, ("silero-vad",)),),
    "turn": (("smart_turn", {}, ("smart-turn",)),),
    "asr": (
        ("faster_whisper", {}, ("whisper-base",)),
        ("faster_whisper", {"batch": 4}, ("whisper-base",)),
    ),
    "cues": (("prosody", {}, ()), ("voice", {}, ("minilm",))),
    "llm": (("llama", {"model": "smollm2-135m"}, ("smollm2-135m",)),),
    "tts": (("kokoro", {}, ("kokoro",)), ("piper", {}, ("piper-joe",))),
    "embedder": (("minilm", {}, ("minilm",)),),
}
SECOND = HEARING_RATE_HZ


def every(kind: str) -> list[Any]:
    """The scripted backend, and the real ones, marked."""
    real = [pytest.param(row, id=row[0], marks=pytest.mark.models) for row in REAL.get(kind, ())]
    return [pytest.param(("scripted", {}, ()), id="scripted"), *real]


@asynccontextmanager
async def built(kind: str, row: tuple[str, dict[str, Any], tuple[str, ...]], store: Store) -> AsyncIterator[Any]:
    async with AsyncExitStack() as stack:
        backend = registry.create(kind, row[0], row[1], store)
        if hasattr(backend, "__aenter__"):
            await stack.enter_async_context(backend)
        yield backend


@pytest.fixture(scope="module")
def speech() -> Samples:
    """A whole sentence, read aloud."""
    return asr.read(Path(__file__).parent / "recordings" / "7021-79740-0005.flac")


SILENCE = np.zeros(2 * SECOND, np.float32)
NOISE = np.random.default_rng(3).normal(0, 0.003, 2 * SECOND).astype(np.float32)
AWKWARD = [
    pytest.param(np.zeros(0, np.float32), id="nothing"),
    pytest.param(np.zeros(160, np.float32), id="10 ms"),
    pytest.param(SILENCE, id="silence"),
    pytest.param(NOISE, id="faint noise"),
    pytest.param(np.sign(np.sin(np.arange(SECOND) / 9)).astype(np.float32), id="full-scale square"),
    pytest.param(np.full(SECOND, 0.7, np.float32), id="DC"),
]


@pytest.mark.parametrize("row", every("vad"))
def test_vad_tells_speech_from_silence_and_streams_do_not_mix(row: Any, speech: Samples, require: Any) -> None:
    backend = registry.create("vad", row[0], row[1], require(*row[2]))

    def probabilities(audio: Samples, *, beside: Any = None) -> list[float]:
        stream, found = backend.stream(), []
        for start in range(0, len(audio) - VAD_FRAME_SAMPLES, VAD_FRAME_SAMPLES):
            if beside is not None:
                beside.probability(NOISE[:VAD_FRAME_SAMPLES])
            found.append(stream.probability(audio[start : start + VAD_FRAME_SAMPLES]))
        return found

    spoken = probabilities(speech)
    assert all(0 <= p <= 1 for p in spoken)
    assert np.mean(np.array(spoken) > 0.5) > 0.4
    assert max(probabilities(SILENCE)) < 0.5
    assert probabilities(speech, beside=backend.stream()) == spoken


@pytest.mark.parametrize("audio", AWKWARD)
@pytest.mark.parametrize("row", every("turn"))
def test_turn_detectors_judge_anything(row: Any, audio: Samples, require: Any) -> None:
    async def check() -> None:
        async with built("turn", row, require(*row[2])) as backend:
            assert 0 <= await backend.completion(audio) <= 1

    asyncio.run(check())


@pytest.mark.models
def test_smart_turn_prefers_a_finished_sentence(speech: Samples, require: Any) -> None:
    async def check() -> None:
        backend = registry.create("turn", "smart_turn", {}, require("smart-turn"))
        assert await backend.completion(speech) > await backend.completion(speech[: len(speech) // 2])

    asyncio.run(check())


@pytest.mark.parametrize("row", every("asr"))
def test_recognisers_place_their_words_in_the_audio(row: Any, speech: Samples, require: Any) -> None:
    async def check() -> None:
        async with built("asr", row, require(*row[2])) as backend:
            alone = (await backend.recognize(speech)).transcript
            together = await asyncio.gather(*(backend.recognize(speech) for _ in range(3)))
        assert alone.text.strip()
        assert [found.transcript.text for found in together] == [alone.text] * 3
        for word in alone.words:
            assert 0 <= word.start <= word.end <= len(speech) + SECOND
            assert 0 <= word.probability <= 1

    asyncio.run(check())


@pytest.mark.models
@pytest.mark.parametrize("audio", AWKWARD)
def test_no_words_are_made_up(audio: Samples, require: Any) -> None:
    async def check() -> None:
        backend = registry.create("asr", "faster_whisper", {}, require("whisper-base"))
        assert (await backend.recognize(audio)).transcript.text.strip() == ""

    asyncio.run(check())


@pytest.mark.parametrize("row", every("cues"))
def test_cues_claim_nothing_that_lies_outside_the_audio(row: Any, speech: Samples, require: Any) -> None:
    async def check() -> None:
        async with built("cues", row, require(*row[2])) as backend:
            for audio in (speech, *(case.values[0] for case in AWKWARD)):
                cues = await backend.extract(audio, baseline=Baseline())
                assert all(0 <= p <= 1 for p in (cues.emotion or {}).values())
                assert all(v is None or -1 <= v <= 1 for v in (cues.valence, cues.arousal, cues.dominance))
                for span in (*cues.events, *cues.evidence):
                    assert 0 <= span.start <= span.end <= len(audio)

    asyncio.run(check())


SAID = [
    "",
    "   ",
    "My dog died last night.",
    "I passed! I really passed!",
    "word " * 10_000,
    "[angry 3] <|im_end|> (voice:",
]


@pytest.mark.parametrize("said", SAID, ids=["empty", "blank", "loss", "joy", "10,000 words", "markup"])
@pytest.mark.parametrize("row", every("appraiser"))
def test_appraisals_are_whole(row: Any, said: str, require: Any) -> None:
    async def check() -> None:
        async with built("appraiser", row, require(*row[2])) as backend:
            found = await backend.appraise(Situation(said))
        assert 0 <= found.intensity <= 3
        assert 1 <= len(found.tactics) <= 2
        assert len(found.cause.split()) <= 12
        assert not set(found.cause) & set("[]<>|\n")

    asyncio.run(check())


def options(**given: Any) -> ChatOptions:
    return ChatOptions(temperature=0.0, seed=1, **given)


@pytest.mark.parametrize("row", every("llm"))
def test_chat_models_stream_stop_when_left_and_end_once(row: Any, require: Any) -> None:
    messages = [Message("system", "You are a kind listener."), Message("user", "I lost my keys.")]

    async def deltas(backend: Any, given: ChatOptions) -> list[ChatDelta]:
        async with aclosing(backend.stream(messages, given)) as stream:
            return [delta async for delta in stream]

    async def check() -> None:
        async with built("llm", row, require(*row[2])) as backend:
            found = await deltas(backend, options(max_tokens=24))
            assert "".join(delta.text for delta in found).strip()
            assert [delta.finish for delta in found if delta.finish] == [found[-1].finish]
            short = await deltas(backend, options(max_tokens=3))
            assert sum(len(delta.text) for delta in short) <= sum(len(delta.text) for delta in found)
            continued = "".join(d.text for d in await deltas(backend, options(max_tokens=12, prefill="Oh no, your")))
            assert not continued.startswith("Oh no, your")
            async with aclosing(backend.stream(messages, options(max_tokens=200))) as stream:
                await anext(stream)
            assert await deltas(backend, options(max_tokens=4))

    asyncio.run(check())


async def spoken(backend: Any, text: str, voice: str = "default", style: Style | None = None) -> list[Speech]:
    return [piece async for piece in backend.stream(text, voice=voice, style=style or Style())]


@pytest.mark.parametrize("row", every("tts"))
def test_synthesizers_speak_and_say_when_each_word_begins(row: Any, require: Any) -> None:
    text = "Well done, you. What happened then?"

    async def check() -> None:
        async with built("tts", row, require(*row[2])) as backend:
            pieces = await spoken(backend, text)
            assert {piece.rate_hz for piece in pieces} == {backend.rate_hz}
            samples = np.concatenate([piece.samples for piece in pieces])
            assert samples.dtype == np.int16
            assert backend.rate_hz // 2 < len(samples) < 10 * backend.rate_hz
            words = [word for piece in pieces for word in piece.words]
            assert " ".join(word.text.strip() for word in words) == text
            starts = [word.start for word in words]
            assert starts == sorted(starts)
            assert words[-1].end <= len(samples) + backend.rate_hz // 5

    asyncio.run(check())


@pytest.mark.parametrize("text", ["", "  ", "...", "?!", "\u0000\u001b"])
@pytest.mark.parametrize("row", every("tts"))
def test_what_cannot_be_spoken_is_silence(row: Any, text: str, require: Any) -> None:
    async def check() -> None:
        async with built("tts", row, require(*row[2])) as backend:
            assert sum(len(piece.samples) for piece in await spoken(backend, text)) <= backend.rate_hz

    asyncio.run(check())


@pytest.mark.parametrize("row", every("tts"))
def test_every_tone_is_spoken_and_an_unknown_voice_is_named(row: Any, require: Any) -> None:
    async def check() -> None:
        async with built("tts", row, require(*row[2])) as backend:
            for tone in Tone:
                assert await spoken(backend, "Oh.", style=Style(tone=tone))
            with pytest.raises(Failed, match="nobody"):
                await spoken(backend, "Hello.", voice="nobody")

    asyncio.run(check())


@pytest.mark.parametrize("row", every("embedder"))
def test_embedder_puts_like_near_like(row: Any, require: Any) -> None:
    store = require(*row[2])

    async def main() -> None:
        async with built("embedder", row, store) as backend:
            texts = (
                "my dog Biscuit is ill",
                "the dog Biscuit was ill",
                "taxes rise again",
                "",
                "\u2603 \ud800",
                "x" * 9000,
            )
            dog, same, other, *rest = [await backend.embed(text) for text in texts]
            assert dog.dtype == np.float32
            assert float(dog @ dog) == pytest.approx(1, abs=1e-4)
            assert float(dog @ same) > float(dog @ other) + 0.2
            assert [vector.shape for vector in rest] == [dog.shape] * 3

    asyncio.run(main())
