"""The stages on a Ray cluster of two nodes of this machine: the same contracts, and a node that dies."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from affetto.models.base import Samples, Speech, SpokenWord
from affetto.models.errors import Failed, Unavailable
from affetto.models.store import Store
from live import Live, running

ray = pytest.importorskip("ray", reason="no Ray here: pip install 'affetto[cluster]', then `make cluster`")
contract = pytest.importorskip("test_models_contract")

# Ray's own warnings are none of ours.
pytestmark = [pytest.mark.cluster, pytest.mark.filterwarnings("ignore")]

KINDS = ("asr", "cues", "appraiser", "tts", "embedder")
NODE: dict[str, Any] = {"num_cpus": 2, "object_store_memory": 100 * 2**20, "include_dashboard": False}


@pytest.fixture(scope="module")
def nodes() -> Iterator[Any]:
    """Two nodes, and every scripted stage with a replica on each."""
    from ray.cluster_utils import Cluster

    from affetto.models.cluster import stage

    cluster = Cluster(initialize_head=True, head_node_args=NODE)
    cluster.add_node(num_cpus=2, object_store_memory=100 * 2**20)
    cluster.wait_for_nodes()
    try:
        stage.connect(cluster.address)
        shared = {"replicas": 2, "most_replicas": 2, "replicas_per_node": 1, "calls": 8, "cpus": 0.1}
        options = {"tts": {"word_s": 0.3}}
        stage.deploy([stage.Stage(kind, "scripted", options.get(kind, {}), **shared) for kind in KINDS])
        yield cluster
    finally:
        from ray import serve

        serve.shutdown()
        ray.shutdown()
        cluster.shutdown()


ROW: tuple[str, dict[str, Any], tuple[str, ...]] = ("ray", {"timeout_s": 20.0}, ())


def no_weights(*assets: str) -> Store:
    return Store()


@pytest.fixture(scope="module")
def speech() -> Samples:
    from affetto.pipelines.evaluation import asr

    return asr.read(Path(__file__).parent / "recordings" / "7021-79740-0005.flac")


def test_every_stage_keeps_its_contract(nodes: Any, speech: Samples) -> None:
    contract.test_recognisers_place_their_words_in_the_audio(ROW, speech, no_weights)
    contract.test_cues_claim_nothing_that_lies_outside_the_audio(ROW, speech, no_weights)
    for said in contract.SAID:
        contract.test_appraisals_are_whole(ROW, said, no_weights)
    contract.test_synthesizers_speak_and_say_when_each_word_begins(ROW, no_weights)
    contract.test_what_cannot_be_spoken_is_silence(ROW, "  ", no_weights)
    contract.test_every_tone_is_spoken_and_an_unknown_voice_is_named(ROW, no_weights)
    contract.test_embedder_puts_like_near_like(ROW, no_weights)


def test_what_a_model_raises_is_told_in_its_own_words(nodes: Any) -> None:
    from affetto.models.base import Style

    async def check() -> None:
        async with contract.built("tts", ROW, Store()) as voice:
            with pytest.raises(Failed) as raised:
                [piece async for piece in voice.stream("Hello.", voice="nobody", style=Style())]
            assert str(raised.value) == "there is no voice 'nobody'; choose one of default"
            assert [piece async for piece in voice.stream("Hello.", voice="default", style=Style())]

    asyncio.run(check())


def test_a_stage_that_nobody_runs_is_named(nodes: Any) -> None:
    from affetto.models.cluster.remote import Options, RemoteRecognizer

    class Missing(RemoteRecognizer):
        kind = "missing"

    async def check() -> None:
        with pytest.raises(Unavailable, match="missing is not there"):
            async with Missing(Options(timeout_s=1, tries=2), Store()):
                pass

    asyncio.run(check())


def test_a_node_dies_in_mid_conversation_and_the_conversation_goes_on(
    nodes: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    """Prints what docs/scaling.md records."""
    ray_stages = {f"{kind}__backend": "ray" for kind in KINDS if kind != "embedder"}
    patience = {f"{kind}__options": {"timeout_s": 8.0} for kind in KINDS if kind != "embedder"}
    with running(memory__enabled=False, **ray_stages, **patience) as live, live.call() as wire:
        before = [_turn(wire) for _ in range(5)]
        wire.write()
        wire.send("response.create")
        for _ in range(3):
            wire.until("response.output_audio.delta")
        doomed = next(node for node in nodes.worker_nodes)
        began = time.monotonic()
        nodes.remove_node(doomed, allow_graceful=False)
        cut = wire.until("response.done")["response"]
        after_cut = time.monotonic() - began
        after = [_turn(wire) for _ in range(10)]
        assert _said(cut)
        assert _ready(live)
    told = {
        "before_s": [round(seconds, 2) for seconds, _ in before],
        "reply_under_way": (cut["status"], round(after_cut, 2)),
        "after_s": [round(seconds, 2) for seconds, _ in after],
        "unanswered": sum(status != "completed" for _, status in after),
    }
    with capsys.disabled():
        print(f"\n{told}")
    assert cut["status"] == "completed"
    assert [status for _, status in after] == ["completed"] * 10


def _turn(wire: Any) -> tuple[float, str]:
    """A spoken question; how long until the answer sounds, and how it ends."""
    began = time.monotonic()
    wire.write()
    wire.send("response.create")
    wire.until("response.output_audio.delta", "response.done")
    seconds = time.monotonic() - began
    done = wire.events[-1] if wire.events[-1]["type"] == "response.done" else wire.until("response.done")
    return seconds, str(done["response"]["status"])


def _said(response: Any) -> str:
    return str(response["output"][0]["content"][0]["transcript"])


def _ready(live: Live) -> bool:
    return bool(live.get("/ready").json()["ready"])


# -- parts, without a cluster ------------------------------------------------------------------------


def test_a_cluster_that_asks_for_a_token_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    from affetto.models.cluster import stage

    def refuse(**_: Any) -> None:
        raise ray.exceptions.AuthenticationError("no token")

    monkeypatch.setattr(ray, "is_initialized", lambda: False)
    monkeypatch.setattr(ray, "init", refuse)
    with pytest.raises(Unavailable, match="auth_token"):
        stage.connect(None)


@pytest.mark.parametrize("said", [0, 1, 3, 4, 9])
def test_a_phrase_said_anew_begins_where_the_lost_one_was(said: int) -> None:
    from affetto.models.cluster.remote import after

    words = tuple(SpokenWord(str(i), i, i + 1) for i in range(3))
    whole = [Speech(np.arange(3 * i, 3 * i + 3, dtype=np.int16), 24_000, (words[i],)) for i in range(3)]

    async def pieces() -> AsyncIterator[Speech]:
        for piece in whole:
            yield piece

    async def check() -> None:
        known = sum(3 * i < said for i in range(3))
        left = [piece async for piece in after(pieces(), said, known)]
        samples = [int(sample) for piece in left for sample in piece.samples]
        assert samples == list(range(said, 9))
        assert [word for piece in left for word in piece.words] == list(words[known:])

    asyncio.run(check())
