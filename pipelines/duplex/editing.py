"""What clients do to the conversation's items: create, retrieve, delete, truncate. Errors name what was wrong."""

from __future__ import annotations

from .commands import CreateItem, DeleteItem, RetrieveItem, TruncateItem
from .context import Context
from .history import DuplicateItem, Entry, UnknownItem
from .outputs import ItemAdded, ItemDeleted, ItemRetrieved
from .playback import Playback
from .replies import Replies


class Editing:
    def __init__(self, context: Context, replies: Replies, playback: Playback) -> None:
        self._context = context
        self._replies = replies
        self._playback = playback

    def create(self, command: CreateItem) -> None:
        history = self._context.history
        try:
            history.insert(Entry(command.item), command.previous)
        except DuplicateItem:
            self._reject(
                "item_create_duplicate_item_id",
                f"An item with id {command.item.id!r} exists already.",
                "item.id",
                command.event_id,
            )
        except UnknownItem:
            self._reject(
                "item_create_invalid_previous_item_id",
                f"There is no item {command.previous!r} to insert after.",
                "previous_item_id",
                command.event_id,
            )
        else:
            self._replies.drop_speculation()
            self._context.send(ItemAdded(command.item, history.previous_id(command.item.id)))

    def retrieve(self, command: RetrieveItem) -> None:
        if self._known(command.item_id, "item_retrieve_invalid_item_id", command.event_id):
            self._context.send(ItemRetrieved(self._context.history.get(command.item_id).item))

    def delete(self, command: DeleteItem) -> None:
        if not self._known(command.item_id, "item_delete_invalid_item_id", command.event_id):
            return
        active = self._replies.active
        if active is not None and active.item_id == command.item_id:
            self._replies.interrupt("client_cancelled")
        self._context.history.delete(command.item_id)
        self._context.send(ItemDeleted(command.item_id))

    def truncate(self, command: TruncateItem) -> None:
        code = "item_truncate_invalid_item_id"
        if not self._known(command.item_id, code, command.event_id):
            return
        if command.audio_end_ms < 0:
            self._reject("invalid_value", "audio_end_ms must be 0 or more.", "audio_end_ms", command.event_id)
        elif command.content_index != 0:
            self._reject("invalid_value", "content_index must be 0.", "content_index", command.event_id)
        elif not self._playback.truncate(command.item_id, command.content_index, command.audio_end_ms):
            message = f"Item {command.item_id!r} holds no audio of ours to truncate."
            self._reject(code, message, "item_id", command.event_id)

    def _known(self, item_id: str, code: str, event_id: str | None) -> bool:
        if self._context.history.has(item_id):
            return True
        self._reject(code, f"There is no item {item_id!r} in this conversation.", "item_id", event_id)
        return False

    def _reject(self, code: str, message: str, param: str, event_id: str | None) -> None:
        self._context.reject(code, message, param=param, event_id=event_id)
