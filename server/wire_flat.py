"""The beta dialect's flat session fields, put where the GA dialect has them. Pure."""

from __future__ import annotations

from typing import Any

FLAT: dict[str, tuple[str, ...]] = {
    "modalities": ("output_modalities",),
    "voice": ("audio", "output", "voice"),
    "speed": ("audio", "output", "speed"),
    "output_audio_format": ("audio", "output", "format"),
    "input_audio_format": ("audio", "input", "format"),
    "input_audio_transcription": ("audio", "input", "transcription"),
    "input_audio_noise_reduction": ("audio", "input", "noise_reduction"),
    "turn_detection": ("audio", "input", "turn_detection"),
    "max_response_output_tokens": ("max_output_tokens",),
}
"""Flat name -> path in the GA session."""


def lifted(patch: dict[str, Any]) -> dict[str, Any]:
    """An update with its flat fields in their GA places; where both are given, the GA one holds."""
    flat = {key: patch[key] for key in FLAT if key in patch}
    if not flat:
        return patch
    result = {key: value for key, value in patch.items() if key not in flat}
    for key, value in flat.items():
        _put(result, FLAT[key], value)
    return result


def flattened(session: dict[str, Any]) -> dict[str, Any]:
    """A GA session as beta clients know it."""
    audio = session["audio"]
    names = {"audio/pcm": "pcm16", "audio/pcmu": "g711_ulaw", "audio/pcma": "g711_alaw"}
    modalities = session["output_modalities"]
    kept = {key: value for key, value in session.items() if key not in ("audio", "output_modalities", "type")}
    return {
        **kept,
        "modalities": ["text", "audio"] if "audio" in modalities else ["text"],
        "voice": audio["output"]["voice"],
        "speed": audio["output"]["speed"],
        "input_audio_format": names[audio["input"]["format"]["type"]],
        "output_audio_format": names[audio["output"]["format"]["type"]],
        "input_audio_transcription": audio["input"]["transcription"],
        "input_audio_noise_reduction": audio["input"]["noise_reduction"],
        "turn_detection": audio["input"]["turn_detection"],
        "max_response_output_tokens": session["max_output_tokens"],
    }


def _put(target: dict[str, Any], path: tuple[str, ...], value: object) -> None:
    """Set a nested key unless it is set; what is in the way and no object is left to validation."""
    *parents, last = path
    for parent in parents:
        inner = target.get(parent)
        if inner is not None and not isinstance(inner, dict):
            return
        target[parent] = target = dict(inner or {})
    target.setdefault(last, value)
