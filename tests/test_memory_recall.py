"""What comes up with the real embedding, and what must not."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from affetto.models import registry
from affetto.pipelines.memory.facts import Fact, extract
from affetto.pipelines.memory.kept import Kept, Vector
from affetto.pipelines.memory.recall import choose

SAID = (
    "I have a dog called Biscuit. My mum has cancer. I play the cello. I have an MRI next week. "
    "My sister Maria is getting married in June. I work nights."
)


@pytest.mark.models
@pytest.mark.parametrize(
    ("text", "brought_up"),
    [
        ("Biscuit ate my slippers again.", "has a dog called Biscuit"),
        ("Mum's hair is falling out.", "mum has cancer"),
        ("I haven't practised my instrument in weeks.", "plays the cello"),
        ("I'm scared of the scan.", "has an MRI next week"),
        ("And Maria wants me to do a speech at her wedding.", "sister Maria is getting married in June"),
        ("It rained the whole day.", None),
        ("My boss shouted at me in front of everyone.", None),
        ("I passed my driving test!", None),
        ("Thanks, that helps.", None),
        ("He forgot our anniversary.", None),
    ],
)
def test_what_bears_on_it_comes_up_and_nothing_else(text: str, brought_up: str | None, require: Any) -> None:
    store = require("minilm")

    async def main() -> Kept | None:
        async with registry.create("embedder", "minilm", {}, store) as embedder:
            facts = [kept(number, fact, await embedder.embed(fact.text)) for number, fact in enumerate(extract(SAID))]
            assert len(facts) == 6
            return choose(facts, await embedder.embed(text), text, begins=False, now=5 * 86_400.0)

    found = asyncio.run(main())
    assert (found and found.text) == brought_up


def kept(number: int, fact: Fact, vector: Vector) -> Kept:
    return Kept(str(number), fact.kind, fact.text, fact.importance, fact.timed, False, "before", 0.0, None, vector)
