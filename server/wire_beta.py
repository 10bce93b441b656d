"""The beta dialect, for clients that ask for it by the header `OpenAI-Beta: realtime=v1`. One dialect a connection:
every name sent twice would play all audio twice. Pure."""

from __future__ import annotations

from typing import Any

from .wire_flat import flattened

HEADER, VALUE = "openai-beta", "realtime=v1"

NAMES = {
    "response.output_audio.delta": "response.audio.delta",
    "response.output_audio.done": "response.audio.done",
    "response.output_audio_transcript.delta": "response.audio_transcript.delta",
    "response.output_audio_transcript.done": "response.audio_transcript.done",
    "response.output_text.delta": "response.text.delta",
    "response.output_text.done": "response.text.done",
    "conversation.item.added": "conversation.item.created",
}
DROPPED = frozenset({"conversation.item.done"})
PARTS = {"output_text": "text", "output_audio": "audio"}


def translated(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """GA events as the beta had them."""
    return [_translate(event) for event in events if event["type"] not in DROPPED]


def _translate(event: dict[str, Any]) -> dict[str, Any]:
    event = {**event, "type": NAMES.get(event["type"], event["type"])}
    if "session" in event:
        event["session"] = flattened(event["session"])
    if "item" in event:
        event["item"] = _item(event["item"])
    if "response" in event:
        event["response"] = _response(event["response"])
    return event


def _response(response: dict[str, Any]) -> dict[str, Any]:
    kept = {key: value for key, value in response.items() if key not in ("output_modalities", "audio")}
    spoken = "audio" in response["output_modalities"]
    output = [_item(item) for item in response["output"]]
    return {**kept, "modalities": ["text", "audio"] if spoken else ["text"], "output": output}


def _item(item: dict[str, Any]) -> dict[str, Any]:
    return {**item, "content": [{**part, "type": PARTS.get(part["type"], part["type"])} for part in item["content"]]}
