"""How openers fit on dialogues whose right reading is known: the wrong clause is the worst that can be said."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from ...models.base import Appraiser
from ...models.labels import sign
from ..duplex import openers, safety
from ..training import corpus
from ..training.corpus import Example


async def evaluate(appraiser: Appraiser, examples: Iterable[Example], *, unheard: bool = False) -> dict[str, Any]:
    """Appraise each turn, choose its opener, and compare what it asserts with the corpus's plan.

    Gives turns, openers (turns that got one), named (openers that assert the appraised feeling), wrong_sign (of those,
    how many cheer a sad turn or pity a glad one), most_alike (share of the commonest two first words among openers),
    and the wrong ones in full. `unheard` leaves the voice out.
    """
    beginnings: Counter[tuple[str, ...]] = Counter()
    kinds: Counter[str] = Counter()
    wrong: list[dict[str, str]] = []
    turns = 0
    for example in examples:
        situation = (corpus.unheard(example) if unheard else example).situation
        appraisal = safety.checked(await appraiser.appraise(situation), situation)
        opener, turns = openers.choose(appraisal, situation), turns + 1
        if not opener:
            continue
        beginnings[openers.beginning(opener)] += 1
        kind = openers.kind(appraisal, situation)
        kinds[kind or "named"] += 1
        if not kind and sign(appraisal.emotion) * sign(example.plan.emotion) < 0:
            wrong.append({"said": situation.text, "opener": opener, "felt": str(example.plan.emotion)})
    said = sum(beginnings.values())
    return {
        "turns": turns,
        "openers": said,
        "kinds": dict(kinds.most_common()),
        "wrong_sign": len(wrong),
        "most_alike": round(max(beginnings.values(), default=0) / max(1, said), 3),
        "wrong": wrong,
    }
