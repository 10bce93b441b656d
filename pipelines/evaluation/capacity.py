"""How many machines so many conversations need, what they cost, and what gives way first.

Everything is a setting of `Talk`, `Figures` or `Prices`. Stages are simulated in cells (each with lines of its own, as
a cluster of a thousand nodes is run in parts anyway) and multiplied; the rest is arithmetic.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from functools import cache
from math import ceil
from typing import Any

from .queueing import servers_for

CELL_SESSIONS = 10_000
SERIES = (100, 1_000, 10_000, 100_000, 1_000_000)
ON_MACHINES = ("recognition", "cues", "appraisal", "speech", "gateway")


@dataclass(frozen=True, slots=True)
class Talk:
    """A turn of a conversation, in seconds: the person speaks, both are silent, we speak."""

    speech_s: float = 5.0
    silence_s: float = 4.0
    reply_s: float = 6.0
    decodes: float = 3.0
    """Calls of the recogniser a turn: looks at what was said so far, and the last one."""
    phrases: float = 2.0
    """Phrases of a reply, each one call of the synthesizer; openers are ready."""
    tokens: float = 45.0
    """Tokens that the language model writes a turn."""
    wasted: float = 1.3
    """Replies begun for each that is heard: some are begun too early."""

    @property
    def turn_s(self) -> float:
        return self.speech_s + self.silence_s + self.reply_s


@dataclass(frozen=True, slots=True)
class Figures:
    """Core seconds of work, and other limits. The first group is measured (docs/scaling.md says by which command), the
    second follows from the protocol or is assumed."""

    recognition_base_s: float = 0.10
    """One call of the recogniser, whatever is in it (the decoder's reading of its weights)."""
    recognition_each_s: float = 0.089
    """More of it for each utterance in the batch (encoder and decoder)."""
    recognition_batch: int = 8
    cues_s: float = 0.02
    """A turn."""
    appraisal_s: float = 0.003
    speech_rtf: float = 0.46
    """Core seconds a second of speech."""
    session_core: float = 0.004
    """Cores of a gateway a session: sockets, voice activity, pacing."""
    state_bytes: float = 40_000
    """Of the row that a session writes after each turn."""

    up_bps: float = 530_000
    """24 kHz PCM in JSON, all the time."""
    down_bps: float = 530_000
    """The same while we speak."""
    tokens_per_s: float = 4_000
    """Of one GPU with vLLM and a model of 7-8 billion parameters, many requests at once. Assumed."""
    row_writes_per_s: float = 8_000
    """Of one PostgreSQL. Assumed."""
    proxy_bps: float = 20e9
    """Through one proxy. Assumed."""
    machine_bps: float = 20e9
    """Through one machine's network. Assumed."""
    cluster_machines: float = 1_000
    """Nodes of one Ray cluster. Assumed."""
    cores: int = 32
    """Of a machine."""
    used: float = 0.7
    """Share of a machine's cores that is planned for: the rest is for peaks and for a machine that fails."""
    p95_s: float = 0.1
    """Longest wait before a stage, for 95 of 100 calls."""


@dataclass(frozen=True, slots=True)
class Prices:
    """An hour, in any one currency. Assumed: ask your own provider."""

    machine: float = 1.2
    gpu: float = 2.5
    gigabyte: float = 0.02
    """Sent to clients."""


def plan(
    sessions: int, talk: Talk | None = None, figures: Figures | None = None, prices: Prices | None = None
) -> dict[str, Any]:
    """Cores a stage, machines, GPUs, cost an hour in all and a session."""
    talk, figures, prices = talk or Talk(), figures or Figures(), prices or Prices()
    cores = _cores(sessions, talk, figures)
    by_cores = sum(cores.values()) / figures.cores / figures.used
    by_network = _bps(talk, figures) * sessions / figures.machine_bps
    machines = ceil(max(by_cores, by_network))
    gpus = ceil(sessions * _tokens(talk) / figures.tokens_per_s / figures.used)
    sent_gb = sessions * figures.down_bps * talk.reply_s / talk.turn_s / 8 * 3600 / 1e9
    cost = machines * prices.machine + gpus * prices.gpu + sent_gb * prices.gigabyte
    return {
        "sessions": sessions,
        "turns_per_s": round(sessions / talk.turn_s, 1),
        "cores": {name: round(count, 1) for name, count in cores.items()},
        "machines": machines,
        "gpus": gpus,
        "gbit_per_s": round(sessions * _bps(talk, figures) / 1e9, 2),
        "rows_per_s": round(sessions / talk.turn_s),
        "cost_per_h": round(cost, 2),
        "cost_per_session_h": round(cost / sessions, 4),
    }


def limits(talk: Talk | None = None, figures: Figures | None = None) -> dict[str, int]:
    """Sessions at which each part that there is one of is full, the first to give way first."""
    talk, figures = talk or Talk(), figures or Figures()
    cores = sum(_cores(CELL_SESSIONS, talk, figures).values()) / CELL_SESSIONS
    found = {
        "one machine": figures.cores * figures.used / cores,
        "one GPU for the language model": figures.tokens_per_s * figures.used / _tokens(talk),
        "one proxy": figures.proxy_bps / _bps(talk, figures),
        "one PostgreSQL for sessions": figures.row_writes_per_s * talk.turn_s,
        "one Ray cluster": figures.cluster_machines * figures.cores * figures.used / cores,
    }
    return {name: int(count) for name, count in sorted(found.items(), key=lambda pair: pair[1])}


def measured(speed: Mapping[str, Mapping[str, float]], figures: Figures, *, threads: int) -> Figures:
    """Figures with what `affetto doctor --json` measured of the stages; `threads` is how many cores a call takes."""
    taken: dict[str, Any] = {}
    if "ms" in speed.get("cues", {}):
        taken["cues_s"] = speed["cues"]["ms"] / 1000
    if "ms" in speed.get("appraiser", {}):
        taken["appraisal_s"] = speed["appraiser"]["ms"] / 1000
    if "rtf" in speed.get("tts", {}):
        taken["speech_rtf"] = speed["tts"]["rtf"] * threads
    if "ms" in speed.get("asr", {}):
        scale = speed["asr"]["ms"] / 1000 * threads / (figures.recognition_base_s + figures.recognition_each_s)
        taken["recognition_base_s"] = figures.recognition_base_s * scale
        taken["recognition_each_s"] = figures.recognition_each_s * scale
    return replace(figures, **taken)


def changed(given: Mapping[str, float], talk: Talk, figures: Figures, prices: Prices) -> tuple[Talk, Figures, Prices]:
    """With other values for some settings. Raises KeyError for a name that none of them has."""
    groups: list[Any] = [talk, figures, prices]
    for name, value in given.items():
        at = next((i for i, group in enumerate(groups) if name in names(group)), None)
        if at is None:
            raise KeyError(name)
        kind = type(getattr(groups[at], name))
        groups[at] = replace(groups[at], **{name: kind(value)})
    return groups[0], groups[1], groups[2]


def names(group: Any) -> list[str]:
    return [field.name for field in fields(group)]


def _cores(sessions: int, talk: Talk, figures: Figures) -> dict[str, float]:
    cells, rest = divmod(sessions, CELL_SESSIONS)
    whole = _cell(CELL_SESSIONS, talk, figures) if cells else {}
    part = _cell(rest, talk, figures) if rest else {}
    return {name: cells * whole.get(name, 0.0) + part.get(name, 0.0) for name in ON_MACHINES}


@cache
def _cell(sessions: int, talk: Talk, figures: Figures) -> dict[str, float]:
    """Cores that each stage of one cell needs, one core a replica."""
    turns = sessions / talk.turn_s

    def needed(rate: float, service_s: float) -> float:
        return servers_for(rate, lambda _: service_s, batch=1, p95_s=figures.p95_s)

    def recognized(count: int) -> float:
        return figures.recognition_base_s + count * figures.recognition_each_s

    decodes = turns * talk.decodes
    return {
        "recognition": servers_for(decodes, recognized, batch=figures.recognition_batch, p95_s=figures.p95_s),
        "cues": needed(decodes, figures.cues_s),
        "appraisal": needed(turns * talk.wasted, figures.appraisal_s),
        "speech": needed(turns * talk.wasted * talk.phrases, figures.speech_rtf * talk.reply_s / talk.phrases),
        "gateway": sessions * figures.session_core,
    }


def _bps(talk: Talk, figures: Figures) -> float:
    return figures.up_bps + figures.down_bps * talk.reply_s / talk.turn_s


def _tokens(talk: Talk) -> float:
    """Tokens a second that one session has written for it."""
    return talk.tokens * talk.wasted / talk.turn_s
