"""Whether a sentence speaks of people that nobody mentioned: the slip of small models that hurts most. Pure.

"You and your wife" to a widower, or to somebody who never had one, undoes whatever was said well before.
"""

from __future__ import annotations

import re

KIN = (
    ("wife", "husband", "spouse", "partner", "married", "marriage", "wedding", "anniversary", "widow", "fianc"),
    ("girlfriend", "boyfriend", "partner", "dating", "broke up", "left me", "ex"),
    ("mum", "mom", "mother", "mummy", "mommy", "mama", "mam", "ma", "parent", "amma", "nanay"),
    ("dad", "father", "daddy", "papa", "parent", "baba"),
    ("son", "child", "kid", "boy", "baby", "grandson"),
    ("daughter", "child", "kid", "girl", "baby", "granddaughter"),
    ("sister", "sibling"),
    ("brother", "sibling"),
    ("grandma", "grandmother", "granny", "nan", "gran", "nana", "grandparent", "abuela", "oma", "nonna"),
    ("grandpa", "grandfather", "grandad", "granddad", "grandparent", "abuelo", "opa", "nonno"),
    ("baby", "pregnan", "newborn", "birth", "expecting", "born", "scan", "ultrasound", "ivf", "midwife"),
)  # fmt: skip
"""The word or words of each row that may be named, first; then whatever else in the talk allows for them."""
_NAMED = (
    "wife|husband",
    "girlfriend|boyfriend",
    "mum|mom|mother",
    "dad|father",
    "son",
    "daughter",
    "sister",
    "brother",
    "grandma|grandmother|granny",
    "grandpa|grandfather|grandad",
    "baby",
)
_SAID = tuple(re.compile(rf"\b(?:{names})\b", re.IGNORECASE) for names in _NAMED)
_ALLOWED = tuple(re.compile("|".join(rf"\b{word}" for word in row), re.IGNORECASE) for row in KIN)


def unfounded(sentence: str, known: str) -> bool:
    """Whether the sentence names a relative for whom nothing in `known` (all that was said so far) stands."""
    return any(
        said.search(sentence) and not allowed.search(known) for said, allowed in zip(_SAID, _ALLOWED, strict=True)
    )
