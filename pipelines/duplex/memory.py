"""What a session asks of a memory; pipelines/memory has one. A session may only ask it with the person's consent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from ...models.base import Appraisal, Situation


@dataclass(frozen=True, slots=True)
class Recalled:
    """What is known of the person that bears on what they said; `problem` says why nothing could be looked up."""

    facts: tuple[str, ...] = ()
    name: str | None = None
    problem: str | None = None


NOTHING = Recalled()


class Memory(Protocol):
    """One session's or request's way to what is remembered; none of it raises, and only `recall` takes time."""

    async def recall(self, user: str, situation: Situation) -> Recalled:
        """What to bring up now, if anything. Changes nothing: the reply may never be heard."""
        ...

    def keep(self, user: str, situation: Situation, appraisal: Appraisal | None) -> None:
        """A turn of a person who has consented counts: keep what is worth it, some time later."""
        ...

    def withdraw(self) -> None:
        """Consent has ended: nothing more is kept, nor what waits to be."""
        ...

    def end(self) -> None:
        """The session is over."""
        ...


class Forgetful:
    """The memory of a server that has none."""

    async def recall(self, user: str, situation: Situation) -> Recalled:
        return Recalled(problem="this server keeps no memory (memory.enabled)")

    def keep(self, user: str, situation: Situation, appraisal: Appraisal | None) -> None:
        """Keeps nothing."""

    def withdraw(self) -> None:
        """Has nothing."""

    def end(self) -> None:
        """Has nothing."""
