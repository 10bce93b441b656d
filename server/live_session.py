"""A session as the server has it, over as many sockets as it takes: decodes, hands on, encodes. Decides nothing about
the conversation."""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import Callable
from dataclasses import replace
from typing import ParamSpec, Protocol, TypeVar
from weakref import WeakMethod

from ..models.sharing import caller
from ..pipelines.duplex import outputs as out
from ..pipelines.duplex.carried import packed, unpacked
from ..pipelines.duplex.commands import Rejoin
from ..pipelines.duplex.conversation import Conversation
from ..pipelines.duplex.observe import Observer, Record, every
from ..pipelines.duplex.session import Session
from ..pipelines.memory.people import who
from .auth import Denied, Guest
from .event_logs import EventLog
from .farewell import ELSEWHERE, GOING_AWAY, NORMAL, NOT_ALLOWED, OUR_FAULT, RESTARTING, STOPPING, TOO_SLOW, Farewell
from .handover import State, tail_of
from .handover_store import Parked
from .inbound import Inbound
from .keeper import Keeper
from .opening import new_wire_session
from .outbox import KEPT_BYTES, Gone, Outbox, Said
from .presence import Presence
from .protocol import Encoder, Event, ProtocolError
from .refusals import events_lost, last_of, no_event, not_resumable
from .resumption import Pass, Return
from .said import audio_ms, encoded
from .state import ServerState

log = logging.getLogger(__name__)
P = ParamSpec("P")
T = TypeVar("T")

OVERFLOW_EVERY_S = 1.0
"""Dropped microphone audio is reported at most this often."""
IDS_APART = 1000
"""Ids that a lost gateway may have given out after it last wrote its session down."""


class Line(Protocol):
    """A socket, as its session sees it."""

    def supersede(self) -> None:
        """The client came back over another one: close this one."""


class LiveSession:
    """Built when a client comes in; `run` lives until the session is over, whichever sockets come and go."""

    def __init__(
        self, state: ServerState, guest: Guest, *, model: str = "", beta: bool = False, session_id: str | None = None
    ) -> None:
        self._state = state
        self._limits = state.settings.server
        self.id = session_id or secrets.token_hex(8)
        self.owner = guest.name
        self._guest = guest
        self._beta = beta
        self._wire = new_wire_session(state, f"sess_{self.id}", model, guest)
        self._remembering = state.remembering(guest, self.id)
        self.session = Session(
            state.backends,
            self._wire.config(),
            session_id=self.id,
            policy=state.policy,
            observer=self._observer(guest, anew=session_id is None),
            memory=self._remembering,
        )
        self._inbound = Inbound(self.session, self._wire, text_chars=self._limits.text_chars)
        self._encoder = Encoder(self._wire, beta=beta)
        self.outbox = Outbox()
        self._pass = Pass(self.id)
        self._line: Line | None = None
        self._presence = Presence(self._limits)
        self._resumptions = self._taken = 0
        self._overflow_told = float("-inf")
        self._leaving = self._stopped = self._goes_on = False
        self._keeper = self._new_keeper()
        self.farewell: Farewell = (NORMAL, "")
        """With which code and reason its socket closes."""
        self._mind_resumption()
        if session_id is None:
            self._say(self._encoder.created())

    @classmethod
    def carried(cls, state: ServerState, guest: Guest, parked: Parked, left: State, last: int) -> LiveSession:
        """One that another gateway left, for a client that has its events up to `last`. Raises ValueError."""
        guest = replace(guest, session={}, by_secret=left.by_secret)
        live = cls(state, guest, model=left.name, beta=left.beta, session_id=left.session_id)
        live._restore(parked, left, last)
        return live

    def _restore(self, parked: Parked, left: State, last: int) -> None:
        wire = self._wire
        wire.restore(left.session)
        wire.voice_is_fixed, wire.expires_at, wire.resume_token = left.voice_is_fixed, left.expires_at, ""
        conversation = unpacked(left.conversation.encode())
        self.session.restore(replace(conversation, ids=conversation.ids + IDS_APART), wire.config())
        self._presence.last(left.expires_at - time.time())
        self._inbound.mind_format()
        self._pass = Pass(self.id, parked.passes)
        self._keeper = self._new_keeper(parked)
        if self._remembering is not None:
            self._remembering.go_on(left.tickets, left.waiting)
        self._resumptions, self._taken = left.resumptions, left.taken
        self._encoder.count = max(left.count, last)
        self.outbox.keep(KEPT_BYTES)
        self.outbox.restore([Said(*said) for said in left.tail], self._encoder.count)
        if left.response is not None:
            self._say(self._encoder.lost(left.response))

    def _new_keeper(self, parked: Parked | None = None) -> Keeper | None:
        handover = self._state.handover
        if handover is None:
            return None
        return Keeper(
            handover,
            self.id,
            self.owner or "",
            state=self._left,
            passes=lambda: self._pass.hashes if self.resumable else (),
            lost=self._taken_over,
            epoch=parked.epoch if parked else 0,
            whose=parked.whose if parked else (),
        )

    def _conversation(self) -> Conversation:
        return self.session.conversation

    async def run(self) -> None:
        """Until the client leaves, the session ends, or a limit is reached; then nothing of it is left."""
        caller.set(self.id)
        try:
            async with asyncio.TaskGroup() as tasks:
                speaker = tasks.create_task(self._speak())
                watches = [tasks.create_task(way()) for way in (self._watch, self._watch_absence)]
                if self._keeper is not None:
                    tasks.create_task(self._keep(self._keeper))
                await self.session.run()
                await speaker
                for watch in watches:
                    watch.cancel()
                if self._keeper is not None:
                    self._keeper.finish()
            if self._keeper is not None:
                await self._keeper.end(kept=self._goes_on)
        except Exception:
            self.farewell = (OUR_FAULT, "internal error")
            raise
        finally:
            self.outbox.close()
            log.info("session %s says goodbye: %d %s", self.id, *self.farewell)

    def stop(self, code: int, reason: str) -> None:
        """End the session; its socket closes with this code."""
        if self.farewell == (NORMAL, ""):
            self.farewell = (code, reason)
        self._stopped = True
        self.session.close()

    def leave(self, reason: str) -> None:
        """The server stops: end the session as soon as nothing is being said, or is quiet and can go on elsewhere."""
        self._leaving = True
        if self._keeper is not None and self.resumable:
            self._keeper.changed()
            self._leave_if_quiet()
        elif self._line is None or not self._encoder.responding:
            self.stop(GOING_AWAY, reason)

    def leave_now(self, reason: str) -> None:
        """The server has no more time."""
        self._goes_on = self._keeper is not None and self.resumable
        self.stop(RESTARTING if self._goes_on else GOING_AWAY, reason)

    def let_go(self) -> None:
        """It is over. What knows each other no more is gone at once, and no collector of garbage, which would stop all
        other sessions, has to find it."""
        self._line = self._keeper = None

    # -- its sockets -------------------------------------------------------------------------------

    def open(self, line: Line) -> None:
        """Its first socket."""
        self._line = line

    def has(self, line: Line) -> bool:
        """Whether this is (still) its socket."""
        return self._line is line

    async def resume(self, line: Line, shown: Return, owner: str | None) -> Event:
        """Its client is back over another socket; gives what that is greeted with. Raises Denied."""
        self._come_back(line, shown, owner)
        await self._note_token(shown.token)
        if self._stopped:
            raise Denied(503, "session_moved", "The session has just gone on, or ended here; try again.")
        log.info("session %s is resumed", self.id)
        return self._encoder.resumed(shown.last, self._resumptions, self._taken)

    def _come_back(self, line: Line, shown: Return, owner: str | None) -> None:
        if self._stopped or owner != self.owner or not self._pass.fits(shown.token):
            raise not_resumable()
        try:
            missed = self.outbox.rewind(last_of(shown))
        except ValueError:
            raise no_event() from None
        except Gone:
            raise events_lost() from None
        if self._line is not None:
            self._line.supersede()
        self._line = line
        self._resumptions += 1
        self._wire.resume_token = self._pass.renew(shown.token)
        if self._keeper is not None:
            self._keeper.changed()
        self.outbox.serve(True)
        for item_id, missed_ms in audio_ms(missed).items():
            self.session.command(Rejoin(item_id, round(missed_ms)))
        self._presence.come_back()
        self.session.go_on()
        self._state.telemetry.resumption("resumed")

    async def _note_token(self, used: str) -> None:
        """A token is good at every gateway before it is told; where that cannot be, the one just used stays good."""
        keeper = self._keeper  # the session may end, and let go of it, while it is written
        if keeper is None:
            return
        keeper.turned()
        await keeper.write()
        if keeper.behind and self.resumable:
            self._pass.keep(used)
            self._wire.resume_token = used

    def release(self, line: Line, *, lost: bool, farewell: Farewell) -> None:
        """A socket is gone. Where it broke, a client that asked for it may come back; else the session is over."""
        if not self.has(line):
            return
        self._line = None
        self.outbox.serve(False)
        if not lost or not self.resumable or (self._leaving and self._keeper is None):
            self.stop(*farewell)
            return
        log.info("session %s has lost its client", self.id)
        self.session.pause()
        self._presence.go()
        if self._keeper is not None:
            self._keeper.changed()

    @property
    def stopped(self) -> bool:
        """Whether it is ending."""
        return self._stopped

    @property
    def resumable(self) -> bool:
        return self._wire.resume_token is not None

    async def elsewhere(self) -> bool | None:
        """Whether it has gone on at another gateway, if that can be known; if not, only this one judges its tokens."""
        return self._keeper is not None and await self._keeper.elsewhere()

    def opens_to(self, shown: Return) -> bool:
        """Whether this token is good here."""
        return self._pass.fits(shown.token)

    def _observer(self, guest: Guest, *, anew: bool) -> Observer:
        state = self._state
        watching = [state.observing.session(), state.traces.observer(guest.name or "", _weakly(self._conversation))]
        if state.handover is not None:
            watching.append(_weakly(self._stepped))
        if anew and (folder := state.settings.server.event_logs) is not None:  # a log replays from the beginning or not
            watching.append(EventLog(folder, self.id, self._wire.config(), state.policy, guest.name or "").observe)
        return every(*watching)

    def _mind_resumption(self) -> None:
        wanted = self._wire.model.empathy.resume and self._limits.resume_s > 0
        if wanted == self.resumable:
            return
        self.outbox.keep(KEPT_BYTES if wanted else 0)
        self._pass.revoke()
        self._wire.resume_token = self._pass.renew() if wanted else None

    # -- in ----------------------------------------------------------------------------------------

    def take(self, text: str | None) -> None:
        """One frame from the client; what is wrong with it is said by an `error` event."""
        self._presence.heard()
        self._taken += 1
        if self._pass.confirm() and self._keeper is not None:
            self._keeper.turned()
        try:
            if self._inbound.take(text):
                self._changed_settings()
        except ProtocolError as error:
            self._state.telemetry.refused_event(error.code)
            self._say(self._encoder.error(error))

    @property
    def has_room(self) -> bool:
        """Whether the next frame should be read now."""
        return self.session.has_room and self.outbox.has_room

    async def room(self) -> None:
        """Wait until the next frame should be read."""
        await self.session.room()
        await self.outbox.room()

    def _changed_settings(self) -> None:
        self._mind_resumption()
        if self._keeper is not None:
            self._keeper.spoke(self._speaker())

    # -- out ---------------------------------------------------------------------------------------

    async def _speak(self) -> None:
        """Encode what the session says, no faster than its client takes it."""
        async for output in self.session.outputs():
            if isinstance(output, out.Failure) and not self._tells(output):
                continue
            if isinstance(output, out.Rejected):
                self._state.telemetry.refused_event(output.code)
            if isinstance(output, out.Configured) and self._keeper is not None and not self._keeper.known:
                await self._keeper.write()  # a token is good everywhere before it is told
            events = self._encoder.encode(output)
            self._say(events, output)
            self._note(output, events)
            if self._leaving and self._keeper is None and not self._encoder.responding:
                self.stop(GOING_AWAY, STOPPING)
            await self.outbox.room()
            if self._line is None and self.outbox.overflowed:
                self.stop(TOO_SLOW, "more was said than is kept for a client that is away")
        if self.session.overflowed:
            self.farewell = TOO_SLOW, "the client takes events too slowly"

    def _say(self, events: list[Event], output: out.Output | None = None) -> None:
        for said in encoded(events, output):
            self.outbox.add(said)

    def _tells(self, failure: out.Failure) -> bool:
        """Whether a failure is news: overflow comes with every packet while it lasts."""
        if failure.code != "input_audio_overflow":
            return True
        now = time.monotonic()
        if now - self._overflow_told < OVERFLOW_EVERY_S:
            return False
        self._overflow_told = now
        return True

    # -- going on elsewhere ------------------------------------------------------------------------

    async def _keep(self, keeper: Keeper) -> None:
        """Have it written down whenever it has changed; once the server stops, that is its end here."""
        while await keeper.news():
            self._leave_if_quiet()
            await keeper.write()

    def _leave_if_quiet(self) -> None:
        """At once, not after the next write: a client that is never silent leaves only moments."""
        if self._keeper is None or not self._leaving or self._stopped or not self.resumable:
            return
        left = self._left()
        if left is not None:
            self._keeper.hold(left)
            self.leave_now(STOPPING)

    def _stepped(self, record: Record) -> None:
        if self._keeper is not None and self._leaving:
            self._keeper.changed()
        elif self._keeper is not None:
            self._keeper.stepped()

    def _note(self, output: out.Output, events: list[Event]) -> None:
        keeper = self._keeper
        if keeper is None or isinstance(output, out.ResponseAudio | out.ResponseText | out.ResponseWords):
            return
        if isinstance(output, out.ResponseStarted) and events:
            keeper.responding(events[0]["response"])
        elif isinstance(output, out.ResponseEnded):
            keeper.responding(None)
        keeper.changed()
        self._leave_if_quiet()

    def _left(self) -> State | None:
        """What another gateway needs, if nothing is under way."""
        if not self.session.quiet:
            return None
        wire, remembering = self._wire, self._remembering
        return State(
            session_id=self.id,
            name=wire.name,
            beta=self._beta,
            by_secret=wire.user_is_fixed,
            session=wire.model.model_dump(mode="json"),
            voice_is_fixed=wire.voice_is_fixed,
            expires_at=wire.expires_at or 0,
            count=self._encoder.count,
            taken=self._taken,
            resumptions=self._resumptions,
            tail=tail_of(self.outbox.held(), away=self._line is None),
            conversation=packed(self.session.carry()).decode(),
            tickets=remembering.tickets if remembering else {},
            waiting=remembering.waiting if remembering else (),
        )

    def _speaker(self) -> str | None:
        user = self._wire.model.empathy.user
        return who(self.owner or "", user) if user else None

    def _taken_over(self) -> None:
        """Its client went on at another gateway."""
        self.stop(NORMAL, ELSEWHERE)

    # -- its limits --------------------------------------------------------------------------------

    async def _watch(self) -> None:
        """End a session that is silent or live too long."""
        while True:
            await self._presence.look()
            if self._presence.over:
                minutes = self._limits.session_s / 60
                message = f"The session has lasted {minutes:g} minutes, the longest time there is."
                self._say(self._encoder.error(ProtocolError("session_expired", message)))
                self.stop(GOING_AWAY, "the session has reached its longest time")
                return
            if not self._state.door.knows(self._guest):
                self._say(self._encoder.error(ProtocolError("invalid_api_key", "The key is not good any more.")))
                self.stop(NOT_ALLOWED, "the key is not good any more")
                return
            if self._line is not None and self._presence.silent:
                self.stop(GOING_AWAY, "nothing was heard for too long")

    async def _watch_absence(self) -> None:
        """End a session whose client does not come back in time."""
        await self._presence.given_up()
        self._state.telemetry.resumption("expired")
        self.stop(GOING_AWAY, "the client did not come back")


def _weakly(method: Callable[P, T]) -> Callable[P, T]:
    """A method for somebody whom its object holds: for as long as that lives, it does not hold the object."""
    held = WeakMethod(method)

    def call(*args: P.args, **kwargs: P.kwargs) -> T:
        alive = held()
        assert alive is not None
        return alive(*args, **kwargs)

    return call
