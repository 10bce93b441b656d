"""A LoRA adapter as the GGUF file that llama.cpp loads.

The file holds, for each adapted matrix W, `lora_a` [rank, in] and `lora_b` [out, rank] under the name that W has in
the base model's file. llama.cpp's converter reorders the rows of the query and key matrices of the "llama"
architecture (interleaved rotary pairs instead of two halves), so the rows of their `lora_b` are reordered, too;
"qwen2" keeps the order that torch has.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

NAMES = {
    "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output", "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}  # fmt: skip
_WEIGHT = re.compile(r"layers\.(\d+)\.(\w+\.\w+)\.lora_([AB])(?:\.\w+)?\.weight$")


@dataclass(frozen=True, slots=True)
class Architecture:
    """What the file must know of the base model; `name` as llama.cpp has it ("llama", "qwen2")."""

    name: str
    heads: int
    key_heads: int


def convert(weights: Mapping[str, Floats], base: Architecture) -> dict[str, Floats]:
    """peft's weights under llama.cpp's names, rows in its order.

    Raises:
        ValueError: a weight is not of a layer that llama.cpp's loader knows.
    """
    converted = {}
    for name, weight in weights.items():
        found = _WEIGHT.search(name)
        if found is None or found[2] not in NAMES:
            raise ValueError(f"there is no place in a GGUF adapter for {name!r}")
        layer, part, side = found.groups()
        if side == "B" and base.name == "llama" and part in ("self_attn.q_proj", "self_attn.k_proj"):
            weight = interleaved(weight, base.heads if part == "self_attn.q_proj" else base.key_heads)
        converted[f"blk.{layer}.{NAMES[part]}.weight.lora_{side.lower()}"] = np.ascontiguousarray(weight, np.float32)
    return converted


def interleaved(weight: Floats, heads: int) -> Floats:
    """Rows [heads, 2, half] as [heads, half, 2]: what llama.cpp's converter does to queries and keys."""
    rows, columns = weight.shape
    return weight.reshape(heads, 2, rows // heads // 2, columns).swapaxes(1, 2).reshape(rows, columns)


def write(path: Path, weights: Mapping[str, Floats], base: Architecture, alpha: float) -> None:
    """Write the file: half precision, which is finer than the quantised base."""
    import gguf

    writer = gguf.GGUFWriter(path, base.name)
    writer.add_type("adapter")
    writer.add_string("adapter.type", "lora")
    writer.add_float32("adapter.lora.alpha", alpha)
    for name, weight in convert(weights, base).items():
        writer.add_tensor(name, weight.astype(np.float16))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
