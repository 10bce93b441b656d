"""One attempt of the chat model at a reply: what it is asked, and what of its answer may be said. Pure.

A small model speaks better when it does not know of the opener (docs/empathy.md), so that is handed over only where
the model said it again. A reply of nothing, or nothing that the guard lets out, is asked for again.
"""

from __future__ import annotations

from ...models.base import Appraisal, ChatOptions
from . import empathy, noting, openers
from .actions import ReplyRequest
from .guard import Guard
from .memory import Recalled
from .policy import DuplexPolicy

ATTEMPTS = 3
"""At one reply: without the opener, with it, and with no thought of it."""
REPLY_TOKENS = 96
LINE_TOKENS = 48
"""Room for an appraisal line of the model's own."""
RESEED = 7919
"""Between the seeds of two attempts at one reply."""
ANOTHER_TEMPERATURE = 0.7
"""Of further attempts: what was likeliest came to nothing."""


class Attempt:
    """Number 0, 1 or 2 at one reply: `prompt` and `options` go to the chat model, and what it writes comes back.

    Feed that, say what comes out, and leave the model once it is `done`; then there may be an `end`. `appraisal` is
    what the reply rests on: the model's own, as soon as it has written a line where it was asked for one.
    """

    def __init__(
        self, request: ReplyRequest, appraisal: Appraisal, recalled: Recalled, policy: DuplexPolicy, number: int
    ) -> None:
        situation, opener = request.situation, appraisal.opener
        asked = policy.prompt_form == "adapter" and number == 0 and noting.wanted(appraisal, situation)
        prefilled = (opener if policy.prompt_form == "full" else "", opener, "")[number]
        self.appraisal = appraisal
        self.prompt = empathy.prompt(
            situation,
            appraisal,
            instructions=request.instructions,
            form=policy.prompt_form,
            name=recalled.name,
            facts=recalled.facts,
            opener=prefilled,
            unnoted=asked,
        )
        self.options = ChatOptions(
            max_tokens=(request.max_output_tokens or REPLY_TOKENS) + (LINE_TOKENS if asked else 0),
            grammar=noting.grammar(appraisal, situation, policy.persona) if asked else "",
            stop=self.prompt.stop,
            prefill=self.prompt.prefill,
            temperature=ANOTHER_TEMPERATURE if number else self.prompt.temperature,
            seed=request.seed + number * RESEED,
        )
        self._line = noting.Line() if asked else None
        self._nonsense = False
        self._guard = _guard(request, opener, recalled, policy)
        self._opening = openers.Opening("" if prefilled or number else opener)

    @property
    def done(self) -> bool:
        """Nothing more of what the model writes will be said."""
        return self._guard.done or self._opening.echoed or self._nonsense

    def feed(self, text: str) -> str:
        """What may be said now."""
        reply = text if self._line is None else self._behind_line(self._line, text)
        return self._opening.feed(self._guard.feed(reply))

    def end(self) -> str:
        """What may still be said once the model has ended, or is left."""
        return self._opening.feed(self._guard.end()) + self._opening.end()

    def _behind_line(self, line: noting.Line, text: str) -> str:
        """What of the text is the reply; nothing where the line is none, for such a reply rests on nothing."""
        was_over = line.over
        reply = line.feed(text)
        if line.over and not was_over:
            try:
                self.appraisal = noting.noted(self.appraisal, line.text)
            except ValueError:
                self._nonsense = True
        return "" if self._nonsense else reply


def _guard(request: ReplyRequest, opener: str, recalled: Recalled, policy: DuplexPolicy) -> Guard:
    situation = request.situation
    said = [text for turn in situation.past for text in (turn.user, turn.reply)]
    return Guard(
        past=situation.past,
        heard=situation.text,
        opener=opener,
        known=" ".join([situation.text, *recalled.facts, request.instructions, *said]),
        max_sentences=policy.max_reply_sentences,
        max_words=policy.max_reply_words,
    )
