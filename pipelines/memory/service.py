"""The memory of a server: recalls while a reply is thought of, keeps turns one after another in the background.

What waits to be kept is bounded, waits out a database that is gone, and goes with the consent it was given under.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from types import TracebackType
from weakref import WeakSet

from ...models.base import Appraisal, Embedder, Situation
from ...models.errors import BackendError
from ..duplex.memory import NOTHING, Recalled
from .backlog import Backlog, Episode, Talk, Turn, Waiting, Words
from .database import MemoryGone
from .facts import extract
from .kept import Kept, NewFact, TurnNotes
from .moments import how_it_went, moment
from .people import Person, who
from .recall import choose, name_of, told
from .store import MemoryStore

RECALL_DEADLINE_S = 1.5
"""Recalling runs beside the appraisal; a reply does not wait for it longer than this."""
REST_S = 5.0
"""After a failure the database is left alone for this long: a dead one would cost every reply its deadline."""
RETRY_S = (0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
CLOSE_S = 3.0
UPKEEP_S = 3600.0
CACHED_PEOPLE = 256
READ_CHARS = 4000
"""Of a turn, for facts; people do not say more in one breath."""


class MemoryService:
    """Shared by all sessions; an async context manager that owns its background tasks."""

    def __init__(
        self,
        store: MemoryStore,
        embedder: Embedder,
        *,
        keep_s: float | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.store = store
        self.embedder = embedder
        self.clock = clock
        self.backlog = Backlog()
        self.problem: str | None = None
        self._keep_s = keep_s
        self._cache: OrderedDict[str, tuple[int, list[Kept]]] = OrderedDict()
        self._lock = asyncio.Lock()
        self._rested = 0.0
        self._again = asyncio.Event()
        self._live: WeakSet[Remembering] = WeakSet()
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> MemoryService:
        self._tasks = [asyncio.create_task(self._write()), asyncio.create_task(self._upkeep())]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._again.set()
        try:
            async with asyncio.timeout(CLOSE_S):
                await self.backlog.emptied()
        except TimeoutError:
            pass  # the database is gone: what waits cannot be kept any more
        for task in self._tasks:
            task.cancel()
        ends = await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.store.close()
        for end in ends:
            if isinstance(end, Exception):
                raise end

    def session(self, owner: str, conversation: str) -> Remembering:
        """A session's or request's memory; people of other owners are out of its reach."""
        made = Remembering(self, owner, conversation)
        self._live.add(made)
        return made

    async def settled(self) -> None:
        """Wait until all that was to be kept is kept."""
        await self.backlog.emptied()

    # -- recalling ---------------------------------------------------------------------------------

    async def known(self, owner: str, user: str) -> list[Kept]:
        """A person's facts, from the cache where nothing has changed. Raises MemoryGone."""
        whose = who(owner, user)
        person = await self._reach(owner, user)
        if person is None:
            self._cache.pop(whose, None)
            return []
        version, facts = self._cache.get(whose, (-1, []))
        if version != person.version:
            facts = await self.store.facts(person.id)
            self._cache[whose] = person.version, facts
            if len(self._cache) > CACHED_PEOPLE:
                self._cache.popitem(last=False)
        self._cache.move_to_end(whose)
        return facts

    async def _reach(self, owner: str, user: str) -> Person | None:
        if self.problem is not None and self.clock() < self._rested:
            raise MemoryGone(self.problem)
        try:
            person = await self.store.person(owner, user)
        except MemoryGone as gone:
            self.failed(gone)
            raise
        self._again.set()
        if not self.backlog:
            self.problem = None
        return person

    def failed(self, gone: MemoryGone) -> None:
        """Leave the database alone for a while."""
        self.problem, self._rested = str(gone), self.clock() + REST_S

    # -- keeping -----------------------------------------------------------------------------------

    async def forget_all(self, owner: str, user: str) -> int:
        """Forget a person: stored, cached and waiting; running sessions keep nothing more under the old consent."""
        whose = who(owner, user)
        self.backlog.drop(whose=whose)
        async with self._lock:
            number = await self.store.forget_all(owner, user)
            self._cache.pop(whose, None)
            for session in self._live:
                session.revoke(whose)
        return number

    async def _write(self) -> None:
        failures = 0
        while True:
            item = await self.backlog.first()
            try:
                async with self._lock:
                    await self._keep(item)
            except (MemoryGone, BackendError) as gone:
                self.failed(gone if isinstance(gone, MemoryGone) else MemoryGone(str(gone)))
                await self._pause(RETRY_S[min(failures, len(RETRY_S) - 1)])
                failures += 1
                continue
            failures, self.problem = 0, None
            self.backlog.done(item)

    async def _pause(self, most_s: float) -> None:
        """Before it is tried again: less where somebody else has reached the database, or the server stops."""
        self._again.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(most_s):
                await self._again.wait()

    async def _keep(self, item: Waiting) -> None:
        match item:
            case Turn():
                await self._keep_turn(item)
            case Episode():
                ticket = item.talk.tickets.get(item.whose)
                if ticket is not None:
                    await self.store.add_episode(ticket, item.talk.conversation, item.began, item.ended, item.summary)

    async def _keep_turn(self, turn: Turn) -> None:
        talk, words = turn.talk, turn.words
        found = [
            NewFact(fact, await self.embedder.embed(fact.text))
            for fact in extract(words.text[:READ_CHARS], words.appraisal)
        ]
        ticket = talk.tickets.get(words.whose)
        if ticket is None:
            ticket = (await self.store.consent(talk.owner, words.user, words.at)).id
            talk.tickets[words.whose] = ticket
        appraisal = None if words.appraisal is None else moment(words.appraisal)
        notes = TurnNotes(talk.conversation, words.at, tuple(found), appraisal, words.recalled, words.id)
        await self.store.add(ticket, notes)

    async def _upkeep(self) -> None:
        """Forget what is past its time, and seal anew after a change of keys."""
        while True:
            try:
                async with self._lock:
                    if self._keep_s is not None:
                        await self.store.purge(self.clock() - self._keep_s)
                    await self.store.reseal()
            except MemoryGone as gone:
                self.failed(gone)
            await asyncio.sleep(UPKEEP_S)


class Remembering:
    """One session's memory (`duplex.memory.Memory`)."""

    def __init__(self, service: MemoryService, owner: str, conversation: str) -> None:
        self._service = service
        self._talk = Talk(owner, conversation)
        self._used: set[str] = set()
        self._offered: tuple[str, str] | None = None
        self._began = service.clock()
        self._felt: dict[str, list[Appraisal]] = {}

    @property
    def tickets(self) -> dict[str, str]:
        """The consents under which it keeps, by person."""
        return self._talk.tickets

    @property
    def waiting(self) -> tuple[Words, ...]:
        """Turns that are not kept yet and may go along to another server: those that are kept once."""
        return tuple(words for words in self._service.backlog.of(self._talk) if words.appraisal is not None)

    def go_on(self, tickets: Mapping[str, str], waiting: Iterable[Words]) -> None:
        """For a session of another server: under the consents it had, with what it had not kept."""
        self.tickets.update(tickets)
        for words in waiting:
            self._wait(words)

    def _wait(self, words: Words) -> None:
        if not self._service.backlog.add(Turn(self._talk, words)):
            self._service.problem = "too much waits to be kept"

    async def recall(self, user: str, situation: Situation) -> Recalled:
        if not user:
            return Recalled(problem="nothing is remembered without session.empathy.user, your id for the person")
        if self.tickets.get(who(self._talk.owner, user)) == REVOKED:
            return NOTHING
        try:
            async with asyncio.timeout(RECALL_DEADLINE_S):
                return await self._recall(user, situation)
        except TimeoutError:
            self._service.failed(MemoryGone("the memory took too long"))
            return Recalled(problem="the memory took too long")
        except (MemoryGone, BackendError) as gone:
            return Recalled(problem=str(gone))

    def keep(self, user: str, situation: Situation, appraisal: Appraisal | None) -> None:
        if not user:
            return
        whose = who(self._talk.owner, user)
        recalled = self._offered[1] if self._offered and self._offered[0] == situation.text else None
        if recalled is not None:
            self._used.add(recalled)
        if appraisal is not None:
            self._felt.setdefault(whose, []).append(appraisal)
        at = self._service.clock()
        self._wait(Words(secrets.token_hex(12), whose, user, situation.text, appraisal, at, recalled))

    def withdraw(self) -> None:
        self._service.backlog.drop(talk=self._talk)
        self.tickets.clear()
        self._felt.clear()

    def revoke(self, whose: str) -> None:
        """The person was forgotten: this session keeps nothing more of them, unless they consent anew."""
        self.tickets[whose] = REVOKED
        self._felt.pop(whose, None)

    def end(self) -> None:
        now = self._service.clock()
        for whose, felt in self._felt.items():
            self._service.backlog.add(Episode(self._talk, whose, self._began, now, how_it_went(felt)))
        self._felt.clear()

    async def _recall(self, user: str, situation: Situation) -> Recalled:
        service = self._service
        facts = await service.known(self._talk.owner, user)
        problem = service.problem
        if not facts:
            return Recalled(problem=problem)
        now = service.clock()
        found = choose(
            facts,
            await service.embedder.embed(situation.text),
            situation.text,
            begins=not situation.past,
            now=now,
            conversation=self._talk.conversation,
            used=self._used,
        )
        self._offered = (situation.text, found.id) if found is not None else None
        return Recalled((told(found, now),) if found is not None else (), name_of(facts), problem)


REVOKED = "revoked"
"""In place of a consent: there is none of this id, so nothing is kept under it."""
