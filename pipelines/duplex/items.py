"""Items of the conversation, as the history holds them and the wire shows them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ...models.base import Role

PartKind = Literal["input_text", "input_audio", "output_text", "output_audio"]
ItemStatus = Literal["in_progress", "completed", "incomplete"]


@dataclass(frozen=True, slots=True)
class Item:
    """One message. `text` is the typed text, the transcript (`None` while it is not known yet), or,
    for `output_audio`, exactly the words that were heard."""

    id: str
    role: Role
    kind: PartKind
    text: str | None
    status: ItemStatus = "completed"
