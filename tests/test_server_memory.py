"""Memory over the wire: sessions, completions and /v1/memory, each person and each key for itself."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography.fernet import Fernet
from websockets.typing import Subprotocol

from live import Live, running

KEY = {"Authorization": "Bearer sk-right"}
OTHER = {"Authorization": "Bearer sk-other"}
BISCUIT = "My name is Ana and I have a dog called Biscuit."


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    folder = tmp_path_factory.mktemp("memory")
    with running(
        server__api_keys=["sk-right", "sk-other"],
        memory__url=f"sqlite:///{folder}/memory.db",
        memory__keys=[Fernet.generate_key().decode()],
    ) as server:
        yield server


def remembered(live: Live, user: str, key: dict[str, str] = KEY) -> list[dict[str, Any]]:
    facts: list[dict[str, Any]] = live.get("/v1/memory", params={"user": user}, headers=key).json()["data"]
    return facts


def texts_when(live: Live, user: str, count: int, key: dict[str, str] = KEY) -> list[str]:
    """The texts that are remembered, once there are so many: they are kept in the background."""
    deadline = time.monotonic() + 10
    while len(facts := remembered(live, user, key)) < count and time.monotonic() < deadline:
        time.sleep(0.01)
    assert len(facts) == count
    return sorted(fact["text"] for fact in facts)  # said in one breath, they have no order


def chat(live: Live, *texts: str, key: dict[str, str] = KEY, **body: Any) -> httpx.Response:
    """A completion; the texts are the user's and ours in turn."""
    roles = ("user", "assistant")
    messages = [{"role": roles[index % 2], "content": text} for index, text in enumerate(texts)]
    return live.post("/v1/chat/completions", json={"messages": messages, **body}, headers=key)


def consented(user: str) -> dict[str, Any]:
    return {"empathy": {"memory": True, "user": user}}


def test_a_session_remembers_what_an_earlier_one_was_told(live: Live) -> None:
    with live.call(additional_headers=KEY) as wire:
        wire.update(**consented("ana"))
        assert "degraded" not in wire.text_turn(BISCUIT)["empathy"]
    assert texts_when(live, "ana", 2) == ["has a dog called Biscuit", "is called Ana"]
    with live.call(additional_headers=KEY) as wire:
        wire.update(**consented("ana"))
        done = wire.text_turn("The dog, Biscuit, is ill.")
        assert done["empathy"]["recalled"] == ["has a dog called Biscuit"]


def test_a_spoken_turn_and_a_typed_one_share_memory_and_appraisals(live: Live) -> None:
    with live.call(additional_headers=KEY) as wire:
        wire.update(**consented("both"), audio={"output": {"voice": "default"}})
        wire.speak()
        spoken = wire.until("response.done")
        typed = wire.text_turn("My dog died. I play the cello.")
    assert {"appraisal", "timings_ms"} <= set(spoken["empathy"]) & set(typed["empathy"])
    assert "dog died" in texts_when(live, "both", 2)
    whole = live.get("/v1/memory/export", params={"user": "both"}, headers=KEY).json()
    assert len(whole["moments"]) == 2


def test_without_consent_nothing_is_kept(live: Live) -> None:
    with live.call(additional_headers=KEY) as wire:
        wire.update(empathy={"user": "nobody"})
        wire.text_turn(BISCUIT)
        wire.update(**consented("somebody"))
        wire.text_turn("I play the cello.")
    texts_when(live, "somebody", 1)
    assert remembered(live, "nobody") == []
    assert chat(live, BISCUIT, user="nobody").status_code == 200
    chat(live, "I live in Leeds.", **consented("somebody"))
    texts_when(live, "somebody", 2)
    answer = live.get("/v1/memory", params={"user": "nobody"}, headers=KEY).json()
    assert answer == {"object": "list", "data": [], "consent": {"given": False, "at": None}}


def test_consent_that_is_switched_off_ends_it(live: Live) -> None:
    with live.call(additional_headers=KEY) as wire:
        wire.update(**consented("off"))
        wire.text_turn("I play the cello.")
        texts_when(live, "off", 1)
        wire.update(empathy={"memory": False})
        wire.text_turn("I live in Leeds.")
        wire.update(**consented("later"))
        wire.text_turn("I love frogs.")
    texts_when(live, "later", 1)
    assert texts_when(live, "off", 1) == ["plays the cello"]


def test_memory_without_a_user_says_what_is_missing(live: Live) -> None:
    with live.call(additional_headers=KEY) as wire:
        wire.update(empathy={"memory": True})
        (degraded,) = wire.text_turn(BISCUIT)["empathy"]["degraded"]
        assert "session.empathy.user" in degraded
        assert wire.errors() == []


@pytest.mark.parametrize("field", ["user", "safety_identifier"])
def test_a_completion_remembers_and_recalls(live: Live, field: str) -> None:
    person = {field: f"chat-{field}", "empathy": {"memory": True}}
    assert chat(live, BISCUIT, **person).status_code == 200
    texts_when(live, person[field], 2)
    completion = chat(live, "The dog, Biscuit, is ill.", **person).json()
    assert completion["empathy"]["recalled"] == ["has a dog called Biscuit"]
    same = chat(live, BISCUIT, "A dog!", "The dog, Biscuit, is ill.", **person).json()
    assert "recalled" not in same["empathy"], "it was said in this conversation"


def test_a_stream_remembers_too(live: Live) -> None:
    assert chat(live, BISCUIT, stream=True, **consented("stream")).text.endswith("[DONE]\n\n")
    assert texts_when(live, "stream", 2) == ["has a dog called Biscuit", "is called Ana"]


def test_facts_are_corrected_and_forgotten(live: Live) -> None:
    chat(live, BISCUIT, **consented("edit"))
    texts_when(live, "edit", 2)
    name, dog = remembered(live, "edit")
    path = f"/v1/memory/{dog['id']}"
    changed = httpx.patch(live.http + path, json={"text": "has a cat called  Biscuit"}, headers=KEY, trust_env=False)
    assert changed.json() == {**dog, "text": "has a cat called Biscuit", "corrected": True}
    assert delete(live, f"/v1/memory/{name['id']}").json()["deleted"] is True
    assert [fact["text"] for fact in remembered(live, "edit")] == ["has a cat called Biscuit"]
    assert delete(live, f"/v1/memory/{name['id']}").status_code == 404
    whole = live.get("/v1/memory/export", params={"user": "edit"}, headers=KEY).json()
    assert whole["consent"]["given"] is True
    assert [moment["emotion"] for moment in whole["moments"]] == ["neutral"]
    assert delete(live, "/v1/memory?user=edit").json() == {"object": "memory.deleted", "deleted": True, "facts": 1}
    empty = live.get("/v1/memory/export", params={"user": "edit"}, headers=KEY).json()
    assert (empty["facts"], empty["moments"], empty["consent"]["given"]) == ([], [], False)
    assert delete(live, "/v1/memory?user=edit").status_code == 200


def delete(live: Live, path: str, key: dict[str, str] = KEY) -> httpx.Response:
    return httpx.delete(live.http + path, headers=key, trust_env=False)


def test_no_key_reaches_another_keys_people(live: Live) -> None:
    chat(live, BISCUIT, **consented("shared"))
    texts_when(live, "shared", 2)
    (fact_id, _) = [fact["id"] for fact in remembered(live, "shared")]
    assert remembered(live, "shared", OTHER) == []
    assert delete(live, f"/v1/memory/{fact_id}", OTHER).status_code == 404
    patched = httpx.patch(f"{live.http}/v1/memory/{fact_id}", json={"text": "mine"}, headers=OTHER, trust_env=False)
    assert patched.status_code == 404
    delete(live, "/v1/memory?user=shared", OTHER)
    assert "recalled" not in chat(live, "The dog, Biscuit.", key=OTHER, **consented("shared")).json()["empathy"]
    assert len(remembered(live, "shared")) == 2
    assert live.get("/v1/memory", params={"user": "shared"}).status_code == 401


def test_a_client_secret_is_for_the_person_it_was_issued_for(live: Live) -> None:
    issued = live.post("/v1/realtime/client_secrets", json={"session": consented("mine")}, headers=KEY).json()
    unnamed = live.post("/v1/realtime/client_secrets", json={"session": {}}, headers=KEY).json()
    for secret in (issued["value"], unnamed["value"]):
        protocols = [Subprotocol("realtime"), Subprotocol(f"openai-insecure-api-key.{secret}")]
        with live.call(subprotocols=protocols) as wire:
            wire.send("session.update", session={"type": "realtime", "empathy": {"user": "ana", "memory": True}})
            error = wire.until("error")["error"]
            assert (error["code"], error["param"]) == ("cannot_update_user", "session.empathy.user")
            assert wire.update(empathy={"memory": False})["session"]["empathy"]["user"] != "ana"


@pytest.mark.parametrize(
    ("method", "path", "body", "param"),
    [
        ("GET", "/v1/memory", None, "query.user"),
        ("GET", "/v1/memory?user=", None, "query.user"),
        ("GET", f"/v1/memory?user={'x' * 300}", None, "query.user"),
        ("DELETE", "/v1/memory", None, "query.user"),
        ("PATCH", "/v1/memory/fact_x", {}, "text"),
        ("PATCH", "/v1/memory/fact_x", {"text": "   "}, "text"),
        ("PATCH", "/v1/memory/fact_x", {"text": "x" * 501}, "text"),
    ],
)
def test_bad_requests_name_the_parameter(live: Live, method: str, path: str, body: Any, param: str) -> None:
    response = httpx.request(method, live.http + path, json=body, headers=KEY, trust_env=False)
    assert response.status_code == 400
    assert response.json()["error"]["param"] == param


def test_the_endpoints_are_described(live: Live) -> None:
    paths = live.get("/openapi.json").json()["paths"]
    assert set(paths["/v1/memory"]) == {"get", "delete"}
    assert set(paths["/v1/memory/{fact_id}"]) == {"patch", "delete"}
    assert set(paths["/v1/memory/export"]) == {"get"}


def test_a_server_without_memory_says_so() -> None:
    with running(memory__enabled=False) as live:
        assert live.get("/v1/memory?user=ana").json()["error"]["code"] == "memory_disabled"
        with live.call() as wire:
            wire.update(**consented("ana"))
            (degraded,) = wire.text_turn(BISCUIT)["empathy"]["degraded"]
            assert degraded == "memory: this server keeps no memory (memory.enabled)"


def test_a_database_that_is_gone_is_told_and_the_conversation_goes_on(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with running(memory__url=f"sqlite:///{tmp_path}/file/memory.db") as live:
        with live.call() as wire:
            wire.update(**consented("ana"))
            wire.text_turn(BISCUIT)
            deadline = time.monotonic() + 10
            while "degraded" not in (done := wire.text_turn("And so on."))["empathy"]:
                assert time.monotonic() < deadline
            assert done["response"]["status"] == "completed"
            assert done["empathy"]["degraded"][0].startswith("memory: the memory's database cannot be reached")
        assert delete(live, "/v1/memory?user=ana", {}).status_code == 200
