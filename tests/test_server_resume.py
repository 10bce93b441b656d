"""Sessions that outlive their sockets: nothing lost, nothing twice, and nobody else gets in."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
from cable import Cable, cable
from websockets.exceptions import ConnectionClosed, ConnectionClosedError, InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Subprotocol

from affetto.server import live_session
from affetto.server.outbox import Gone, Outbox, Said
from affetto.server.resumption import Pass, Return, number_of, return_of
from live import Event, Live, Wire, audio_of, eventually, running, voice

WORD_S = 0.12
PLAIN: dict[str, Any] = {"compression": None, "proxy": None}


@pytest.fixture(scope="module")
def server() -> Iterator[Live]:
    with running(tts__options__word_s=WORD_S) as live:
        yield live


@pytest.fixture
def live(server: Live) -> Iterator[Live]:
    """The server; at the end nobody may be left."""
    yield server
    eventually(lambda: sessions(server) == 0, "a session is left over", 5)


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


def resumable(wire: Wire, **session: Any) -> Wire:
    """Ask to be able to come back."""
    assert wire.update(empathy={"resume": True}, **session)["session"]["empathy"]["resume"] is True
    return wire


def token_of(wire: Wire) -> str:
    sessions = [event["session"] for event in wire.events if event["type"].startswith("session.")]
    return str(sessions[-1]["empathy"]["resume_token"])


def shown(wire: Wire, **instead: str) -> dict[str, str]:
    return {"Affetto-Resume": token_of(wire), "Last-Event-ID": wire.events[-1]["event_id"], **instead}


@contextmanager
def back(url: str, headers: dict[str, str], **options: Any) -> Iterator[Wire]:
    with connect(url, additional_headers=headers, **PLAIN, **options) as socket:
        wire = Wire(socket)
        assert wire.next()["type"] == "session.created"
        yield wire


def refusal(live: Live, headers: dict[str, str]) -> tuple[int, str]:
    with pytest.raises(InvalidStatus) as refused, back(live.ws, headers):
        pass
    response = refused.value.response
    return response.status_code, json.loads(response.body or b"")["error"]["code"]


def lose(held: Cable, wire: Wire) -> None:
    """Cut the line, and see it end."""
    held.cut()
    with pytest.raises(ConnectionClosedError):
        wire.until("never")


def sessions(live: Live) -> int:
    return int(live.get("/ready").json()["sessions"])


def numbers(events: list[Event]) -> list[int]:
    return [number_of(event) for event in events]


@contextmanager
def cut_in_an_answer(live: Live, deltas: int = 3) -> Iterator[Wire]:
    """A call whose line broke in the middle of a spoken answer."""
    with cable(live.port) as held, connect(held.ws, **PLAIN) as socket:
        wire = Wire(socket)
        wire.until("session.created")
        resumable(wire)
        wire.write(id="item_mine")
        wire.send("response.create")
        for _ in range(deltas):
            wire.until("response.output_audio.delta")
        lose(held, wire)
        yield wire


def test_an_answer_that_was_cut_goes_on_at_the_very_sample(live: Live) -> None:
    with live.call() as whole:
        whole.write(id="item_mine")
        whole.send("response.create")
        said = whole.until("response.done")["response"]["output"][0]["content"][0]["transcript"]
    with cut_in_an_answer(live) as wire, back(live.ws, shown(wire)) as again:
        done = again.until("response.done")
        assert done["response"]["status"] == "completed"
        assert done["response"]["output"][0]["content"][0]["transcript"] == said
        events = [*wire.events, *again.events[1:]]
        assert numbers(events) == list(range(1, len(events) + 1))
        assert np.array_equal(audio_of(events), audio_of(whole.events))
        assert len(audio_of(wire.events)) < len(audio_of(events))


@pytest.mark.parametrize("missed", [1, 2, 5])
def test_what_was_sent_and_not_taken_in_comes_again(live: Live, missed: int) -> None:
    with cut_in_an_answer(live, deltas=6) as wire:
        del wire.events[-missed:]
        with back(live.ws, shown(wire)) as again:
            again.until("response.done")
            events = [*wire.events, *again.events[1:]]
            assert numbers(events) == list(range(1, len(events) + 1))


def test_the_conversation_is_still_there(live: Live) -> None:
    with cut_in_an_answer(live) as wire, back(live.ws, shown(wire)) as again:
        assert again.events[0]["session"]["id"] == wire.events[0]["session"]["id"]
        again.until("response.done")
        again.send("conversation.item.retrieve", item_id="item_mine")
        assert again.until("conversation.item.retrieved")["item"]["content"][0]["text"] == "I lost my keys."
        assert again.text_turn()["response"]["status"] == "completed"


def test_words_spoken_before_and_after_are_one_turn(live: Live) -> None:
    words = np.split(voice(0.6), 6)
    with cable(live.port) as held, connect(held.ws, **PLAIN) as socket:
        wire = Wire(socket)
        wire.until("session.created")
        resumable(wire)
        for piece in words:
            wire.append(piece)
        wire.until("input_audio_buffer.speech_started")
        lose(held, wire)
        with back(live.ws, shown(wire)) as again:
            taken = again.events[0]["session"]["empathy"]["events_taken"] - 1  # the update
            for piece in words[taken:]:
                again.append(piece)
            again.speak(0.6, silence_s=1)
            again.until("response.done")
            kinds = [event["type"] for event in (*wire.events, *again.events)]
            assert kinds.count("input_audio_buffer.speech_started") == 1
            completed = next(e for e in again.events if e["type"].endswith("transcription.completed"))
            assert completed["usage"]["seconds"] == pytest.approx(1.2, abs=0.35)


def test_a_client_learns_how_much_of_its_own_was_taken(live: Live) -> None:
    with cut_in_an_answer(live) as wire, back(live.ws, shown(wire)) as again:
        assert again.events[0]["session"]["empathy"]["events_taken"] == 3  # update, item, response


def test_the_line_may_break_again_and_again(live: Live) -> None:
    with cable(live.port) as held, cut_in_an_answer(live, deltas=1) as wire:
        seen = list(wire.events)
        while seen[-1]["type"] != "response.done":
            with back(held.ws, shown(wire)) as again:
                again.until("response.output_audio.delta", "response.done")
                lose(held, again)
            seen += again.events[1:]
            wire = again
        with back(live.ws, shown(wire)):
            pass  # and leaves as one should
        assert numbers(seen) == list(range(1, len(seen) + 1))


def test_the_place_of_the_greeting_is_that_of_the_last_event(live: Live) -> None:
    with cut_in_an_answer(live) as wire:
        with cable(live.port) as held, back(held.ws, shown(wire)) as again:
            assert number_of(again.events[0]) == number_of(wire.events[-1])
            held.cut()
        only_greeted = Wire(again.socket, again.events[:1])
        with back(live.ws, shown(only_greeted)) as third:
            third.until("response.done")
            events = [*wire.events, *third.events[1:]]
            assert numbers(events) == list(range(1, len(events) + 1))


# -- half-open lines --------------------------------------------------------------------------------


def test_a_client_that_comes_back_first_takes_the_session_over(live: Live) -> None:
    with cable(live.port) as held, connect(held.ws, **PLAIN, close_timeout=0.1) as socket:
        wire = Wire(socket)
        wire.until("session.created")
        resumable(wire)
        wire.write()
        wire.send("response.create")
        wire.until("response.output_audio.delta")
        held.pull()
        with back(live.ws, shown(wire)) as again:
            again.until("response.done")
            events = [*wire.events, *again.events[1:]]
            assert numbers(events) == list(range(1, len(events) + 1))
            assert sessions(live) == 1


def test_what_was_said_into_a_dead_line_was_not_heard() -> None:
    ended = 'affetto_responses_total{status="completed"}'
    slow = running(tts__options__word_s=4 * WORD_S)  # it is still speaking when the voice over it is judged
    with slow as live, cable(live.port) as held, connect(held.ws, **PLAIN, close_timeout=0.1) as socket:
        wire = Wire(socket)
        wire.until("session.created")
        resumable(wire)
        wire.text_turn()
        before = float(live.get("/metrics").text.split(ended)[1].split()[0])
        wire.write()
        wire.send("response.create")
        wire.until("response.output_audio.delta")
        held.pull()
        eventually(lambda: float(live.get("/metrics").text.split(ended)[1].split()[0]) > before, "it does not end")
        with back(live.ws, shown(wire)) as again:
            item = again.until("response.done")["response"]["output"][0]
            again.append(voice(2))
            again.until("input_audio_buffer.speech_started")
            again.send("conversation.item.retrieve", item_id=item["id"])
            kept = again.until("conversation.item.retrieved")["item"]["content"][0]["transcript"]
            assert item["content"][0]["transcript"].startswith(kept)
            assert len(kept.split()) < len(item["content"][0]["transcript"].split()) - 2


def test_the_line_that_was_left_is_closed(live: Live) -> None:
    with live.call() as wire:
        resumable(wire)
        with back(live.ws, shown(wire)) as again:
            with pytest.raises(ConnectionClosed) as closed:
                wire.until("never")
            assert closed.value.rcvd is not None
            assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (
                1000,
                "the session goes on over another connection",
            )
            assert again.text_turn()["response"]["status"] == "completed"


# -- who may come back -------------------------------------------------------------------------------


def test_nobody_is_kept_who_did_not_ask_for_it(live: Live) -> None:
    with cable(live.port) as held, connect(held.ws, **PLAIN) as socket:
        wire = Wire(socket)
        empathy = wire.until("session.created")["session"]["empathy"]
        assert empathy["resume"] is False
        assert "resume_token" not in empathy
        lose(held, wire)
    eventually(lambda: sessions(live) == 0, "the session is kept")


@pytest.mark.parametrize("code", [1000, 4000, None], ids=str)
def test_goodbye_is_goodbye(live: Live, code: int | None) -> None:
    with live.call() as wire:
        resumable(wire)
        if code is None:
            wire.socket.protocol.send_close()
            wire.socket.socket.sendall(b"".join(wire.socket.protocol.data_to_send()))
        else:
            wire.socket.close(code)
        eventually(lambda: sessions(live) == 0, "the session is kept")
    assert refusal(live, shown(wire)) == (410, "session_not_resumable")


def test_a_page_that_is_loaded_again_finds_its_session(live: Live) -> None:
    with live.call() as wire:
        resumable(wire)
        wire.text_turn()
        headers = shown(wire)
        wire.socket.close(1001)
    with back(live.ws, headers) as again:
        assert again.events[0]["session"]["id"] == wire.events[0]["session"]["id"]


def test_a_client_may_change_its_mind(live: Live) -> None:
    with live.call() as wire:
        resumable(wire)
        headers = shown(wire)
        assert "resume_token" not in wire.update(empathy={"resume": False})["session"]["empathy"]
        assert refusal(live, headers) == (410, "session_not_resumable")
        assert resumable(wire)
        assert token_of(wire) != headers["Affetto-Resume"]


def test_an_unknown_token_opens_nothing(live: Live) -> None:
    with live.call() as wire:
        resumable(wire)
        token = token_of(wire)
        for wrong in ("x", token[:-1], token + "x", token[:16], "0" * 16 + token[16:], "\u00e9"):
            given = shown(wire) | {"Affetto-Resume": wrong}
            assert refusal(live, given) == (410, "session_not_resumable")
        assert wire.text_turn()["response"]["status"] == "completed"


@pytest.mark.parametrize("last", ["", "5", "event_sess_0123456789abcdef_1", "event_SESSION_999", "event_SESSION_-1"])
def test_an_event_that_was_never_sent_is_no_place_to_go_on_from(live: Live, last: str) -> None:
    with live.call() as wire:
        resumable(wire)
        session_id = wire.events[0]["session"]["id"]
        headers = shown(wire) | {"Last-Event-ID": last.replace("SESSION", session_id)}
        assert refusal(live, headers) == (400, "invalid_last_event")
        assert wire.text_turn()["response"]["status"] == "completed"


def test_a_token_is_good_once(live: Live) -> None:
    with live.call() as wire:
        resumable(wire)
        first = shown(wire)
        with back(live.ws, first) as second:
            assert token_of(second) != first["Affetto-Resume"]
            second.update(instructions="Be kind.")  # it has the new token
            assert refusal(live, first) == (410, "session_not_resumable")
            with back(live.ws, shown(second)) as third:
                third.update(instructions="Be brief.")
                assert refusal(live, shown(second)) == (410, "session_not_resumable")


def test_a_client_whose_greeting_was_lost_tries_again(live: Live) -> None:
    with live.call() as wire:
        resumable(wire)
        headers = shown(wire)
        for _ in range(3):
            with back(live.ws, headers) as again:
                again.socket.socket.close()
        with back(live.ws, headers) as again:
            assert again.text_turn()["response"]["status"] == "completed"


def test_two_who_come_back_at_once_do_not_both_stay(live: Live) -> None:
    with live.call() as wire:
        resumable(wire)
        with back(live.ws, shown(wire)) as second, back(live.ws, shown(wire)) as third:
            with pytest.raises(ConnectionClosed):
                second.until("never")
            assert third.text_turn()["response"]["status"] == "completed"
            assert sessions(live) == 1


def test_another_key_does_not_open_it() -> None:
    keys = ["sk-mine", "sk-yours"]
    with running(server__api_keys=keys) as locked, locked.call(additional_headers=bearer("sk-mine")) as wire:
        resumable(wire)
        headers = shown(wire)
        assert refusal(locked, headers | bearer("sk-yours")) == (410, "session_not_resumable")
        assert refusal(locked, headers) == (401, "invalid_api_key")
        secret = locked.post("/v1/realtime/client_secrets", json={}, headers=bearer("sk-mine")).json()["value"]
        with back(locked.ws, headers | bearer(secret)) as again:
            assert again.text_turn()["response"]["status"] == "completed"


def test_browsers_come_back_by_subprotocol() -> None:
    with running(server__api_keys=["sk-mine"]) as locked:
        key = Subprotocol("openai-insecure-api-key.sk-mine")
        with locked.call(subprotocols=[Subprotocol("realtime"), key]) as wire:
            resumable(wire)
            token, last = token_of(wire), wire.events[-1]["event_id"]
            offers = [f"affetto-resume.{token}", f"affetto-last-event.{last}"]
            protocols = [Subprotocol("realtime"), key, *map(Subprotocol, offers)]
            with back(locked.ws, {}, subprotocols=protocols) as again:
                assert again.socket.subprotocol == "realtime"
                assert again.text_turn()["response"]["status"] == "completed"


def test_no_log_holds_a_token(live: Live, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.DEBUG, logger="affetto")
    with live.call() as wire:
        resumable(wire)
        with back(live.ws, shown(wire)):
            pass
    ours = [record for record in caplog.records if not record.name.startswith("websockets.client")]
    assert any("is resumed" in record.getMessage() for record in ours)
    assert not any(token_of(wire)[16:] in record.getMessage() for record in ours)


# -- its limits --------------------------------------------------------------------------------------


def test_who_stays_away_too_long_is_not_waited_for() -> None:
    with running(server__resume_s=0.3, tts__options__word_s=WORD_S) as short, cut_in_an_answer(short) as wire:
        eventually(lambda: sessions(short) == 0, "the session is kept")
        assert refusal(short, shown(wire)) == (410, "session_not_resumable")
        assert 'affetto_resumptions_total{outcome="expired"} 1.0' in short.get("/metrics").text


def test_an_operator_may_turn_it_off() -> None:
    with running(server__resume_s=0) as never, never.call() as wire:
        empathy = wire.update(empathy={"resume": True})["session"]["empathy"]
        assert empathy["resume"] is False
        assert "resume_token" not in empathy


def test_a_session_without_its_client_keeps_its_place() -> None:
    with running(server__sessions=1) as small, cut_in_an_answer(small, deltas=1) as wire:
        assert refusal(small, {}) == (503, "too_many_sessions")
        with back(small.ws, shown(wire)) as again:
            again.until("response.done")


def test_more_than_is_kept_is_refused_clearly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_session, "KEPT_BYTES", 2_000)
    with running() as live, live.call() as wire:
        resumable(wire)
        headers = shown(wire)
        wire.text_turn()
        assert refusal(live, headers) == (410, "events_lost")
        assert wire.text_turn()["response"]["status"] == "completed"


def test_a_stopping_server_does_not_wait_for_who_is_away() -> None:
    with running(server__grace_s=60, tts__options__word_s=WORD_S) as live, cut_in_an_answer(live):
        eventually(lambda: "session" in live.get("/ready").text, "it does not answer")
    # leaving `running` joins the server's thread within 15 s, or fails


def test_nothing_is_left_of_sessions_that_came_back(live: Live) -> None:
    tasks = live.tasks()
    for _ in range(20):
        with cut_in_an_answer(live, deltas=1) as wire, back(live.ws, shown(wire)) as again:
            again.send("response.cancel")
            again.until("response.done")
    eventually(lambda: sessions(live) == 0, "sessions are left over")
    eventually(lambda: live.tasks() <= tasks, "tasks are left over")


# -- parts -------------------------------------------------------------------------------------------


def said(*numbers: int) -> list[Said]:
    return [Said(number, "x" * 10) for number in numbers]


@pytest.mark.anyio
async def test_an_outbox_reads_again_what_it_holds() -> None:
    outbox = Outbox()
    outbox.keep(30)
    for each in said(1, 2, 4, 5, 6):  # a dialect may leave some out
        outbox.add(each)
    for _ in range(4):
        await outbox.next()
    with pytest.raises(Gone):
        outbox.rewind(0)
    with pytest.raises(ValueError, match="7"):
        outbox.rewind(7)
    assert outbox.rewind(2) == said(4, 5)
    assert [await outbox.next() for _ in range(3)] == said(4, 5, 6)
    outbox.close()
    assert await outbox.next() is None
    assert outbox.rewind(3) == said(4, 5, 6)


def test_a_pass_has_one_good_token_and_the_one_just_used() -> None:
    held = Pass("s" * 16)
    first = held.renew()
    second = held.renew(first)
    assert held.fits(first)
    assert held.fits(second)
    third = held.renew(first)  # the second never arrived
    assert [held.fits(token) for token in (first, second, third)] == [True, False, True]
    held.confirm()
    assert [held.fits(token) for token in (first, second, third)] == [False, False, True]
    held.revoke()
    assert not held.fits(third)


def test_headers_come_before_subprotocols() -> None:
    offers = ["affetto-resume.b", "affetto-last-event.c"]
    assert return_of({"affetto-resume": "a"}, offers) == Return("a", "c")
    assert return_of({}, offers) == Return("b", "c")
    assert return_of({"last-event-id": "c"}, ["realtime"]) is None
