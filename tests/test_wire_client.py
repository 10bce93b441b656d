"""Client events: every kind is read, and nothing that anybody can send does more than be refused."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from affetto.pipelines.duplex.commands import (
    CancelResponse,
    ClearAudio,
    CommitAudio,
    CreateItem,
    CreateResponse,
    DeleteItem,
    ReportPlayback,
    RetrieveItem,
    TruncateItem,
)
from affetto.pipelines.duplex.config import ResponseOptions
from affetto.pipelines.duplex.items import Item
from affetto.server.protocol import Append, ProtocolError, Update, decode
from affetto.server.wire_client import EVENTS
from affetto.server.wire_json import cleaned


def read(event: object) -> object:
    text = event if isinstance(event, str) else json.dumps(event)
    return decode(text, new_id=lambda: "item_new")


def message(role: str, *content: dict[str, Any], **item: Any) -> dict[str, Any]:
    return {
        "type": "conversation.item.create",
        "event_id": "e",
        "item": {"type": "message", "role": role, "content": list(content), **item},
    }


@pytest.mark.parametrize(
    ("event", "read_as"),
    [
        ({"type": "session.update", "session": {"voice": "x"}, "event_id": "e"}, Update({"voice": "x"}, "e")),
        ({"type": "input_audio_buffer.append", "audio": "AAEC"}, Append(b"\0\1\2")),
        ({"type": "input_audio_buffer.commit", "event_id": "e"}, CommitAudio("e")),
        ({"type": "input_audio_buffer.clear"}, ClearAudio()),
        (
            message("user", {"type": "input_text", "text": "hi"}),
            CreateItem(Item("item_new", "user", "input_text", "hi"), None, "e"),
        ),
        (
            message("user", {"type": "input_text", "text": "a"}, {"type": "input_text", "text": "b"}, id="i1"),
            CreateItem(Item("i1", "user", "input_text", "a b"), None, "e"),
        ),
        (
            message("user", {"type": "input_audio", "transcript": "hi"}),
            CreateItem(Item("item_new", "user", "input_audio", "hi"), None, "e"),
        ),
        (
            message("assistant", {"type": "output_audio", "transcript": "yo"}),
            CreateItem(Item("item_new", "assistant", "output_audio", "yo"), None, "e"),
        ),
        (
            message("assistant", {"type": "text", "text": "yo"}),
            CreateItem(Item("item_new", "assistant", "output_text", "yo"), None, "e"),
        ),
        (
            message("developer", {"type": "input_text", "text": "be kind"}),
            CreateItem(Item("item_new", "system", "input_text", "be kind"), None, "e"),
        ),
        (
            {**message("user", {"type": "input_text", "text": "x"}), "previous_item_id": "root"},
            CreateItem(Item("item_new", "user", "input_text", "x"), "root", "e"),
        ),
        ({"type": "conversation.item.retrieve", "item_id": "i"}, RetrieveItem("i")),
        ({"type": "conversation.item.delete", "item_id": "i", "event_id": "e"}, DeleteItem("i", "e")),
        (
            {"type": "conversation.item.truncate", "item_id": "i", "content_index": 0, "audio_end_ms": 1500},
            TruncateItem("i", 0, 1500),
        ),
        ({"type": "conversation.item.truncate", "item_id": "i", "audio_end_ms": 12.7}, TruncateItem("i", 0, 12)),
        ({"type": "conversation.item.truncate", "item_id": "i", "audio_end_ms": 1e30}, TruncateItem("i", 0, 10**9)),
        ({"type": "response.create"}, CreateResponse()),
        ({"type": "response.create", "response": None}, CreateResponse()),
        (
            {
                "type": "response.create",
                "event_id": "e",
                "response": {
                    "output_modalities": ["text"],
                    "instructions": "Say hello.",
                    "max_output_tokens": 40,
                    "metadata": {"client_event_id": "c"},
                    "conversation": "none",
                    "tool_choice": {"type": "function", "name": "f"},
                },
            },
            CreateResponse(
                ResponseOptions("Say hello.", "text", 40, (("client_event_id", "c"),), conversation=False), "e"
            ),
        ),
        (
            {"type": "response.create", "response": {"modalities": ["audio", "text"], "max_output_tokens": "inf"}},
            CreateResponse(ResponseOptions(output_modality="audio")),
        ),
        ({"type": "response.cancel"}, CancelResponse()),
        ({"type": "response.cancel", "response_id": "r", "event_id": None}, CancelResponse("r")),
        ({"type": "empathy.playback", "item_id": "i", "played_ms": 90}, ReportPlayback("i", 90)),
    ],
)
def test_every_event_is_read(event: dict[str, Any], read_as: object) -> None:
    assert read(event) == read_as


def test_the_table_above_leaves_no_event_out() -> None:
    kinds = {case[0]["type"] for case in test_every_event_is_read.pytestmark[0].args[1]}  # type: ignore[attr-defined]
    assert kinds == set(EVENTS)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "invalid_json"),
        ("{", "invalid_json"),
        ("[]", "invalid_json"),
        ("null", "invalid_json"),
        ('"session.update"', "invalid_json"),
        ("[" * 100_000, "invalid_json"),
        ('{"a":' * 100_000, "invalid_json"),
        ("1" * 10**6, "invalid_json"),
        ('{"type":"response.cancel","n":%s}' % ("9" * 10**5), "invalid_json"),
        ('{"type":"response.cancel","n":NaN}', "invalid_json"),
        ('{"type":"response.cancel","n":-Infinity}', "invalid_json"),
        ('{"type":"response.cancel","n":1e999}', "invalid_json"),
        ('{"type":"response.cancel","type":"response.create"}', "invalid_json"),
        ('{"type":"response.cancel","x":{"a":1,"a":2}}', "invalid_json"),
        ('{"type":"response.cancel","x":"\\ud800"}', "invalid_json"),
        ('{"type":"response.cancel","\\udfff":1}', "invalid_json"),
        ("{}", "missing_required_parameter"),
        ('{"type":null}', "missing_required_parameter"),
        ('{"type":{"__proto__":1}}', "missing_required_parameter"),
        ('{"type":"__proto__"}', "unknown_event_type"),
        ('{"type":"response.audio.delta"}', "unknown_event_type"),
        ('{"type":"%s"}' % ("x" * 10**6), "unknown_event_type"),
        ('{"type":"session.update"}', "missing_required_parameter"),
        ('{"type":"session.update","session":[]}', "invalid_type"),
        ('{"type":"input_audio_buffer.append"}', "missing_required_parameter"),
        ('{"type":"input_audio_buffer.append","audio":7}', "invalid_type"),
        ('{"type":"input_audio_buffer.append","audio":"%%%"}', "invalid_value"),
        ('{"type":"input_audio_buffer.append","audio":"AAA"}', "invalid_value"),
        ('{"type":"input_audio_buffer.append","audio":"\\u00e9\\u00e9\\u00e9\\u00e9"}', "invalid_value"),
        ('{"type":"input_audio_buffer.append","audio":""}', "invalid_value"),
        ('{"type":"conversation.item.create"}', "missing_required_parameter"),
        ('{"type":"conversation.item.truncate","item_id":"i","audio_end_ms":"soon"}', "invalid_type"),
        ('{"type":"conversation.item.retrieve"}', "missing_required_parameter"),
        ('{"type":"response.create","response":5}', "invalid_type"),
        ('{"type":"response.create","response":{"max_output_tokens":0}}', "invalid_value"),
        ('{"type":"response.create","response":{"output_modalities":["smell"]}}', "invalid_value"),
        ('{"type":"response.create","response":{"metadata":{"a":1}}}', "invalid_type"),
        ('{"type":"response.create","response":{"input":[{"type":"message"}]}}', "invalid_value"),
        ('{"type":"empathy.playback","item_id":"i","played_ms":-5}', "invalid_value"),
    ],
    ids=lambda value: value[:40] if isinstance(value, str) else None,
)
def test_what_cannot_be_taken_is_refused_briefly(text: str, code: str) -> None:
    with pytest.raises(ProtocolError) as refused:
        read(text)
    assert refused.value.code in (code, "invalid_value" if code == "invalid_type" else code)
    assert len(refused.value.message) < 700
    assert refused.value.message.isprintable()


@pytest.mark.parametrize(
    ("event", "param"),
    [
        (message("user"), "item.content"),
        (message("user", {"type": "input_image", "image_url": "data:"}), "item"),
        (message("user", {"type": "input_audio", "audio": "AAAA"}), "item"),
        (message("user", {"type": "output_text", "text": "x"}), "item"),
        (message("god", {"type": "input_text", "text": "x"}), "item.role"),
        (message("user", {"type": "input_text", "text": 5}), "item.content.0.text"),
        (message("user", {"type": "input_text", "text": "x" * 20_001}), "item.content"),
        (message("user", {"type": "input_text", "text": "x"}, id="two words"), "item.id"),
        (message("user", {"type": "input_text", "text": "x"}, type="function_call_output", call_id="c"), "item.type"),
        (message("user", {"type": "input_text", "text": "x"}, type="empathy"), "item.type"),
    ],
)
def test_items_that_cannot_be_taken_name_what_is_wrong_with_them(event: dict[str, Any], param: str) -> None:
    with pytest.raises(ProtocolError) as refused:
        read(event)
    assert refused.value.param == param
    assert refused.value.event_id == "e"


def test_an_event_that_cannot_be_read_still_gives_its_id_back() -> None:
    with pytest.raises(ProtocolError) as refused:
        read('{"event_id": "mine", "type": "response.create", "x": NaN}')
    assert refused.value.event_id == "mine"


def test_text_is_taken_without_what_acts_on_terminals_and_lines() -> None:
    read_as = read(message("user", {"type": "input_text", "text": "a\x00\x1b[31m\u202eb\u2066c\r\nd\te\U0001f600"}))
    assert isinstance(read_as, CreateItem)
    assert read_as.item.text == "a[31mbc\nd\te\U0001f600"


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=10,
)
_FIELDS = st.sampled_from(
    ["event_id", "session", "audio", "item", "item_id", "previous_item_id", "content_index", "audio_end_ms", "response",
     "response_id", "played_ms", "role", "content", "type", "text", "id", "metadata", "input", "instructions"]
)  # fmt: skip


def refused_or_read(text: str) -> None:
    try:
        decode(text, new_id=lambda: "n")
    except ProtocolError as error:
        error.message.encode()
        (error.event_id or "").encode()


@settings(max_examples=300)
@given(st.sampled_from(sorted(EVENTS)), st.dictionaries(_FIELDS, _JSON, max_size=6))
def test_any_fields_are_read_or_refused(kind: str, fields: dict[str, Any]) -> None:
    refused_or_read(json.dumps({**fields, "type": kind}))


@settings(max_examples=300)
@given(st.text(max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    refused_or_read(text)
    refused_or_read('{"type":"conversation.item.create","item":{"role":"user","content":[' + text + "]}}")


@given(st.text(max_size=200))
def test_cleaning_is_done_once_and_for_all(text: str) -> None:
    assert cleaned(cleaned(text)) == cleaned(text)
