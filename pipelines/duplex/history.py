"""The conversation's items in order, and the turns an appraiser or a prompt sees of them. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from ...models.base import Appraisal, Cues, PastTurn
from .items import Item

ROOT = "root"
MAX_ITEMS = 1000
"""Oldest items beyond this many are dropped; far more than any prompt holds."""


class UnknownItem(LookupError):
    """No item has this id."""


class DuplicateItem(ValueError):
    """An item has this id already."""


@dataclass(frozen=True, slots=True)
class Entry:
    """An item with what was read of the voice that said it, and the appraisal that our reply rested on."""

    item: Item
    cues: Cues | None = None
    appraisal: Appraisal | None = None


class History:
    """Ordered, addressed by item id."""

    def __init__(self) -> None:
        self._entries: list[Entry] = []

    def __iter__(self) -> Iterator[Entry]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def last_id(self) -> str | None:
        return self._entries[-1].item.id if self._entries else None

    def get(self, item_id: str) -> Entry:
        """Raises UnknownItem."""
        return self._entries[self._index(item_id)]

    def has(self, item_id: str) -> bool:
        return any(entry.item.id == item_id for entry in self._entries)

    def previous_id(self, item_id: str) -> str | None:
        index = self._index(item_id)
        return self._entries[index - 1].item.id if index else None

    def insert(self, entry: Entry, previous: str | None = None) -> None:
        """Add after `previous` ("root" = first, `None` = last).

        Raises:
            DuplicateItem: the id is taken.
            UnknownItem: there is no `previous`.
        """
        if self.has(entry.item.id):
            raise DuplicateItem(entry.item.id)
        at = len(self._entries)
        if previous is not None:
            at = 0 if previous == ROOT else self._index(previous) + 1
        self._entries.insert(at, entry)
        del self._entries[: len(self._entries) - MAX_ITEMS]

    def update(self, item_id: str, **changes: object) -> Item:
        """Change fields of an item (text, status). Raises UnknownItem."""
        index = self._index(item_id)
        entry = self._entries[index]
        self._entries[index] = replace(entry, item=replace(entry.item, **changes))  # type: ignore[arg-type]
        return self._entries[index].item

    def annotate(self, item_id: str, *, cues: Cues | None = None, appraisal: Appraisal | None = None) -> None:
        """Attach what was read of the item; a deleted item is none of our business."""
        if not self.has(item_id):
            return
        index = self._index(item_id)
        entry = self._entries[index]
        self._entries[index] = replace(entry, cues=cues or entry.cues, appraisal=appraisal or entry.appraisal)

    def delete(self, item_id: str) -> None:
        """Raises UnknownItem."""
        del self._entries[self._index(item_id)]

    def open_turn(self) -> tuple[str, Cues | None]:
        """What the user said since our last reply, joined, and the latest cues of it."""
        said: list[str] = []
        cues: Cues | None = None
        for entry in self._entries:
            if entry.item.role == "assistant" and entry.item.text:
                said, cues = [], None
            elif entry.item.role == "user" and entry.item.text:
                said.append(entry.item.text.strip())
                cues = entry.cues or cues
        return " ".join(said), cues

    def cues_before(self, item_id: str) -> Cues | None:
        """What is known by now of the voice that an item answers. Raises UnknownItem."""
        asked = (entry.cues for entry in reversed(self._entries[: self._index(item_id)]) if entry.item.role == "user")
        return next(asked, None)

    def past(self) -> tuple[PastTurn, ...]:
        """Answered turns, oldest first; an unanswered last one is `open_turn`."""
        turns: list[PastTurn] = []
        said: list[str] = []
        cues: Cues | None = None
        for entry in self._entries:
            text = (entry.item.text or "").strip()
            if not text or entry.item.role == "system":
                continue
            if entry.item.role == "user":
                said.append(text)
                cues = entry.cues or cues
            elif said or not turns:
                turns.append(PastTurn(" ".join(said), cues, entry.appraisal, text))
                said, cues = [], None
            else:
                turns[-1] = replace(turns[-1], reply=f"{turns[-1].reply} {text}")
        return tuple(turns)

    def instructions(self) -> str:
        """Texts of the system items, joined."""
        return "\n".join(e.item.text for e in self._entries if e.item.role == "system" and e.item.text)

    def _index(self, item_id: str) -> int:
        for index, entry in enumerate(self._entries):
            if entry.item.id == item_id:
                return index
        raise UnknownItem(item_id)
