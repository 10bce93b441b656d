"""Scores of replies by another chat model: MINT's six items and EchoMind's C1 to C4, each from 1 to 5."""

from __future__ import annotations

import json
from collections.abc import Sequence
from statistics import mean
from typing import Any

from ...models.appraisal.line import render_cues
from ...models.base import ChatModel, ChatOptions, Message
from .empathy import Played

GOOD = {
    "validating_emotions": "acknowledges and accepts what the person feels",
    "encouraging_elaboration": "makes it easy to say more",
    "demonstrating_understanding": "shows that the situation was understood, in its details",
    "context_fit": "fits what was said, now and before (C1)",
    "naturalness": "is what a person would say (C2)",
    "colloquialism": "is spoken, not written, language (C3)",
    "speech_information": "fits how the voice sounded, without announcing it (C4)",
}
BAD = {
    "advice_giving": "gives advice that nobody asked for",
    "self_oriented": "turns to the listener's own life",
    "dismissing_emotions": "plays down, hurries or judges the feeling",
}
SIX = ("validating_emotions", "encouraging_elaboration", "demonstrating_understanding", *BAD)
"""Whose mean is MINT's aggregate, the bad ones turned round (6 - x)."""
SYSTEM = (
    "You judge one reply of a listener in a spoken conversation. Score each item from 1 (not at all) to 5 (very much), "
    "sternly: 3 is ordinary. Answer with a JSON object of the items and nothing else.\nItems:\n"
    + "\n".join(f"- {name}: {text}" for name, text in (GOOD | BAD).items())
)
SCHEMA = {
    "type": "object",
    "properties": {name: {"type": "integer", "minimum": 1, "maximum": 5} for name in (*GOOD, *BAD)},
    "required": [*GOOD, *BAD],
    "additionalProperties": False,
}


async def judge(turns: Sequence[Played], chat: ChatModel) -> dict[str, Any]:
    """Mean scores, the aggregate, and how many verdicts could be read. Raises BackendError."""
    verdicts = [verdict for turn in turns if (verdict := await _verdict(turn, chat)) is not None]
    if not verdicts:
        return {"judged": 0}
    scores = {name: round(mean(verdict[name] for verdict in verdicts), 2) for name in (*GOOD, *BAD)}
    return {"judged": len(verdicts), "unread": len(turns) - len(verdicts), "aggregate": aggregate(scores), **scores}


def aggregate(scores: dict[str, float]) -> float:
    return round(mean(6 - scores[name] if name in BAD else scores[name] for name in SIX), 2)


async def _verdict(turn: Played, chat: ChatModel) -> dict[str, int] | None:
    messages = (Message("system", SYSTEM), Message("user", _case(turn)))
    options = ChatOptions(max_tokens=300, temperature=0.0, json_schema=SCHEMA)
    text = "".join([delta.text async for delta in chat.stream(messages, options)])
    try:
        found = json.loads(text[text.index("{") : text.rindex("}") + 1])
        return {name: min(5, max(1, int(found[name]))) for name in (*GOOD, *BAD)}
    except (ValueError, KeyError, TypeError):
        return None


def _case(turn: Played) -> str:
    before = [line for past in turn.example.situation.past[-3:] for line in (f"Person: {past.user}", "Listener: ...")]
    cues = render_cues(turn.example.situation.cues)
    said = f"Person {cues}: {turn.example.situation.text}"
    return "\n".join([*before, said, f"Listener's reply, to be judged: {turn.reply}"])
