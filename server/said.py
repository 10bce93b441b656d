"""A session's events as they wait for its client: numbered text that knows whose audio it holds."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence

from ..pipelines.duplex import outputs as out
from .outbox import Said
from .resumption import number_of
from .wire_response import Event


def encoded(events: Sequence[Event], output: out.Output | None = None) -> Iterator[Said]:
    """The events that an output became; its audio is spread evenly over them."""
    item_id, audio_ms = "", 0.0
    if isinstance(output, out.ResponseAudio) and events:
        item_id, audio_ms = output.item_id, len(output.samples) / output.rate_hz * 1000 / len(events)
    for event in events:
        yield Said(number_of(event), json.dumps(event), item_id, audio_ms)


def audio_ms(said: Iterable[Said]) -> dict[str, float]:
    """Milliseconds of audio in these events, by item."""
    found: dict[str, float] = {}
    for event in said:
        if event.audio_ms:
            found[event.item_id] = found.get(event.item_id, 0.0) + event.audio_ms
    return found
