"""Coqui XTTS as it is, loaded and streaming: the real code on a small model with random weights (extra `coqui`)."""

from __future__ import annotations

import asyncio
import json
import string
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from affetto.models.base import Speech, Style
from affetto.models.errors import Failed, Unavailable
from affetto.models.store import Store

pytest.importorskip("torch", reason="needs the extra coqui")
pytest.importorskip("TTS", reason="needs the extra coqui", exc_type=ImportError)

import soundfile
import torch
from TTS.tts.configs.xtts_config import XttsConfig
from TTS.tts.models.xtts import Xtts

from affetto.models.tts.coqui import Coqui, Options

# Warnings that XTTS draws from the libraries below it are not ours to mend.
pytestmark = [pytest.mark.models, pytest.mark.filterwarnings("ignore")]

SYMBOLS = ["[UNK]", "[START]", "[STOP]", "[SPACE]", "[en]", *string.ascii_lowercase, *"',.?!"]
SMALL = {
    "gpt_layers": 1, "gpt_n_model_channels": 64, "gpt_n_heads": 2, "decoder_input_dim": 64,
    "gpt_max_audio_tokens": 30, "gpt_max_text_tokens": 300, "gpt_max_prompt_tokens": 70,
    "gpt_number_text_tokens": len(SYMBOLS), "gpt_start_text_token": 1, "gpt_stop_text_token": 2,
    "gpt_num_audio_tokens": 34, "gpt_start_audio_token": 32, "gpt_stop_audio_token": 33,
    "gpt_use_perceiver_resampler": True,
}  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as XTTS-v2's is: its own code made it, only smaller."""
    made = tmp_path_factory.mktemp("xtts")
    torch.manual_seed(1)
    config = XttsConfig()
    for name, value in SMALL.items():
        setattr(config.model_args, name, value)
    model = Xtts(config)
    config.save_json(str(made / "config.json"))
    torch.save({"model": model.state_dict()}, made / "model.pth")
    torch.save({"Ana Florence": _speaker()}, made / "speakers_xtts.pth")
    unlike = dict.fromkeys(("single_word", "lstrip", "rstrip", "normalized"), False)
    special = [{"id": i, "content": symbol, "special": True, **unlike} for i, symbol in enumerate(SYMBOLS[:5])]
    tokenizer = {
        "version": "1.0", "truncation": None, "padding": None, "added_tokens": special, "normalizer": None,
        "pre_tokenizer": {"type": "Whitespace"}, "post_processor": None, "decoder": None,
        "model": {"type": "BPE", "unk_token": "[UNK]", "vocab": {s: i for i, s in enumerate(SYMBOLS)}, "merges": []},
    }  # fmt: skip
    (made / "vocab.json").write_text(json.dumps(tokenizer))
    return made


def _speaker() -> dict[str, Any]:
    return {"gpt_cond_latent": torch.randn(1, 32, 64), "speaker_embedding": torch.randn(1, 512, 1)}


def loaded(folder: Path, **options: Any) -> Coqui:
    return Coqui(Options(folder=str(folder), device="cpu", chunk_tokens=4, **options), Store())


def spoken(coqui: Coqui, text: str, voice: str = "default", style: Style = Style()) -> list[Speech]:  # noqa: B008 (frozen)
    async def all_of_it() -> list[Speech]:
        return [piece async for piece in coqui.stream(text, voice=voice, style=style)]

    return asyncio.run(all_of_it())


def test_a_phrase_comes_in_pieces(folder: Path) -> None:
    coqui = loaded(folder)
    pieces = spoken(coqui, "Oh, that hurts. <b>Tell</b> me more. 😀")
    assert coqui.rate_hz == 24_000
    assert coqui.voices == ("Ana Florence", "default")
    assert len(pieces) > 1
    assert all(piece.samples.dtype == np.int16 and piece.rate_hz == 24_000 for piece in pieces)
    assert sum(len(piece.samples) for piece in pieces) > 4000
    assert spoken(coqui, "😀 ...") == []


def test_rate_and_loudness_are_set_upon_it(folder: Path) -> None:
    coqui = loaded(folder)

    def length(rate: float) -> float:
        torch.manual_seed(3)
        return sum(len(piece.samples) for piece in spoken(coqui, "Oh, that hurts.", style=Style(rate=rate)))

    assert length(2.0) < 0.8 * length(1.0)


def test_voices_come_from_recordings(folder: Path, tmp_path: Path) -> None:
    sound = 0.3 * np.sin(2 * np.pi * 160 * np.arange(3 * 22_050) / 22_050)
    soundfile.write(tmp_path / "me.wav", sound, 22_050)
    coqui = loaded(folder, references={"me": (str(tmp_path / "me.wav"),)}, voice="me")
    assert spoken(coqui, "Hello.", voice="me")
    with pytest.raises(Failed, match="no voice 'nobody'"):
        spoken(coqui, "Hello.", voice="nobody")


def test_what_is_missing_is_told_with_the_licence(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="non-commercial use only"):
        loaded(tmp_path)
    with pytest.raises(Unavailable, match="no voice 'Bo'; there are Ana Florence"):
        loaded(folder, voice="Bo")
    with pytest.raises(Unavailable, match=r"'me' are not there: nowhere\.wav"):
        loaded(folder, references={"me": ("nowhere.wav",)})


def test_weights_of_another_shape_are_told(folder: Path, tmp_path: Path) -> None:
    for name in ("config.json", "vocab.json"):
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    torch.save({"model": {"gpt.nothing": torch.zeros(1)}}, tmp_path / "model.pth")
    with pytest.raises(Unavailable, match="cannot be loaded on cpu"):
        loaded(tmp_path)
