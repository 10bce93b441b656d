"""Kokoro's graph cut in four, with the statistics of its norms laid open. Slow to load (onnx), and needed once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from onnx.utils import Extractor

from ..errors import Unavailable
from .kokoro_parts import GIVEN, NORMS, OWN, PARTS

MEAN, VARIANCE = "/ReduceMean_output_0", "/ReduceMean_2_output_0"
"""How the two outputs of each norm's averaging end."""


def cut(whole: Path) -> dict[str, bytes]:
    """The parts, serialised. Raises Unavailable: this is another graph."""
    try:
        extractor = Extractor(onnx.load(str(whole)))
        models = {name: extractor.extract_model(inputs, outputs) for name, (inputs, outputs) in PARTS.items()}
        _open(models["wave"])
    except (ValueError, KeyError, onnx.checker.ValidationError) as error:
        raise Unavailable(f"{whole} is not the Kokoro graph that Affetto knows: {error}") from error
    return {name: model.SerializeToString() for name, model in models.items()}


def _open(wave: onnx.ModelProto) -> None:
    """Let every norm use `norms` [n] (the means of all channels, then the variances) by the share `given`; `own` [n]
    is what they would have used, the variances about the means in use."""
    nodes = list(wave.graph.node)
    means = [node.output[0] for node in nodes if node.output[0].endswith(MEAN)]
    statistics = [*means, *(mean.removesuffix(MEAN) + VARIANCE for mean in means)]
    sizes = [_channels(wave, name) for name in statistics]
    added = list(_split(statistics, sizes))
    for node in nodes:
        if node.output[0] in statistics:
            name = node.output[0]
            node.output[0] = f"{name}:own"
            added += [node, *_blended(name)]
        else:
            added.append(node)
    flat = [f"{name}:flat" for name in statistics]
    added += [
        helper.make_node("Reshape", [f"{name}:own", "flat"], [out]) for name, out in zip(statistics, flat, strict=True)
    ]
    added.append(helper.make_node("Concat", flat, [OWN], axis=0))
    del wave.graph.node[:]
    wave.graph.node.extend(added)
    wave.graph.initializer.extend(
        [
            numpy_helper.from_array(np.array(sizes, np.int64), "norm_sizes"),
            numpy_helper.from_array(np.array([1, -1, 1], np.int64), "norm_shape"),
            numpy_helper.from_array(np.array([-1], np.int64), "flat"),
        ]
    )
    total = sum(sizes)
    wave.graph.input.append(helper.make_tensor_value_info(NORMS, TensorProto.FLOAT, [total]))
    wave.graph.input.append(helper.make_tensor_value_info(GIVEN, TensorProto.FLOAT, []))
    wave.graph.output.append(helper.make_tensor_value_info(OWN, TensorProto.FLOAT, [total]))


def _split(statistics: list[str], sizes: list[int]) -> Iterator[onnx.NodeProto]:
    pieces = [f"{name}:piece" for name in statistics]
    yield helper.make_node("Split", [NORMS, "norm_sizes"], pieces, axis=0)
    for name, piece in zip(statistics, pieces, strict=True):
        yield helper.make_node("Reshape", [piece, "norm_shape"], [f"{name}:given"])


def _blended(name: str) -> list[onnx.NodeProto]:
    return [
        helper.make_node("Sub", [f"{name}:given", f"{name}:own"], [f"{name}:more"]),
        helper.make_node("Mul", [f"{name}:more", GIVEN], [f"{name}:share"]),
        helper.make_node("Add", [f"{name}:own", f"{name}:share"], [name]),
    ]


def _channels(wave: onnx.ModelProto, statistic: str) -> int:
    """Half the bias of the norm's layer, which gives a gain and a shift for each channel."""
    norm = statistic.removesuffix(MEAN).removesuffix(VARIANCE).lstrip("/").replace("/", ".")
    bias = next(tensor for tensor in wave.graph.initializer if tensor.name == f"{norm}.fc.bias")
    return int(bias.dims[0]) // 2
