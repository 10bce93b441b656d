"""Backends whose models run elsewhere: thin clients of the stages of stage.py, behind the same Protocols.

A call whose replica dies goes to another one; a voice that dies in mid-phrase is gone on with by another, from where it
was. What a model itself raises comes through as it is.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from ..base import (
    HEARING_RATE_HZ,
    Appraisal,
    Baseline,
    Cues,
    Encoding,
    Recognition,
    Samples,
    Situation,
    Speech,
    Style,
    Transcript,
)
from ..errors import BackendError, Failed, Overloaded, Unavailable
from ..store import Store
from .library import BackPressureError, DeploymentUnavailableError, RayServeException, exceptions, serve
from .stage import DEPLOYMENT, application, connect

LOST = (
    exceptions.RayActorError,
    exceptions.NodeDiedError,
    exceptions.WorkerCrashedError,
    exceptions.OwnerDiedError,
    exceptions.ObjectLostError,
    DeploymentUnavailableError,
)
"""What is raised where a replica was lost, not where its model failed."""
FIRST_WAIT_S = 0.05


class Options(BaseModel):
    model_config = ConfigDict(extra="forbid")

    address: str | None = None
    """The Ray cluster; none is the one of which this machine is a node."""
    timeout_s: float = Field(5.0, gt=0)
    """Longest time for one try of a call; of speech, for each piece. Recognition has as much longer as the sound."""
    tries: int = Field(3, ge=1)
    """Replicas that are tried before a call fails."""


class _Remote:
    """A stage's handle, its retries, and its errors in the house's words."""

    kind: str

    def __init__(self, options: Options, store: Store) -> None:
        self._options = options
        self._handle: Any = None
        self.ready = False

    async def __aenter__(self) -> Self:
        await asyncio.to_thread(connect, self._options.address)
        try:
            self._handle = serve.get_deployment_handle(DEPLOYMENT, application(self.kind))
        except (KeyError, RayServeException) as error:
            raise Unavailable(f"the stage {self.kind} is not there: start it with `affetto cluster up`") from error
        for name, value in (await self._reach("describe", within_s=None)).items():
            setattr(self, name, value)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.ready = False

    async def _call(self, method: str, *args: Any, **named: Any) -> Any:
        return await self._longer(0.0, method, *args, **named)

    async def _longer(self, more_s: float, method: str, *args: Any, **named: Any) -> Any:
        return await self._reach("call", method, args, named, within_s=self._options.timeout_s + more_s)

    async def _reach(self, method: str, *args: Any, within_s: float | None) -> Any:
        for attempt in range(self._options.tries):
            try:
                async with asyncio.timeout(within_s):
                    found = await getattr(self._handle, method).remote(*args)
            except Exception as error:  # noqa: BLE001 - all but a lost replica's is raised again, in our words
                await self._lost(error, attempt)
            else:
                self.ready = True
                return found
        raise AssertionError

    async def _lost(self, error: Exception, attempt: int) -> None:
        """Wait for another replica, or raise what is to be told."""
        if isinstance(error, BackendError):
            raise _plain(error) from None
        if isinstance(error, BackPressureError):
            raise Overloaded(f"the stage {self.kind} has too many calls waiting; try again in a moment") from error
        lost = isinstance(error, (*LOST, TimeoutError))
        if lost and attempt + 1 < self._options.tries:
            await asyncio.sleep(FIRST_WAIT_S * 2**attempt)
            return
        self.ready = False
        if isinstance(error, TimeoutError):
            raise Failed(f"the stage {self.kind} took too long (see {self.kind}.options.timeout_s)") from error
        if lost or isinstance(error, RayServeException):
            message = f"the stage {self.kind} has no replica that answers: see `affetto cluster status`"
            raise Unavailable(message) from error
        raise Failed(f"the stage {self.kind} failed: {type(error).__name__}") from error


class RemoteRecognizer(_Remote):
    kind = "asr"

    async def recognize(self, audio: Samples, *, language: str | None = None, prompt: str = "") -> Recognition:
        found: Recognition = await self._longer(
            len(audio) / HEARING_RATE_HZ, "recognize", audio, language=language, prompt=prompt
        )
        return found


class RemoteCues(_Remote):
    kind = "cues"
    withheld: frozenset[str] = frozenset()

    async def extract(
        self,
        audio: Samples,
        *,
        baseline: Baseline,
        transcript: Transcript | None = None,
        encoding: Encoding | None = None,
    ) -> Cues:
        named = {"baseline": baseline, "transcript": transcript, "encoding": encoding}
        found: Cues = await self._call("extract", audio, **named)
        return found


class RemoteAppraiser(_Remote):
    kind = "appraiser"

    async def appraise(self, situation: Situation) -> Appraisal:
        found: Appraisal = await self._call("appraise", situation)
        return found


class RemoteEmbedder(_Remote):
    kind = "embedder"

    async def embed(self, text: str) -> NDArray[np.float32]:
        found: NDArray[np.float32] = await self._call("embed", text)
        return found


class RemoteSynthesizer(_Remote):
    kind = "tts"
    rate_hz: int
    voices: tuple[str, ...]

    async def stream(self, text: str, *, voice: str, style: Style) -> AsyncIterator[Speech]:
        said = words = 0
        for attempt in range(self._options.tries):
            try:
                pieces = self._pieces(text, voice, style)
                async with aclosing(pieces):
                    async for piece in after(pieces, said, words):
                        said, words = said + len(piece.samples), words + len(piece.words)
                        yield piece
            except Exception as error:  # noqa: BLE001 - as in _reach
                await self._lost(error, attempt)
            else:
                self.ready = True
                return

    async def _pieces(self, text: str, voice: str, style: Style) -> AsyncGenerator[Speech, None]:
        stream = self._handle.options(stream=True).speak.remote(text, voice, style)
        try:
            while True:
                async with asyncio.timeout(self._options.timeout_s):
                    piece = await anext(stream, None)
                if piece is None:
                    return
                yield piece
        finally:
            stream.cancel()


async def after(pieces: AsyncIterator[Speech], samples: int, words: int) -> AsyncIterator[Speech]:
    """A phrase said anew, without the samples and words of it that were said before."""
    async for piece in pieces:
        skipped, known = min(samples, len(piece.samples)), min(words, len(piece.words))
        samples, words = samples - skipped, words - known
        if skipped < len(piece.samples) or known < len(piece.words):
            yield Speech(piece.samples[skipped:], piece.rate_hz, piece.words[known:])


def _plain(error: BackendError) -> BackendError:
    """Without Ray's traceback in its message."""
    cause: Any = getattr(error, "cause", error)
    kinds: Sequence[type[BackendError]] = (Unavailable, Overloaded, Failed)
    kind = next((each for each in kinds if isinstance(cause, each)), Failed)
    return kind(str(cause))
