"""Trains a LoRA adapter (Hu et al. 2021) for a chat model on the corpus, with torch and peft; on a GPU if there is one.

The base weights are read out of the very GGUF file that llama.cpp runs, dequantised, so no hub is needed and the
adapter learns to live with the quantisation. The loss is of the assistant's tokens only.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from peft import LoraConfig, get_peft_model, get_peft_model_state_dict
from transformers import AutoModelForCausalLM, AutoTokenizer

from . import adapter_gguf
from .adapter_text import Lesson, Piece

LAYERS = [name.split(".")[1] for name in adapter_gguf.NAMES]
IGNORED = -100
"""The label that torch's cross entropy leaves out."""
WARM_UP_SHARE = 0.05
LONGEST_TOKENS = 1024
Report = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Plan:
    """How to train. `alpha` is twice the rank, as is usual; `batch` counts dialogues a step."""

    rank: int = 8
    epochs: float = 2.0
    rate: float = 2e-4
    batch: int = 8
    seed: int = 0

    @property
    def alpha(self) -> int:
        return 2 * self.rank


@dataclass(frozen=True, slots=True)
class Tokens:
    """One dialogue: token ids, and the same with `IGNORED` where nothing is learnt."""

    ids: list[int]
    labels: list[int]


class Trainee:
    """A base model with a fresh adapter on all its linear layers."""

    def __init__(self, model: Any, tokenizer: Any, plan: Plan) -> None:
        torch.manual_seed(plan.seed)
        self._plan = plan
        self._tokenizer = tokenizer
        self._device = "cuda" if torch.cuda.is_available() else "cpu"
        config = LoraConfig(
            r=plan.rank, lora_alpha=plan.alpha, target_modules=LAYERS, lora_dropout=0.0, task_type="CAUSAL_LM"
        )
        self.model = get_peft_model(model, config).to(self._device)

    @classmethod
    def from_gguf(cls, file: Path, plan: Plan) -> Trainee:
        """Read base and tokenizer out of a quantised GGUF file."""
        given = {"pretrained_model_name_or_path": file.parent, "gguf_file": file.name}
        model = AutoModelForCausalLM.from_pretrained(**given, dtype=torch.float32)
        return cls(model, AutoTokenizer.from_pretrained(**given), plan)

    def tokens(self, pieces: Sequence[Piece]) -> Tokens:
        """A dialogue's tokens, the beginning of too long ones."""
        ids: list[int] = []
        labels: list[int] = []
        for piece in pieces:
            new = self._tokenizer(piece.text, add_special_tokens=False)["input_ids"]
            ids += new
            labels += new if piece.learnt else [IGNORED] * len(new)
        return Tokens(ids[:LONGEST_TOKENS], labels[:LONGEST_TOKENS])

    def fit(self, lessons: Sequence[Lesson], report: Report) -> None:
        """Train: AdamW, linear warm-up, then down to nothing by a cosine."""
        plan, model = self._plan, self.model
        dialogues = [self.tokens(lesson.pieces) for lesson in lessons]
        steps = max(1, math.ceil(plan.epochs * len(dialogues) / plan.batch))
        optimizer = torch.optim.AdamW((p for p in model.parameters() if p.requires_grad), lr=plan.rate)
        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: _rate(step, steps))
        model.train()
        for step, batch in enumerate(_batches(dialogues, plan, steps)):
            learnt = sum(label != IGNORED for tokens in batch for label in tokens.labels[1:])
            total = 0.0
            for tokens in batch:
                loss = self._losses(tokens, "sum") / learnt
                loss.backward()
                total += loss.item()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            optimizer.zero_grad()
            report(f"step {step + 1} of {steps}: loss {total:.3f}")

    def loss(self, lessons: Sequence[Lesson]) -> float:
        """Mean negative log likelihood of the learnt tokens, in nats."""
        likelihoods = [value for lesson in lessons for value in self.likelihoods(self.tokens(lesson.pieces))]
        return -sum(likelihoods) / max(1, len(likelihoods))

    def likelihoods(self, tokens: Tokens) -> list[float]:
        """Log likelihood of each learnt token, in order."""
        self.model.eval()
        with torch.no_grad():
            losses = self._losses(tokens, "none").tolist()
        return [-loss for loss, label in zip(losses, tokens.labels[1:], strict=True) if label != IGNORED]

    def export(self, path: Path) -> None:
        """Write the adapter as llama.cpp's GGUF."""
        config = self.model.config
        base = adapter_gguf.Architecture(config.model_type, config.num_attention_heads, config.num_key_value_heads)
        adapter_gguf.write(path, self.weights(), base, self._plan.alpha)

    def weights(self) -> dict[str, adapter_gguf.Floats]:
        """The adapter's matrices by peft's names."""
        state = get_peft_model_state_dict(self.model)
        return {name: np.asarray(value.detach().float().cpu().numpy()) for name, value in state.items()}

    def _losses(self, tokens: Tokens, reduction: str) -> Any:
        ids = torch.tensor([tokens.ids], device=self._device)
        labels = torch.tensor(tokens.labels[1:], device=self._device)
        logits = self.model(input_ids=ids).logits[0, :-1].float()
        return torch.nn.functional.cross_entropy(logits, labels, ignore_index=IGNORED, reduction=reduction)


def _batches(dialogues: Sequence[Tokens], plan: Plan, steps: int) -> Iterator[list[Tokens]]:
    """`steps` batches; each pass over the dialogues in another order."""
    rng = random.Random(plan.seed)
    queue: list[Tokens] = []
    for _ in range(steps):
        while len(queue) < min(plan.batch, len(dialogues)):
            queue += rng.sample(dialogues, len(dialogues))
        yield queue[: plan.batch]
        queue = queue[plan.batch :]


def _rate(step: int, steps: int) -> float:
    warm = max(1, round(WARM_UP_SHARE * steps))
    if step < warm:
        return (step + 1) / warm
    return 0.5 * (1 + math.cos(math.pi * (step - warm) / max(1, steps - warm)))
