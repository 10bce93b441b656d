"""Sessions that go on at another gateway: what of one is written down, when, and how it is taken up there.

A session is written when it is quiet (nobody speaks, nothing is being said) and has changed since. What happened
after that is not lost with its gateway: a client says again what the written state had not taken (`events_taken`).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from types import TracebackType
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from ..pipelines.memory.backlog import Words
from ..pipelines.memory.people import who
from .auth import Secret
from .handover_store import HandoverGone, HandoverStore, Parked
from .keys import digest
from .outbox import Said
from .resumption import Return, is_of
from .shared_secrets import SharedSecrets

log = logging.getLogger(__name__)

TAIL_BYTES = 64 << 10
"""Of the last events, without sound: a client that is there has them anyway."""
AWAY_TAIL_BYTES = 1 << 20
"""With sound, where the client is away: a quarter of a minute."""
MOST_PERSONS = 15
PROLONGED = 3
"""How often a row is prolonged within the time after which it expires."""


class State(BaseModel):
    """All that another gateway needs, as JSON. `response` is what was being said when it was written, if anything was.
    What a newer gateway adds is passed over: in a rolling update both read both."""

    model_config = ConfigDict(extra="ignore", protected_namespaces=())

    session_id: str
    name: str
    beta: bool
    by_secret: bool
    session: dict[str, Any]
    voice_is_fixed: bool
    expires_at: int
    count: int
    taken: int
    resumptions: int
    tail: list[tuple[int, str, str, float]]
    conversation: str
    tickets: dict[str, str]
    waiting: tuple[Words, ...] = ()
    response: dict[str, Any] | None = None


def tail_of(held: list[Said], *, away: bool) -> list[tuple[int, str, str, float]]:
    """The newest events that have room, oldest first."""
    kept: list[tuple[int, str, str, float]] = []
    room = AWAY_TAIL_BYTES if away else TAIL_BYTES
    for said in reversed(held):
        if said.audio_ms and not away:
            continue
        room -= len(said.text)
        if room < 0:
            break
        kept.append((said.number, said.text, said.item_id, said.audio_ms))
    return kept[::-1]


class Handover:
    """A gateway's part in it; an async context manager that prolongs its sessions' rows."""

    def __init__(self, store: HandoverStore, *, keep_s: float) -> None:
        self.store = store
        self._secrets = SharedSecrets(store)
        self._unshared: dict[bytes, tuple[Secret, str]] = {}
        self.problem: str | None = None
        """Why sessions cannot be handed over now."""
        self._every_s = keep_s / PROLONGED
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Handover:
        self._task = asyncio.create_task(self._prolong())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._task is not None
        self._task.cancel()
        await asyncio.wait([self._task])
        await self.store.close()

    async def take(self, shown: Return, owner: str) -> tuple[Parked, State] | None:
        """The session that a client wants back, if another gateway left it. Raises HandoverGone."""
        parked = await self.store.take(shown.session_id, owner, lambda hashed: is_of(shown.token, hashed))
        if parked is None:
            return None
        try:
            state = State.model_validate_json(parked.state)
        except ValidationError:
            raise HandoverGone("a session was written by another version of Affetto") from None
        if state.session_id != parked.id:
            raise HandoverGone("a session was changed outside of Affetto")
        return parked, state

    async def put(self, parked: Parked) -> bool | None:
        """Whether the session is (still) this gateway's; `None` where the database is gone and nothing was written."""
        try:
            kept = await self.store.put(parked)
        except HandoverGone as gone:
            self._failed(gone)
            return None
        self.problem = None
        return kept

    async def elsewhere(self, session_id: str, epoch: int) -> bool | None:
        """Whether another gateway has taken the session; `None` where the database is gone."""
        try:
            now = await self.store.whose_turn(session_id)
        except HandoverGone as gone:
            self._failed(gone)
            return None
        return now is not None and now != epoch

    async def drop(self, session_id: str, epoch: int) -> None:
        try:
            await self.store.drop(session_id, epoch)
        except HandoverGone as gone:
            self._failed(gone)  # the row expires

    async def forget(self, owner: str, user: str) -> int:
        """Erase sessions in which this person spoke. Raises HandoverGone."""
        whose = who(owner, user)
        self._unshared = {hashed: kept for hashed, kept in self._unshared.items() if kept[1] != whose}
        await self._secrets.erase(whose)
        return await self.store.erase(whose)

    async def share(self, value: str, secret: Secret) -> None:
        """Make a client secret good at every gateway: now, or as soon as the database is there."""
        user = str(_empathy(secret.owner.session).get("user") or "")
        self._unshared[digest(value)] = secret, who(secret.owner.name or "", user) if user else ""
        try:
            await self._share()
        except HandoverGone as gone:
            self._failed(gone)

    async def secret(self, value: str) -> Secret | None:
        """What another gateway's client secret opens, if it is one. Raises HandoverGone."""
        return await self._secrets.find(digest(value))

    async def _share(self) -> None:
        for hashed, (secret, whose) in list(self._unshared.items()):
            await self._secrets.add(hashed, secret, whose)
            self._unshared.pop(hashed, None)

    async def _prolong(self) -> None:
        while True:
            try:
                await self._share()
                await self._secrets.purge()
                await self.store.prolong()
                self.problem = None
            except HandoverGone as gone:
                self._failed(gone)
            await asyncio.sleep(self._every_s)

    def _failed(self, gone: HandoverGone) -> None:
        if self.problem is None:
            log.warning("sessions cannot be handed over: %s", gone)
        self.problem = str(gone)


def _empathy(session: Mapping[str, Any]) -> Mapping[str, Any]:
    found = session.get("empathy")
    return found if isinstance(found, Mapping) else {}
