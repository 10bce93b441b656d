"""Training an adapter: what is learnt, that it is learnt, and that the file says it in llama.cpp's order."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from affetto.models.base import Cues, PastTurn, Situation
from affetto.models.labels import VoiceStyle
from affetto.pipelines.duplex.making import plain_appraisal
from affetto.pipelines.training import adapter_gguf
from affetto.pipelines.training.adapter_gguf import Architecture
from affetto.pipelines.training.adapter_text import Lesson, Piece, lessons
from affetto.pipelines.training.corpus import Example
from affetto.pipelines.training.split import is_held_out

PLAN = plain_appraisal()
QUIET = Cues(style=(VoiceStyle.QUIET,))
LLAMA = Architecture("llama", heads=4, key_heads=2)


def talk(name: str, turns: int) -> list[Example]:
    past: tuple[PastTurn, ...] = ()
    made = []
    for index in range(turns):
        made.append(Example(name, Situation(f"said {index}", QUIET, past), PLAN, f"reply {index}"))
        past += (PastTurn(f"said {index}", QUIET, PLAN, f"reply {index}"),)
    return made


def names(held_out: bool, count: int) -> list[str]:
    return [name for name in (f"story-{i}" for i in range(1000)) if is_held_out(name) is held_out][:count]


def test_every_reply_of_a_dialogue_is_learnt_with_its_line_and_nothing_else() -> None:
    (name,) = names(True, 1)
    (lesson,) = lessons(talk(name, 3), held_out=True)
    learnt = [piece.text for piece in lesson.pieces if piece.learnt]
    assert learnt == [f"[neutral 0; be heard; paraphrasing; warm]\nreply {i}<|im_end|>" for i in range(3)]
    text = "".join(piece.text for piece in lesson.pieces)
    assert text.startswith("<|im_start|>system\nYou are a warm, attentive listener")
    assert "<|im_start|>user\n(voice: quiet)\nsaid 1<|im_end|>\n<|im_start|>assistant\n[" in text


def test_each_side_of_the_split_has_its_own_dialogues_and_some_training_turns_are_unheard() -> None:
    every = [example for side in (True, False) for name in names(side, 60) for example in talk(name, 1)]
    held, trained = list(lessons(every, held_out=True)), list(lessons(every, held_out=False))
    assert {lesson.dialogue for lesson in held} == set(names(True, 60))
    assert {lesson.dialogue for lesson in trained} == set(names(False, 60))
    heard = ["(voice:" in piece.text for lesson in trained for piece in lesson.pieces if "said" in piece.text]
    assert 0 < heard.count(False) < 20
    assert all("(voice:" in piece.text for lesson in held for piece in lesson.pieces if "said" in piece.text)


def test_rows_of_queries_are_reordered_for_llama_alone() -> None:
    rows = np.arange(8, dtype=np.float32)[:, None]
    name = "base_model.model.model.layers.3.self_attn.q_proj.lora_B.weight"
    llama = adapter_gguf.convert({name: rows}, Architecture("llama", 2, 1))
    qwen = adapter_gguf.convert({name: rows}, Architecture("qwen2", 2, 1))
    assert llama["blk.3.attn_q.weight.lora_b"].ravel().tolist() == [0, 2, 1, 3, 4, 6, 5, 7]
    assert qwen["blk.3.attn_q.weight.lora_b"].ravel().tolist() == list(range(8))


def test_a_weight_without_a_place_is_refused() -> None:
    with pytest.raises(ValueError, match="no place"):
        adapter_gguf.convert({"model.embed_tokens.lora_A.weight": np.zeros((2, 2), np.float32)}, LLAMA)


class Letters:
    """A tokenizer: a token a letter."""

    def __call__(self, text: str, *, add_special_tokens: bool) -> dict[str, list[int]]:
        return {"input_ids": [ord(letter) % 64 for letter in text]}


@pytest.fixture
def tiny() -> Any:
    pytest.importorskip("peft", reason="needs the extra train")
    transformers = pytest.importorskip("transformers", reason="needs the extra train")
    config = transformers.LlamaConfig(
        vocab_size=64, hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2,
    )  # fmt: skip
    return transformers.LlamaForCausalLM(config)


@pytest.mark.filterwarnings("ignore")
def test_a_tiny_model_learns_the_replies_and_its_file_holds_what_it_learnt(tiny: Any, tmp_path: Path) -> None:
    gguf = pytest.importorskip("gguf", reason="needs the extra train")
    from affetto.pipelines.training.adapter import IGNORED, Plan, Trainee

    pupils = [Lesson(str(i), (Piece("ask", learnt=False), Piece("answer", learnt=True))) for i in range(8)]
    trainee = Trainee(tiny, Letters(), Plan(rank=4, epochs=40, rate=2e-2, batch=4))
    tokens = trainee.tokens(pupils[0].pieces)
    assert [label == IGNORED for label in tokens.labels] == [True] * 3 + [False] * 6
    before = trainee.loss(pupils)
    told: list[str] = []
    trainee.fit(pupils, told.append)
    assert trainee.loss(pupils) < before - 0.3
    assert len(told) == 80

    trainee.export(tmp_path / "tiny.gguf")
    read = {t.name: t.data for t in gguf.GGUFReader(tmp_path / "tiny.gguf").tensors}
    assert len(read) == 2 * 7 * 2
    for name, weight in adapter_gguf.convert(trainee.weights(), LLAMA).items():
        np.testing.assert_allclose(read[name], weight, atol=2e-3)
