"""The way to a model: who is next, how long it may take, what counts as its failure, and when it is left alone."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import numpy as np
import pytest

from affetto.models.base import HEARING_RATE_HZ, Recognition, Samples, Style, Transcript
from affetto.models.breaker import Breaker, State
from affetto.models.errors import BackendError, Failed, Overloaded, Refused, Unavailable
from affetto.models.gate import BackendCalled, BreakerMoved, CallRecord, Gate, Patience
from affetto.models.guarded import GUARDS, guarded
from affetto.models.sharing import Turns, caller
from affetto.models.worker import Worker
from virtual import run


class Told:
    """What a gate has told."""

    def __init__(self) -> None:
        self.records: list[CallRecord] = []

    def __call__(self, record: CallRecord) -> None:
        self.records.append(record)

    @property
    def outcomes(self) -> list[str]:
        return [record.outcome for record in self.records if isinstance(record, BackendCalled)]

    @property
    def states(self) -> list[State]:
        return [record.state for record in self.records if isinstance(record, BreakerMoved)]


def fails(error: Exception) -> Callable[[], Awaitable[Any]]:
    async def work() -> Any:
        raise error

    return work


async def fine() -> str:
    return "fine"


async def tried(gate: Gate, work: Callable[[], Awaitable[Any]]) -> BackendError | None:
    try:
        await gate.call(work)
    except BackendError as error:
        return error
    return None


# -- the breaker -------------------------------------------------------------------------------------


def test_a_breaker_opens_at_the_third_failure_in_a_row_and_rests_longer_each_time() -> None:
    breaker = Breaker(rest_s=1.0, longest_rest_s=3.0)
    for now in (0.0, 1.0):
        assert breaker.admit(now) == 0
        breaker.failed(now, "late")
    breaker.succeeded()
    rests = []
    for now in (10.0, 10.1, 10.2):
        assert breaker.admit(now) == 0
        breaker.failed(now, "late")
    assert (breaker.state, breaker.out_since, breaker.why) == (State.OPEN, 10.2, "late")
    now = 10.2
    for _ in range(4):
        assert breaker.admit(now) > 0
        begun = now
        while breaker.admit(now) > 0:
            now += 0.25
        rests.append(now - begun)
        assert breaker.state is State.HALF_OPEN
        assert breaker.admit(now) > 0, "one trial at a time"
        breaker.failed(now, "late")
    assert rests == [1.0, 2.0, 3.0, 3.0]
    assert breaker.out_since == 10.2


def test_a_breaker_closes_at_the_first_success_and_has_forgotten() -> None:
    breaker = Breaker()
    for now in range(3):
        breaker.failed(now, "crashed")
    assert breaker.admit(100) == 0
    breaker.succeeded()
    assert (breaker.state, breaker.out_since) == (State.CLOSED, None)
    breaker.failed(101, "crashed")
    assert breaker.admit(101) == 0


def test_a_trial_that_is_given_up_leaves_room_for_another() -> None:
    breaker = Breaker()
    for now in range(3):
        breaker.failed(now, "crashed")
    assert breaker.admit(100) == 0
    breaker.abandoned()
    assert breaker.state is State.OPEN
    assert breaker.admit(100) == 0


# -- the gate ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "kind", "outcome", "opens"),
    [
        (Failed("no"), Failed, "failed", True),
        (Unavailable("no"), Unavailable, "unavailable", True),
        (RuntimeError("said: my secret"), Failed, "crashed", True),
        (MemoryError(), Failed, "crashed", True),
        (Refused("too long"), Refused, "refused", False),
        (Overloaded("full"), Overloaded, "overloaded", False),
    ],
)
def test_whatever_a_model_raises_comes_out_as_a_backend_error(
    error: Exception, kind: type[BackendError], outcome: str, opens: bool, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        told = Told()
        gate = Gate("asr", Patience(1, 1), told)
        for _ in range(3):
            assert type(await tried(gate, fails(error))) is kind
        assert told.outcomes == [outcome] * 3
        assert (gate.breaker.state is State.OPEN) is opens
        again = await tried(gate, fine)
        assert (again is None) is not opens
        assert gate.active == 0

    with caplog.at_level(logging.DEBUG):
        run(main())
    assert "secret" not in caplog.text


def test_a_model_that_hangs_is_given_up_rests_and_is_tried_again() -> None:
    async def main() -> None:
        told = Told()
        gate = Gate("asr", Patience(2, 2), told)
        for _ in range(3):
            assert await tried(gate, lambda: asyncio.Event().wait()) is not None
        began = asyncio.get_running_loop().time()
        assert isinstance(await tried(gate, fine), Unavailable)
        assert asyncio.get_running_loop().time() == began, "no waiting while it rests"
        await asyncio.sleep(1.1)
        assert await tried(gate, fine) is None
        assert told.outcomes == ["late", "late", "late", "resting", "ok"]
        assert told.states == [State.OPEN, State.HALF_OPEN, State.CLOSED]

    run(main())


def test_a_caller_that_leaves_tells_nothing_about_the_model() -> None:
    async def main() -> None:
        told = Told()
        gate = Gate("llm", Patience(9, 9), told)
        for _ in range(5):
            task = asyncio.create_task(tried(gate, lambda: asyncio.Event().wait()))
            await asyncio.sleep(0)
            task.cancel()
            await asyncio.wait([task])
        assert (told.outcomes, gate.breaker.state, gate.active) == (["cancelled"] * 5, State.CLOSED, 0)

    run(main())


def test_a_stream_may_stall_nowhere_and_is_closed_when_it_is_left() -> None:
    closed: list[str] = []

    async def pieces(name: str, *waits: float) -> AsyncIterator[float]:
        try:
            for wait in waits:
                await asyncio.sleep(wait)
                yield wait
        finally:
            closed.append(name)

    async def main() -> None:
        told = Told()
        gate = Gate("tts", Patience(5, 2), told)
        assert [piece async for piece in gate.stream(lambda: pieces("whole", 4, 1, 1))] == [4, 1, 1]
        with pytest.raises(Failed, match="too long"):
            [piece async for piece in gate.stream(lambda: pieces("stalls", 1, 3))]
        left = gate.stream(lambda: pieces("left", 1, 1))
        await anext(left)
        await left.aclose()  # type: ignore[attr-defined]
        assert closed == ["whole", "stalls", "left"]
        assert told.outcomes == ["ok", "late", "cancelled"]
        assert gate.active == 0

    run(main())


def test_every_kind_of_model_but_the_inline_one_has_a_gate_and_keeps_what_else_it_offers() -> None:
    class Recognizer:
        withheld = frozenset({"age"})

        async def recognize(self, audio: Samples, *, language: str | None = None, prompt: str = "") -> Recognition:
            return Recognition(Transcript(f"{len(audio)} {language} {prompt}"))

    async def main() -> None:
        made = guarded("asr", Recognizer(), Told())
        assert (await made.recognize(np.zeros(3), language="en", prompt="x")).transcript.text == "3 en x"
        assert made.withheld == {"age"}
        assert made.ready
        for _ in range(3):
            made.gate.breaker.failed(0, "late")
        assert not made.ready

    run(main())
    assert set(GUARDS) == {"turn", "asr", "cues", "appraiser", "llm", "tts", "embedder"}
    inline = object()
    assert guarded("vad", inline, Told()) is inline


class Slow:
    """Recognises at the speed of speech."""

    async def recognize(self, audio: Samples, *, language: str | None = None, prompt: str = "") -> Recognition:
        await asyncio.sleep(len(audio) / HEARING_RATE_HZ)
        return Recognition(Transcript("all of it", final=True))


@pytest.mark.parametrize("seconds", [1, 300])
def test_a_recogniser_has_as_much_longer_as_the_recording_lasts(seconds: int) -> None:
    async def main() -> None:
        recognizer = guarded("asr", Slow(), Told())
        recognition = await recognizer.recognize(np.zeros(seconds * HEARING_RATE_HZ, np.float32))
        assert recognition.transcript.text == "all of it"

    run(main())


def test_a_synthesizer_behind_its_gate_speaks_as_before() -> None:
    from affetto.models.store import Store
    from affetto.models.tts.scripted import Options, ScriptedSynthesizer

    async def main() -> None:
        made = guarded("tts", ScriptedSynthesizer(Options(), Store()), Told())
        spoken = [piece async for piece in made.stream("One two.", voice="default", style=Style())]
        assert sum(len(piece.samples) for piece in spoken) == made.rate_hz // 2
        assert made.voices == ("default",)

    run(main())


# -- whose turn it is --------------------------------------------------------------------------------


def test_callers_take_turns_however_many_calls_each_has() -> None:
    served: list[str] = []

    async def call(turns: Turns, who: str) -> None:
        caller.set(who)
        async with turns.place():
            served.append(who)
            await asyncio.sleep(1)

    async def main() -> None:
        turns = Turns("asr", 1)
        for who in ["a"] * 5 + ["b"] * 2 + ["c"]:
            asyncio.create_task(call(turns, who))  # noqa: RUF006
            await asyncio.sleep(0)
        await asyncio.sleep(10)
        assert (turns.active, turns.waiting) == (0, 0)

    run(main())
    assert "".join(served) == "aabcabaa"


def test_a_line_that_is_too_long_is_refused_and_who_leaves_it_holds_nobody_up() -> None:
    async def main() -> None:
        turns = Turns("asr", 1, backlog=1)
        await turns.enter()
        waiting = asyncio.create_task(turns.enter())
        await asyncio.sleep(0)
        with pytest.raises(Overloaded):
            await turns.enter()
        waiting.cancel()
        await asyncio.wait([waiting])
        turns.leave()
        await turns.enter()
        assert turns.active == 1

    run(main())


def test_who_leaves_at_the_moment_of_being_called_passes_the_place_on() -> None:
    async def main() -> None:
        turns = Turns("asr", 1)
        await turns.enter()
        first, second = (asyncio.create_task(turns.enter()) for _ in range(2))
        await asyncio.sleep(0)
        turns.leave()
        first.cancel()
        await asyncio.wait([first, second])
        assert first.cancelled()
        assert (turns.active, turns.waiting) == (1, 0)

    run(main())


def test_a_worker_keeps_a_place_until_its_thread_is_free() -> None:
    import threading

    async def main() -> None:
        worker, go_on = Worker("test"), threading.Event()
        stuck = asyncio.create_task(worker.call(go_on.wait))
        await asyncio.sleep(0.01)
        stuck.cancel()
        await asyncio.wait([stuck])
        assert worker.turns.active == 1
        after = asyncio.create_task(worker.call(lambda: "served"))
        go_on.set()
        assert await after == "served"
        worker.close()

    asyncio.run(main())
