"""From an appraised turn to what the chat model is given, and to how the answer sounds. Pure.

One turn, in the order in which a reply calls it:

    appraisal = await appraiser.appraise(situation)                 # may raise BackendError: use a plain one
    appraisal = safety.checked(appraisal, situation)                # code, not prompt, has the last word on risk
    fixed = safety.fixed_reply(appraisal, situation, region=None)   # crisis, "are you a robot?": said as it is
    if fixed is None:
        prompt = empathy.prompt(situation, appraisal, instructions=..., form="adapter")
        options = ChatOptions(max_tokens=96, stop=prompt.stop, prefill=prompt.prefill)
        guard = Guard(past=situation.past, heard=situation.text)
        async for delta in chat.stream(prompt.messages, options):   # leave as soon as `guard.done`
            say(guard.feed(delta.text))                             # only what the guard gives is spoken
        say(guard.end())
    style = empathy.style(appraisal, speed=1.0)                     # for the synthesizer

An opener (the first clause, already sounding) is given to the guard, and to the prompt where the model is to go on
from it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from ...models.appraisal.line import render_appraisal, render_cues
from ...models.base import Appraisal, Cues, Message, PastTurn, Situation, Style
from . import asking, openers, safety, wording

REMEMBERED = 6
"""Turns that the chat model sees at least, of as many as there are; at most twice as many, less one."""

PromptForm = Literal["adapter", "full"]

TEMPERATURE: dict[PromptForm, float] = {"adapter": 0.0, "full": 0.7}
"""A small model's likeliest words are its best ones: it slips where it is let to wander (docs/empathy.md)."""

MOST_CHARS: dict[PromptForm, int] = {"adapter": 2800, "full": 24_000}
"""Of a turn that the chat model reads, a quarter of it once the turn is past: all of a talk must fit its context."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """What `ChatModel.stream` takes: the messages, the start of the reply already decided, and where to stop."""

    messages: tuple[Message, ...]
    prefill: str
    stop: tuple[str, ...]
    temperature: float


SYSTEM = (
    "You are a warm, attentive listener in a live voice conversation. First note in brackets what you hear and "
    "choose; then answer in one or two short spoken sentences."
)


def prompt(
    situation: Situation,
    appraisal: Appraisal,
    *,
    instructions: str = "",
    form: PromptForm = "adapter",
    name: str | None = None,
    facts: Sequence[str] = (),
    opener: str = "",
    unnoted: bool = False,
) -> Prompt:
    """Messages for the chat model: "adapter" is the embedded adapters' training format, "full" spells all out.

    Of one talk, each prompt begins with the last one's messages: what belongs to this turn alone (appraisal, remembered
    facts, opener) comes last, so that a prefix cache holds. `instructions` is persona, and stands below the policy.
    `unnoted` leaves the adapter's appraisal line to the model.
    """
    remembered = f"(you remember: {'; '.join(map(safety.neutralised, facts))})" if facts else ""
    said = "\n".join(part for part in [remembered, _said(situation.text, situation.cues, MOST_CHARS[form])] if part)
    if form == "full":
        messages = [Message("system", asking.system(instructions, name)), *_told(situation.past, form)]
        messages.append(Message("user", f"{said}\n{asking.note(appraisal)}"))
        return Prompt(tuple(messages), opener, (), TEMPERATURE[form])
    named = f"You are talking with {name}." if name else ""
    messages = [Message("system", " ".join(part for part in (SYSTEM, named, instructions) if part))]
    messages += [*_told(situation.past, form), Message("user", said)]
    prefill = "[" if unnoted else f"{render_appraisal(appraisal)}\n{opener}"
    return Prompt(tuple(messages), prefill, ("<|im_end|>", "<|im_start|>"), TEMPERATURE[form])


def style(appraisal: Appraisal, *, speed: float = 1.0) -> Style:
    """How the answer sounds."""
    return Style(tone=appraisal.tone, rate=speed)


def opener_style(appraisal: Appraisal, *, speed: float = 1.0) -> Style:
    """How the opener sounds: one of few styles, so that it is rendered already."""
    return Style(tone=openers.voicing(appraisal.tone), rate=speed)


def recent(past: Sequence[PastTurn]) -> Sequence[PastTurn]:
    """The turns that a prompt holds: at least the last `REMEMBERED`, from a start that moves only once in as many.

    A start that moved with every turn would change the text right after the system message, and the chat model
    would have to read all of it again before each reply.
    """
    return past[max(0, len(past) // REMEMBERED - 1) * REMEMBERED :]


def _told(past: Sequence[PastTurn], form: PromptForm) -> Iterator[Message]:
    """What went before; as adapters were trained, each reply below the appraisal that it rested on."""
    for turn in recent(past):
        yield Message("user", _said(turn.user, turn.cues, MOST_CHARS[form] // 4))
        yield Message("assistant", _answered(turn) if form == "adapter" else turn.reply)


def _answered(turn: PastTurn) -> str:
    """As the chat model made it: its line, and the reply without the opener that was said before it."""
    if turn.appraisal is None:
        return turn.reply
    reply = turn.reply.removeprefix(turn.appraisal.opener).lstrip() or turn.reply
    return f"{render_appraisal(turn.appraisal)}\n{reply}"


def _said(words: str, cues: Cues | None, most: int) -> str:
    told = safety.neutralised(wording.clipped(words, most))
    return "\n".join(part for part in [render_cues(cues), told] if part)
