"""Operator's choices for the duplex core, fixed for a server."""

from __future__ import annotations

from dataclasses import dataclass

from .empathy import PromptForm
from .mood import EVERYBODY, Persona


@dataclass(frozen=True, slots=True)
class DuplexPolicy:
    """`lead_s`: how far ahead of real time our audio leaves. The rest switches single techniques off,
    so that what each brings can be measured."""

    lead_s: float = 0.2
    speculate: bool = True
    openers: bool = True
    partials: bool = True
    whole_reply: bool = False
    """Synthesize the whole reply in one piece, as simple pipelines do."""
    prompt_form: PromptForm = "adapter"
    """How the chat model is asked: in the adapters' training format, or with all of it spelled out."""
    region: str | None = None
    """ISO 3166 code of the country whose crisis line is named; none is "your local crisis line"."""
    persona: Persona = EVERYBODY
    """How far and which way the tone of our replies moves."""
    max_reply_sentences: int = 2
    max_reply_words: int = 40
