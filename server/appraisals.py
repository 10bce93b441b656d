"""Appraisals of turns already answered: HTTP clients send the whole conversation again, without what we made of it."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import replace

from ..models.base import Appraisal, Appraiser, PastTurn, Situation
from ..models.errors import BackendError

MOST = 4096
KEEP_S = 3600.0
AGAIN_TURNS = 3
"""Turns appraised anew, where nothing is known of them and the appraiser is quick: tactics look back so far."""
AGAIN_DEADLINE_S = 0.5


class Thread:
    """A running hash of a conversation: the same turns of the same owner give the same key; no words can be told."""

    def __init__(self, owner: str) -> None:
        self._hash = hashlib.sha256(owner.encode(errors="replace"))

    def add(self, role: str, text: str) -> None:
        self._hash.update(f"\0{role}\0{text}".encode(errors="replace"))

    @property
    def key(self) -> str:
        return self._hash.hexdigest()


class Appraisals:
    """The latest of them by conversation, for an hour."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._held: OrderedDict[str, tuple[float, Appraisal]] = OrderedDict()

    def put(self, key: str, appraisal: Appraisal) -> None:
        self._held[key] = self._clock(), appraisal
        self._held.move_to_end(key)
        while self._held and (len(self._held) > MOST or self._stale(next(iter(self._held.values()))[0])):
            self._held.popitem(last=False)

    def clear(self) -> None:
        """Somebody is to be forgotten; whose these are cannot be told, and they can be made anew."""
        self._held.clear()

    def get(self, key: str) -> Appraisal | None:
        at, appraisal = self._held.get(key, (0.0, None))
        return None if appraisal is None or self._stale(at) else appraisal

    async def completed(
        self, past: Sequence[PastTurn], keys: Sequence[str], appraiser: Appraiser
    ) -> tuple[PastTurn, ...]:
        """Past turns with what was made of them; where that is not known, the last ones anew, if that is quick."""
        turns = [replace(turn, appraisal=self.get(key)) for turn, key in zip(past, keys, strict=True)]
        if not getattr(appraiser, "quick", False):
            return tuple(turns)
        try:
            async with asyncio.timeout(AGAIN_DEADLINE_S):
                for index in range(max(0, len(turns) - AGAIN_TURNS), len(turns)):
                    if turns[index].appraisal is None:
                        situation = Situation(turns[index].user, None, tuple(turns[:index]))
                        turns[index] = replace(turns[index], appraisal=await appraiser.appraise(situation))
        except (BackendError, TimeoutError):
            return tuple(turns)  # they help, no more: the turn at hand is appraised all the same
        return tuple(turns)

    def _stale(self, at: float) -> bool:
        return self._clock() - at > KEEP_S
