"""Whether llama.cpp, with a GGUF adapter, finds the same words likely as torch did: the proof of an export.

llama.cpp's server tells the likeliest next tokens of a prompt. So the learnt tokens of a dialogue are asked for one
by one, each after all that went before it; the prefix cache makes that one token's work each.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx

from ...models.llm.llama_server import ServerConfig, serve
from .adapter import IGNORED, Tokens

LIKELIEST = 400
"""Next tokens that are asked for; a rarer one is left out of the comparison, on both sides."""
TIMEOUT_S = 120.0


@dataclass(frozen=True, slots=True)
class Comparison:
    """Mean negative log likelihoods, in nats, of the same tokens; `left_out` were too unlikely to be listed.

    `apart` is the mean distance of the two, token by token: it tells a wrong order of rows, which means hardly do.
    """

    torch: float
    llama_cpp: float
    apart: float
    tokens: int
    left_out: int


def compare(base: Path, adapter: Path | None, told: Sequence[tuple[Tokens, Sequence[float]]]) -> Comparison:
    """Dialogues with torch's log likelihoods of their learnt tokens, against what llama.cpp makes of them."""
    ours: list[float] = []
    theirs: list[float] = []
    left_out = 0
    server = serve(_config(base, adapter))
    with httpx.Client(base_url=server.listening_address, timeout=TIMEOUT_S, trust_env=False) as client:
        for tokens, expected in told:
            for position, likelihood in zip(_learnt(tokens), expected, strict=True):
                found = _ask(client, tokens.ids[:position], tokens.ids[position])
                if found is None:
                    left_out += 1
                else:
                    ours.append(-likelihood)
                    theirs.append(-found)
    count = max(1, len(ours))
    apart = sum(abs(a - b) for a, b in zip(ours, theirs, strict=True))
    return Comparison(sum(ours) / count, sum(theirs) / count, apart / count, len(ours), left_out)


def _learnt(tokens: Tokens) -> Iterator[int]:
    return (index for index, label in enumerate(tokens.labels) if index and label != IGNORED)


def _ask(client: httpx.Client, prompt: list[int], wanted: int) -> float | None:
    body = {"prompt": prompt, "n_predict": 1, "n_probs": LIKELIEST, "temperature": 0.0, "cache_prompt": True}
    answer = client.post("/completion", json=body).raise_for_status().json()
    likely = answer["completion_probabilities"][0]["top_logprobs"]
    return next((float(token["logprob"]) for token in likely if token["id"] == wanted), None)


def _config(base: Path, adapter: Path | None) -> ServerConfig:
    return ServerConfig(
        model=str(base),
        lora=str(adapter) if adapter else None,
        lora_scale=1.0,
        context_tokens=2048,
        slots=1,
        threads=2,
        cache_ram_mib=0,
        api_key="",
    )
