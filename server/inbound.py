"""What a client sends, on its way into its session: decoded, audio resampled, settings merged."""

from __future__ import annotations

import secrets

from ..pipelines.duplex.commands import ClearAudio, CommitAudio, Configure
from ..pipelines.duplex.session import Session
from .protocol import Append, AudioInput, ProtocolError, Update, decode
from .wire_session import WireSession


class Inbound:
    """Made for one session and its settings."""

    def __init__(self, session: Session, wire: WireSession, *, text_chars: int) -> None:
        self._session, self._wire, self._text_chars = session, wire, text_chars
        self._audio = AudioInput(wire.model.audio.input.format.type)

    def take(self, text: str | None) -> bool:
        """One frame, `None` for a binary one; gives whether settings were changed. Raises ProtocolError; nothing of it
        was taken then."""
        if text is None:
            raise ProtocolError("invalid_message", "Events are JSON in text frames; audio goes inside them as base64.")
        event = decode(text, text_chars=self._text_chars, new_id=_new_item_id)
        match event:
            case Append():
                self._session.push(self._audio.decode(event.audio))
            case Update():
                self._update(event)
            case _:
                self._before(event)
                self._session.command(event)
        return isinstance(event, Update)

    def mind_format(self) -> None:
        """From now on audio comes as the settings say."""
        name = self._wire.model.audio.input.format.type
        if name != self._audio.name:
            self._audio = AudioInput(name)

    def _before(self, command: object) -> None:
        """What the resampler holds belongs to what is committed, and goes with what is cleared."""
        if isinstance(command, CommitAudio):
            self._session.push(self._audio.flush())
        elif isinstance(command, ClearAudio):
            self._audio.reset()

    def _update(self, update: Update) -> None:
        self._wire.merge(update.patch, update.event_id)
        self.mind_format()
        self._session.command(Configure(self._wire.config(), update.event_id))


def _new_item_id() -> str:
    return f"item_{secrets.token_hex(10)}"
