"""What a chat model's endpoint is sent."""

from __future__ import annotations

import pytest

from affetto.models.base import ChatOptions, Message
from affetto.models.llm import openai
from affetto.models.llm.wire import request_body

SAID = (Message("user", "Hello."),)


@pytest.mark.parametrize(("takes", "sent"), [(True, 'root ::= "yes"'), (False, None)])
def test_a_grammar_goes_only_where_it_is_understood(takes: bool, sent: str | None) -> None:
    body = request_body(SAID, ChatOptions(grammar='root ::= "yes"'), openai.Options(grammar=takes))
    assert body.get("grammar") == sent


def test_without_a_grammar_none_is_sent() -> None:
    assert "grammar" not in request_body(SAID, ChatOptions(), openai.Options(grammar=True))
