"""Which reply a turn gets, and what that rests on: the one begun early, a new one, one later, or none."""

from __future__ import annotations

from ...models.base import Situation
from .config import ResponseOptions
from .context import Context
from .replies import Replies
from .reply import Phase
from .turn import Turn

APOLOGY = "Sorry, I couldn't make that out. Could you say it once more?"


class Answering:
    """`when_free` is the answer that is due as soon as we have ended what we are saying."""

    def __init__(self, context: Context, replies: Replies) -> None:
        self._context = context
        self._replies = replies
        self.when_free: ResponseOptions | None = None

    def respond(self, options: ResponseOptions | None = None) -> None:
        """Answer what stands in the history."""
        self._replies.respond(self._situation(), options or ResponseOptions())

    def speculate(self, turn: Turn) -> None:
        """Begin to answer a turn that is likely over, unless something is said already."""
        if self._replies.current is None:
            self._replies.speculate(self._situation(turn), (turn.number, turn.revision), turn.offset)

    def answer(self, turn: Turn, text: str) -> None:
        """The words of a turn that wants an answer are known."""
        replies = self._replies
        if not text:
            self._noise(turn)
            return
        if replies.release((turn.number, turn.revision)):
            return
        if replies.active is not None and replies.active.phase is not Phase.WAITING:
            self.when_free = ResponseOptions()
            return
        options = replies.active.options if replies.active is not None else ResponseOptions()
        replies.respond(self._situation(), options, origin=turn.offset)

    def _noise(self, turn: Turn) -> None:
        """Noise, or nothing, is never answered; but a cough after a question does not take the question back."""
        replies = self._replies
        replies.drop_speculation()
        if replies.active is not None and replies.active.phase is Phase.WAITING:
            replies.finish_silently()
        elif turn.took_over and replies.active is None and self._situation().text:
            replies.respond(self._situation(), ResponseOptions(), origin=turn.offset)

    def apologise(self, turn: Turn) -> None:
        """The words of a turn that wants an answer will never be known."""
        if self._replies.active is None or self._replies.active.phase is Phase.WAITING:
            self._replies.respond(self._situation(), ResponseOptions(), line=APOLOGY, origin=turn.offset)

    def _situation(self, turn: Turn | None = None) -> Situation:
        """What an answer would rest on now; with `turn`, as if that were committed already."""
        said, cues = self._context.history.open_turn()
        if turn is not None and turn.text:
            said, cues = f"{said} {turn.text}".strip(), turn.cues or cues
        return Situation(said, cues, self._context.history.past(), self._context.config.language)
