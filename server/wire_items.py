"""Conversation items on the wire: how a client may write one, and how ours are shown. Pure."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, field_validator, model_validator

from ..pipelines.duplex.items import Item, PartKind
from .wire_json import cleaned
from .wire_schema import Shape

MOST_PARTS = 64
PARTS: dict[str, dict[str, PartKind]] = {
    "user": {"input_text": "input_text", "text": "input_text", "input_audio": "input_audio"},
    "assistant": {
        "output_text": "output_text",
        "text": "output_text",
        "output_audio": "output_audio",
        "audio": "output_audio",
    },
    "system": {"input_text": "input_text", "text": "input_text"},
}
"""For each role, the kinds of parts it may have (the beta's names, too) and what they are."""

Id = Annotated[str, Field(min_length=1, max_length=128, pattern=r"^[\x21-\x7e]+$")]
Text = Annotated[str, AfterValidator(cleaned)]


class Part(Shape):
    """One part; text of an audio part is its transcript, audio itself comes by `input_audio_buffer.append`."""

    type: str
    text: Text | None = None
    transcript: Text | None = None

    @property
    def words(self) -> str:
        return self.text if self.text is not None else self.transcript or ""


def _role(value: object) -> object:
    return "system" if value == "developer" else value


class MessageModel(Shape):
    """`item` of `conversation.item.create`."""

    id: Id | None = None
    type: Literal["message"] = "message"
    role: Annotated[Literal["user", "assistant", "system"], BeforeValidator(_role)]
    content: list[Part] = Field(min_length=1, max_length=MOST_PARTS)

    @field_validator("type", mode="before")
    @classmethod
    def _only_messages(cls, value: object) -> object:
        if value != "message":
            raise ValueError("only messages are taken: this server calls no functions, so there are no results of any")
        return value

    @model_validator(mode="after")
    def _check_parts(self) -> MessageModel:
        for part in self.content:
            if part.type not in PARTS[self.role]:
                raise ValueError(f"a {self.role} message takes parts of type {', '.join(PARTS[self.role])}")
            if part.type == "input_audio" and part.transcript is None:
                raise ValueError("audio in an item needs its transcript; send sound by input_audio_buffer.append")
        return self

    def item(self, new_id: str) -> Item:
        """The finished item; `new_id` is for one without an id of its own."""
        kind = PARTS[self.role][self.content[0].type]
        words = " ".join(part.words for part in self.content if part.words)
        return Item(self.id or new_id, self.role, kind, words)


def item_record(item: Item) -> dict[str, Any]:
    """An item as clients see it. `input_audio` always has its `transcript`, null while it is not known."""
    if item.kind in ("input_audio", "output_audio"):
        words = item.text if item.kind == "input_audio" else item.text or ""
        part: dict[str, Any] = {"type": item.kind, "transcript": words}
    else:
        part = {"type": item.kind, "text": item.text or ""}
    return {
        "id": item.id,
        "object": "realtime.item",
        "type": "message",
        "status": item.status,
        "role": item.role,
        "content": [part],
    }
