"""A BERT encoder from its published safetensors, built for CTranslate2 with 8-bit weights: no torch, no export step."""

from __future__ import annotations

import json
import struct
import tempfile
from pathlib import Path

import ctranslate2
import numpy as np
from ctranslate2.converters import utils
from ctranslate2.specs import common_spec, transformer_spec
from numpy.typing import NDArray

EPSILON = 1e-12
"""Of BERT's layer norms (Devlin et al. 2019)."""
_DTYPES = {"F32": np.float32, "I64": np.int64}

Tensors = dict[str, NDArray[np.float32]]


def build(weights: Path, *, layers: int, heads: int) -> ctranslate2.Encoder:
    """Convert and load; takes about a second, needs room for the 8-bit weights in the folder for temporary files."""
    spec = _spec(read_safetensors(weights), layers, heads)
    with tempfile.TemporaryDirectory() as folder:
        spec.save(folder)
        return ctranslate2.Encoder(folder, device="cpu", inter_threads=1, intra_threads=1)


def read_safetensors(path: Path) -> Tensors:
    """Tensors by name. The format: header length (8 bytes), a JSON header, then the raw data."""
    data = bytearray(path.read_bytes())
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + length])
    tensors = {}
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        start, end = (8 + length + offset for offset in entry["data_offsets"])
        tensors[name] = np.frombuffer(memoryview(data)[start:end], _DTYPES[entry["dtype"]]).reshape(entry["shape"])
    return tensors


def _spec(w: Tensors, layers: int, heads: int) -> transformer_spec.TransformerEncoderModelSpec:
    encoder = transformer_spec.TransformerEncoderSpec(
        layers,
        heads,
        pre_norm=False,
        activation=common_spec.Activation.GELU,
        layernorm_embedding=True,
        num_source_embeddings=2,
        embeddings_merge=common_spec.EmbeddingsMerge.ADD,
    )
    encoder.scale_embeddings = False
    encoder.embeddings[0].weight = w["embeddings.word_embeddings.weight"]
    encoder.embeddings[1].weight = w["embeddings.token_type_embeddings.weight"]
    encoder.position_encodings.encodings = w["embeddings.position_embeddings.weight"]
    _norm(encoder.layernorm_embedding, w, "embeddings.LayerNorm")
    for index, layer in enumerate(encoder.layer):
        _layer(layer, w, f"encoder.layer.{index}")
    spec = transformer_spec.TransformerEncoderModelSpec(encoder)
    # Ids go in as they are; CTranslate2 wants some vocabulary of the right size all the same.
    spec.register_vocabulary([str(i) for i in range(len(w["embeddings.word_embeddings.weight"]))])
    spec.config.layer_norm_epsilon = EPSILON
    spec.config.unk_token = "0"
    spec.validate()
    spec.optimize(quantization="int8_float32")
    return spec


def _layer(layer: transformer_spec.TransformerEncoderLayerSpec, w: Tensors, name: str) -> None:
    parts = [common_spec.LinearSpec() for _ in range(3)]
    for part, which in zip(parts, ("query", "key", "value"), strict=True):
        _linear(part, w, f"{name}.attention.self.{which}")
    utils.fuse_linear(layer.self_attention.linear[0], parts)
    _linear(layer.self_attention.linear[1], w, f"{name}.attention.output.dense")
    _norm(layer.self_attention.layer_norm, w, f"{name}.attention.output.LayerNorm")
    _linear(layer.ffn.linear_0, w, f"{name}.intermediate.dense")
    _linear(layer.ffn.linear_1, w, f"{name}.output.dense")
    _norm(layer.ffn.layer_norm, w, f"{name}.output.LayerNorm")


def _linear(spec: common_spec.LinearSpec, w: Tensors, name: str) -> None:
    spec.weight, spec.bias = w[f"{name}.weight"], w[f"{name}.bias"]


def _norm(spec: common_spec.LayerNormSpec, w: Tensors, name: str) -> None:
    spec.gamma, spec.beta = w[f"{name}.weight"], w[f"{name}.bias"]
