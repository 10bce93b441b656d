"""The session object: what it starts as, how updates merge into it, what is refused, and what clients get back."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai.types.realtime import SessionUpdatedEvent

from affetto.pipelines.duplex.config import SemanticVad, ServerVad
from affetto.server.wire_errors import ProtocolError
from affetto.server.wire_flat import flattened, lifted
from affetto.server.wire_session import WireSession


def session(**options: Any) -> WireSession:
    return WireSession("sess_1", "affetto", **options)


def merged(*patches: dict[str, Any]) -> WireSession:
    wire = session()
    for patch in patches:
        wire.merge(patch)
    return wire


def at(value: Any, path: str) -> Any:
    for step in path.split("."):
        value = value[step]
    return value


IN, OUT = "audio.input", "audio.output"


def nested(path: str, value: Any) -> dict[str, Any]:
    first, _, rest = path.partition(".")
    return {first: nested(rest, value) if rest else value}


@pytest.mark.parametrize(
    ("path", "given", "echoed"),
    [
        ("instructions", "Be brief.", "Be brief."),
        ("instructions", "a\x00b\u202ec\r\nd\x1b[31m", "abc\nd[31m"),
        ("output_modalities", ["text"], ["text"]),
        ("output_modalities", ["text", "audio"], ["audio"]),
        ("max_output_tokens", 200, 200),
        ("max_output_tokens", 10**9, 4096),
        ("max_output_tokens", "inf", "inf"),
        ("tool_choice", {"type": "function", "name": "f"}, "required"),
        ("tracing", "auto", "auto"),
        (
            "truncation",
            {"type": "retention_ratio", "retention_ratio": 0.5},
            {"type": "retention_ratio", "retention_ratio": 0.5},
        ),
        ("prompt", {"id": "p"}, {"id": "p"}),
        (f"{OUT}.voice", "alloy", "alloy"),
        (f"{OUT}.voice", {"id": "voice_1"}, "voice_1"),
        (f"{OUT}.speed", 1.5, 1.5),
        (f"{OUT}.format", {"type": "audio/pcmu"}, {"type": "audio/pcmu"}),
        (f"{IN}.format", "g711_alaw", {"type": "audio/pcma"}),
        (f"{IN}.format", {"type": "audio/pcm"}, {"type": "audio/pcm", "rate": 24000}),
        (f"{IN}.noise_reduction", {"type": "far_field", "strength": 1}, {"type": "far_field"}),
        (f"{IN}.transcription", {"model": "m", "language": "de", "delay": 3}, {"model": "m", "language": "de"}),
        (f"{IN}.transcription", {"model": None, "prompt": None}, {"model": "whisper-1"}),
        (f"{IN}.transcription", None, None),
        (f"{IN}.turn_detection", None, None),
        ("empathy.acoustic", False, False),
    ],
)
def test_an_update_is_echoed_as_it_holds(path: str, given: Any, echoed: Any) -> None:
    assert at(merged(nested(path, given)).echo(), path) == echoed


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (f"{IN}.turn_detection", {"type": "server_vad", "threshold": 99}),
        (f"{IN}.turn_detection", {"type": "server_vad", "silence_duration_ms": -1}),
        (f"{IN}.turn_detection", {"type": "server_vad", "silence_duration_ms": 10**12}),
        (f"{IN}.turn_detection", {"type": "psychic"}),
        (f"{IN}.turn_detection", "server_vad"),
        (f"{IN}.turn_detection", []),
        (f"{IN}.format", {"type": "audio/pcm", "rate": 16000}),
        (f"{IN}.format", "flac"),
        (f"{IN}.transcription", "whisper-1"),
        (f"{OUT}.speed", 1e9),
        (f"{OUT}.speed", 0),
        (f"{OUT}.voice", 7),
        ("audio", 5),
        ("max_output_tokens", 0),
        ("max_output_tokens", "many"),
        ("output_modalities", []),
        ("output_modalities", ["smell"]),
        ("instructions", 5),
        ("instructions", "x" * 20_001),
        ("tools", [{"type": "function", "name": "../../x"}]),
        ("tools", [{"type": "mcp", "server_label": "x"}]),
        ("tools", [{"type": "function", "name": "f", "parameters": {"description": "x" * 10**6}}]),
        ("tools", [{"type": "function", "name": f"f{i}"} for i in range(200)]),
        ("empathy", {"mindreading": True}),
        ("type", "transcription"),
    ],
)
def test_a_bad_value_is_refused_by_its_path_and_nothing_of_the_update_holds(path: str, value: Any) -> None:
    wire = session()
    before = wire.echo()
    with pytest.raises(ProtocolError) as refused:
        wire.merge({**nested(path, value), "parallel_tool_calls": True}, "my_event")
    assert refused.value.event_id == "my_event"
    assert refused.value.param is not None
    assert refused.value.param.startswith(f"session.{path}")
    assert "'" not in refused.value.param
    assert len(refused.value.message) < 400
    assert wire.echo() == before


def test_objects_merge_key_by_key_and_null_clears() -> None:
    wire = merged(
        {"audio": {"input": {"turn_detection": {"type": "server_vad", "threshold": 0.7}}}},
        {"audio": {"input": {"turn_detection": {"silence_duration_ms": 900}}, "output": {"speed": 1.2}}},
        {"audio": {"output": {"speed": None}}, "instructions": None},
    )
    assert wire.config().turn_detection == ServerVad(threshold=0.7, silence_duration_ms=900)
    assert wire.config().speed == 1.0
    assert wire.config().instructions == ""


def test_another_kind_of_turn_detection_starts_from_its_own_defaults() -> None:
    wire = merged(
        {"audio": {"input": {"turn_detection": {"type": "semantic_vad", "create_response": False}}}},
        {"audio": {"input": {"turn_detection": {"type": "server_vad"}}}},
    )
    assert wire.config().turn_detection == ServerVad()


def test_turn_detection_comes_back_on_after_null() -> None:
    off: dict[str, Any] = {"audio": {"input": {"turn_detection": None}}}
    on: dict[str, Any] = {"audio": {"input": {"turn_detection": {"type": "semantic_vad", "eagerness": "high"}}}}
    assert merged(off).config().turn_detection is None
    assert merged(off, on).config().turn_detection == SemanticVad(eagerness="high")


def test_both_switches_of_turn_detection_are_echoed_and_no_optional_key_is_null() -> None:
    for kind in ("server_vad", "semantic_vad"):
        echoed = merged({"audio": {"input": {"turn_detection": {"type": kind}}}}).echo()["audio"]["input"]
        assert echoed["turn_detection"]["create_response"] is True
        assert echoed["turn_detection"]["interrupt_response"] is True
        assert None not in echoed["turn_detection"].values()


def test_the_echo_is_whole_and_of_the_published_shape() -> None:
    echoed = session(instructions="Be kind.", expires_at=1_800_000_000).echo()
    event = SessionUpdatedEvent.model_validate({"type": "session.updated", "event_id": "e", "session": echoed})
    assert event.session.type == "realtime"
    assert set(echoed) >= {"id", "object", "model", "audio", "tools", "tool_choice", "max_output_tokens", "tracing"}
    assert isinstance(echoed["audio"]["output"]["voice"], str)
    assert isinstance(echoed["expires_at"], int)


def test_the_voice_is_fixed_once_it_has_sounded() -> None:
    wire = merged({"audio": {"output": {"voice": "echo"}}})
    wire.voice_is_fixed = True
    wire.merge({"audio": {"output": {"voice": "echo", "speed": 0.9}}})
    with pytest.raises(ProtocolError, match="voice cannot change"):
        wire.merge({"audio": {"output": {"voice": "nova"}}})
    assert wire.config().voice == "echo"


def test_the_model_stays_and_unknown_fields_are_ignored() -> None:
    wire = merged({"type": "realtime", "model": "gpt-realtime-9", "from_the_future": {"a": 1}, "temperature": 0.8})
    assert wire.echo()["model"] == "affetto"
    assert "from_the_future" not in wire.echo()


def test_flat_fields_of_the_beta_are_taken() -> None:
    wire = merged(
        {
            "modalities": ["audio", "text"],
            "voice": "shimmer",
            "input_audio_format": "g711_ulaw",
            "output_audio_format": "pcm16",
            "input_audio_transcription": {"model": "whisper-1"},
            "turn_detection": {"type": "server_vad", "silence_duration_ms": 700},
            "max_response_output_tokens": 50,
        }
    )
    config = wire.config()
    assert config.output_modality == "audio"
    assert config.voice == "shimmer"
    assert config.max_output_tokens == 50
    assert config.turn_detection == ServerVad(silence_duration_ms=700)
    assert flattened(wire.echo())["input_audio_format"] == "g711_ulaw"


def test_where_flat_and_nested_disagree_nested_holds() -> None:
    patch = {"voice": "flat", "audio": {"output": {"voice": "nested"}}}
    assert merged(patch).config().voice == "nested"


def test_an_update_with_all_the_nulls_of_livekit_is_taken() -> None:
    wire = merged(
        {
            "type": "realtime",
            "tools": None,
            "instructions": None,
            "tool_choice": None,
            "output_modalities": None,
            "max_output_tokens": None,
            "tracing": None,
            "truncation": None,
            "prompt": None,
            "include": None,
            "audio": {
                "input": {"format": None, "transcription": None, "noise_reduction": None, "turn_detection": None},
                "output": {"voice": None, "speed": None, "format": None},
            },
        }
    )
    assert wire.config().turn_detection is None
    assert wire.echo()["audio"]["output"]["voice"] == "default"


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4)
    | st.dictionaries(
        st.sampled_from(
            ["type", "audio", "input", "output", "turn_detection", "transcription", "format", "voice", "speed", "tools",
             "empathy", "instructions", "threshold", "eagerness", "modalities", "max_output_tokens", "__proto__"]
        ),
        inner,
        max_size=5,
    ),
    max_leaves=12,
)  # fmt: skip


@given(
    st.dictionaries(st.text(max_size=12) | st.sampled_from(["audio", "tools", "empathy", "voice"]), _JSON, max_size=5)
)
def test_no_update_can_do_more_than_be_refused(patch: dict[str, Any]) -> None:
    wire = session()
    try:
        wire.merge(patch)
    except ProtocolError as error:
        error.message.encode()
    echoed = wire.echo()
    SessionUpdatedEvent.model_validate({"type": "session.updated", "event_id": "e", "session": echoed})
    assert len(json.dumps(echoed).encode()) < 256 * 1024
    wire.config()


@given(st.dictionaries(st.text(max_size=12), _JSON, max_size=5))
def test_lifting_touches_nothing_but_flat_fields(patch: dict[str, Any]) -> None:
    before = json.dumps(patch, sort_keys=True)
    lifted(patch)
    assert json.dumps(patch, sort_keys=True) == before


def test_what_the_operator_withholds_stays_off_and_the_session_says_so() -> None:
    wire = session(withheld={"age", "acoustic"})
    assert wire.echo()["empathy"]["acoustic"] is False
    wire.merge({"empathy": {"age": True, "gender": True, "acoustic": True}})
    echoed = wire.echo()["empathy"]
    assert (echoed["acoustic"], echoed["age"], echoed["gender"]) == (False, False, True)
    assert wire.config().empathy.age is False
