"""A fuzz target for every parser of ours: whatever comes is read, or refused by the error that is meant for it.

Briefly here; `make fuzz` for ten minutes each, `make fuzz SECONDS=60` for one.
"""

from __future__ import annotations

import contextlib
import io
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from fuzzing import mutated, repeated, target
from hypothesis import assume
from hypothesis import strategies as st
from pydantic import ValidationError
from test_server_event_logs import logs as logs_in
from test_wire_client import EVENTS

from affetto.models.appraisal.line import parse_appraisal, parse_cues, render_appraisal, render_cues
from affetto.models.errors import BackendError
from affetto.models.llm.failures import Endpoint
from affetto.models.llm.wire import Chunk
from affetto.models.store import manifest
from affetto.models.tts.script import script
from affetto.pipelines.duplex import crisis, eventlog
from affetto.pipelines.duplex.phrasing import Phraser
from affetto.pipelines.memory.facts import extract
from affetto.server import event_logs, keys, settings
from affetto.server.audio import AudioInput
from affetto.server.cli import toml
from affetto.server.media import BadAudio, encoder, read_audio
from affetto.server.protocol import ProtocolError, WireSession, decode
from affetto.server.resumption import return_of
from live import running

WORDS = st.text(max_size=200) | st.sampled_from(
    ["I lost my job at the bakery.", "Dr. Smith owes me $3.50 on 3/4/2024!", "My name is Ana and I have a dog.",
     "I want to kill myself tonight.", "At 10:45 a.m., call 555-1234; it's 3 1/2 km.", "\U0001f600 \u202e\x00 Ünïcödé"]
)  # fmt: skip

# -- the wire ---------------------------------------------------------------------------------------

GOOD_EVENTS = [
    json.dumps(event)
    for event in (
        {"type": "session.update", "event_id": "e", "session": {"type": "realtime", "instructions": "Be kind."}},
        {"type": "session.update", "session": {"audio": {"input": {"turn_detection": {"type": "server_vad"}}}}},
        {"type": "session.update", "session": {"tools": [{"type": "function", "name": "f", "parameters": {}}]}},
        {"type": "input_audio_buffer.append", "audio": "AAECAwQFBgc="},
        {"type": "conversation.item.create", "previous_item_id": "root", "item": {"type": "message", "role": "user",
         "content": [{"type": "input_text", "text": "I am sad."}]}},
        {"type": "conversation.item.truncate", "item_id": "item_1", "content_index": 0, "audio_end_ms": 1500},
        {"type": "response.create", "response": {"output_modalities": ["text"], "metadata": {"a": "b"}}},
        {"type": "response.cancel", "response_id": "resp_1"},
        {"type": "empathy.playback", "item_id": "item_1", "played_ms": 100},
    )
]  # fmt: skip


def read_event(text: str) -> object:
    try:
        return decode(text, new_id=lambda: "item_new")
    except ProtocolError as error:
        json.dumps([error.message[:700], error.event_id]).encode()
        return error


@target(mutated(st.sampled_from(GOOD_EVENTS)))
def test_client_events(text: str) -> None:
    read_event(text)


def test_the_good_events_are_good_and_of_many_kinds() -> None:
    assert not [text for text in GOOD_EVENTS if isinstance(read_event(text), ProtocolError)]
    assert {json.loads(text)["type"] for text in GOOD_EVENTS} <= set(EVENTS)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
FIELDS = [
    "audio",
    "input",
    "output",
    "format",
    "type",
    "rate",
    "turn_detection",
    "transcription",
    "model",
    "threshold",
    "voice",
    "speed",
    "tools",
    "tool_choice",
    "instructions",
    "max_output_tokens",
    "empathy",
    "events",
    "memory",
    "user",
    "trace",
    "resume",
    "output_modalities",
    "include",
    "prompt",
    "tracing",
    "truncation",
    "noise_reduction",
    "name",
    "parameters",
]
PATCHES = st.recursive(
    st.dictionaries(st.sampled_from(FIELDS), JSON, max_size=3),
    lambda inner: st.dictionaries(st.sampled_from(FIELDS), inner | JSON, max_size=4),
    max_leaves=6,
)


@target(st.lists(PATCHES, max_size=5))
def test_session_updates(patches: list[dict[str, Any]]) -> None:
    session = WireSession("sess_1", "affetto")
    for patch in patches:
        before = session.echo()
        try:
            session.merge(patch)
        except ProtocolError:
            assert session.echo() == before, "nothing of a refused update holds"
        assert len(json.dumps(session.echo())) < 256 * 1024
        session.config()


@target(
    st.dictionaries(st.sampled_from(["affetto-resume", "last-event-id"]), st.text(max_size=60)),
    st.lists(
        mutated(st.sampled_from(["realtime", "affetto-resume.0123456789abcdefTOKEN", "affetto-last-event.event_1"]))
    ),
)
def test_what_a_client_that_comes_back_shows(headers: dict[str, str], protocols: list[str]) -> None:
    shown = return_of(headers, protocols)
    if shown is not None:
        try:
            assert shown.last >= 0
        except ValueError:
            assert shown.session_id is not None


# -- sound ------------------------------------------------------------------------------------------


def _file(container: str) -> bytes:
    sound = (8000 * np.sin(np.arange(2400) / 5)).astype(np.int16)
    if container in ("mp3", "opus"):
        output = encoder(container, 24_000)  # type: ignore[arg-type] - both are of these
        return output.add(sound) + output.end()
    file = io.BytesIO()
    soundfile.write(file, sound, 24_000, format=container)
    return file.getvalue()


FILES = [_file(container) for container in ("WAV", "FLAC", "OGG", "AIFF", "AU", "mp3", "opus")]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # libsndfile asks for impossible places
@target(mutated(st.sampled_from(FILES)))
def test_sound_files(data: bytes) -> None:
    try:
        heard = read_audio(data, 30)
    except BadAudio:
        return
    assert heard.dtype == np.float32
    assert np.isfinite(heard).all()
    assert np.abs(heard).max() <= 2.0, "resampling rings, but not without end"


@target(st.sampled_from(["audio/pcm", "audio/pcmu", "audio/pcma"]), st.lists(st.binary(max_size=500), max_size=6))
def test_streamed_sound(name: Any, pieces: list[bytes]) -> None:
    stream, whole = AudioInput(name), AudioInput(name)
    heard = [stream.decode(piece) for piece in pieces] + [stream.flush()]
    at_once = [whole.decode(b"".join(pieces)), whole.flush()]
    cut, whole_sound = np.concatenate(heard).astype(int), np.concatenate(at_once).astype(int)
    assert cut.shape == whole_sound.shape, "however it is cut, the same is heard"
    assert not len(cut) or np.abs(cut - whole_sound).max() <= 2, "but for dithering"


# -- lines and files --------------------------------------------------------------------------------

LINES = [
    "[anxious 2; rang brother after six years; be heard; validation + questioning; gentle]",
    "[sad 3; everything; be comforted; conflict; crisis; paraphrasing; soft]",
]


@target(mutated(st.sampled_from(LINES)) | st.text(max_size=80))
def test_appraisal_lines(line: str) -> None:
    try:
        appraisal = parse_appraisal(line)
    except ValueError:
        return
    assert parse_appraisal(render_appraisal(appraisal)) == appraisal


CUES = ["(voice: anxious .4, relieved .3; trembling; sigh; senior female; unsure)", "(voice: sad 1)"]


@target(mutated(st.sampled_from(CUES)) | st.text(max_size=80))
def test_cue_lines(line: str) -> None:
    try:
        cues = parse_cues(line)
    except ValueError:
        return
    render_cues(cues)


@target(mutated(st.sampled_from(['data: {"choices":[{"delta":{"content":"Oh"},"finish_reason":null}]}',
        '{"choices":[{"delta":{"content":"Oh"}}],"usage":{"prompt_tokens":3}}', '{"error":{"message":"no"}}',
        '{"choices":{"0":1}}', '{"choices":[1],"usage":[]}'])))  # fmt: skip
def test_chunks_of_a_chat_model(event: str) -> None:
    try:
        chunk = Chunk.read(event, Endpoint("http://x/v1", "model", "key"))
    except BackendError:
        return
    assert isinstance(chunk.text, str)
    assert all(count is None or isinstance(count, int) for count in (chunk.prompt_tokens, chunk.completion_tokens))


SHIPPED = manifest.PATH.read_text()


@target(mutated(st.just(SHIPPED)) | st.text(max_size=80))
def test_manifests(text: str) -> None:
    try:
        manifest.parse(text)
    except (ValueError, ValidationError):  # a broken TOML is a ValueError
        return


WRITTEN = toml.commented(settings.load(None, {}), {}).replace("\n# ", "\n")


@target(mutated(st.just(WRITTEN)) | st.text(max_size=80))
def test_settings(text: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "affetto.toml"
        path.write_text(text, errors="surrogateescape")
        try:
            settings.load(path)
        except settings.BadSettings:
            return


@target(mutated(st.just('{"keys": [{"id": "a1", "owner": "shop", "sha256": "' + "0" * 64 + '", "created_at": 1}]}')))
def test_files_of_keys(text: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "keys.json"
        path.write_text(text, errors="replace")
        try:
            keys.read(path)
        except keys.BadKeys:
            return


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """A session's event log."""
    folder = tmp_path_factory.mktemp("logs")
    with running(server__event_logs=str(folder)) as live, live.call() as wire:
        wire.update(empathy={"user": "ana"})
        wire.text_turn()
        wire.speak()
        wire.until("response.done")
    [path] = logs_in(folder)
    return path.read_text().splitlines()


def test_event_logs(log: list[str]) -> None:
    @target(st.integers(0, len(log) - 1), mutated(st.just("x" * 30)), st.data(), examples=60)
    def changed(at: int, junk: str, data: st.DataObject) -> None:
        line = data.draw(mutated(st.just(log[at])))
        with contextlib.suppress(ValueError):
            eventlog.replay([*log[:at], line, *log[at + 1 :]])
        list(event_logs._people(line))
        event_logs._field(junk, "owner")

    changed()


# -- text -------------------------------------------------------------------------------------------


@target(st.lists(WORDS | st.text(alphabet=".,;:!? ab\n\"'—", max_size=30), max_size=6))
def test_phrases(pieces: list[str]) -> None:
    phraser = Phraser()
    phrases = [phrase for piece in pieces for phrase in phraser.feed(piece)] + phraser.end()
    said = "".join(pieces)
    assert said.startswith("".join(phrases))
    assert not said[len("".join(phrases)) :].strip(), "no letter is lost"


NUMBERS = st.text(alphabet="0123456789.,:/-$€%()+ apmkKst°'\"", max_size=40)


@target(WORDS | NUMBERS | mutated(WORDS))
def test_what_is_to_be_spoken(text: str) -> None:
    for saying in script(text):
        assert saying.said.strip()


@target(WORDS | mutated(WORDS))
def test_facts(text: str) -> None:
    assume(len(text) < 4000)
    for fact in extract(text):
        assert fact.text.strip()


SLOW = [
    "a",
    "a ",
    "I am ",
    "my ",
    '"',
    "'",
    "((",
    "1",
    "1,",
    "1-",
    ". ",
    "...",
    "and ",
    "is my ",
    "kill ",
    "no not ",
    "$1",
    "3/",
    "—",
    "- ",
    ", ",
    "a'",
    "I have a ",
    "\n",
    "\t ",
    "é",
    "to be ",
    "\ni want to ",
    "he said ",
    "my friend ",
    "if i ",
    "a.a",
    "A.",
    "Mr. ",
    "um ",
    "like ",
    "x@",
    "1:1",
    " ",
]


def took(text: str) -> dict[str, float]:
    """Processor seconds of everything of ours that reads a turn with patterns."""
    readers: dict[str, Callable[[str], object]] = {
        "crisis": crisis.risk_in,
        "facts": lambda said: extract(said[:4000]),
        "phrases": lambda said: Phraser().feed(said),
        "script": lambda said: script(said[:4000]),
    }
    found = {}
    for name, read in readers.items():
        began = time.process_time()
        read(text)
        found[name] = time.process_time() - began
    return found


@pytest.mark.parametrize("part", SLOW, ids=repr)
def test_no_part_said_again_and_again_takes_long(part: str) -> None:
    """A turn may have 20,000 characters, and patterns must not go through it again and again: 3.5 s it was."""
    assert max(took((part * 20_000)[:20_000] + "b").values()) < 1.5


@target(repeated(st.sampled_from(SLOW) | st.text(max_size=6), 20_000), examples=15)
def test_no_text_takes_long(text: str) -> None:
    assert max(took(text).values()) < 1.5
