"""Fits layers to soft targets, in torch (extra "train"); what comes out runs in numpy."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from ...models.cues.heads import Layers

Floats = NDArray[np.float32]
LBFGS_STEPS = 60
BATCH = 128


def linear(x: Floats, targets: Floats, weights: Floats, *, l2: float) -> Layers:
    """Multinomial logistic regression on soft targets [n, K]; `l2` is the price of a squared weight, all rows' mean
    loss counting 1."""
    inputs, wanted, share = _tensors(x, targets, weights)
    weight = torch.zeros(x.shape[1], targets.shape[1], requires_grad=True)
    bias = torch.zeros(targets.shape[1], requires_grad=True)
    solver = torch.optim.LBFGS([weight, bias], max_iter=LBFGS_STEPS, line_search_fn="strong_wolfe")

    def loss() -> torch.Tensor:
        solver.zero_grad()
        value = _cross_entropy(inputs @ weight + bias, wanted, share) + l2 * weight.square().sum()
        value.backward()
        return value

    solver.step(loss)
    return _layers([(weight.detach(), bias.detach())])


def network(
    x: Floats,
    targets: Floats,
    weights: Floats,
    *,
    hidden: int,
    seed: int,
    epochs: int,
    decay: float = 0.05,
    dropout: float = 0.5,
    rate: float = 1e-3,
) -> Layers:
    """One hidden layer with dropout, AdamW, one-cycle rate."""
    torch.manual_seed(seed)
    inputs, wanted, share = _tensors(x, targets, weights)
    first, last = torch.nn.Linear(x.shape[1], hidden), torch.nn.Linear(hidden, targets.shape[1])
    parameters = [*first.parameters(), *last.parameters()]
    solver = torch.optim.AdamW(parameters, lr=rate, weight_decay=decay)
    batches = max(1, len(x) // BATCH)
    pace = torch.optim.lr_scheduler.OneCycleLR(solver, rate * 2, total_steps=epochs * batches)
    for _ in range(epochs):
        order = torch.randperm(len(x))
        for rows in order[: batches * BATCH].chunk(batches):
            seen = torch.nn.functional.dropout(inputs[rows], dropout / 2)
            inner = torch.nn.functional.dropout(_gelu(first(seen)), dropout)
            loss = _cross_entropy(last(inner), wanted[rows], share[rows])
            solver.zero_grad()
            loss.backward()
            solver.step()
            pace.step()
    pairs = [(layer.weight.detach().T, layer.bias.detach()) for layer in (first, last)]
    return _layers(pairs)


def _tensors(*arrays: Floats) -> list[torch.Tensor]:
    return [torch.from_numpy(np.ascontiguousarray(array, np.float32)) for array in arrays]


def _cross_entropy(logits: torch.Tensor, wanted: torch.Tensor, share: torch.Tensor) -> torch.Tensor:
    each = -(wanted * torch.log_softmax(logits, dim=1)).sum(dim=1)
    return (each * share).sum() / share.sum()


def _gelu(x: torch.Tensor) -> torch.Tensor:
    """As `heads.gelu` has it."""
    return x * torch.sigmoid(1.702 * x)


def _layers(pairs: Sequence[tuple[torch.Tensor, torch.Tensor]]) -> Layers:
    return Layers(
        tuple(np.ascontiguousarray(weight.numpy()) for weight, _ in pairs),
        tuple(bias.numpy().copy() for _, bias in pairs),
    )
