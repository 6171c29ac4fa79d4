"""A batch seen in parts: micro-batches of one process, and the shares of several."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import torch
import torch.distributed as dist
from torch import Tensor

from neurodyn.data.batch import Batch
from neurodyn.models.base import Model, Output
from neurodyn.objectives.base import Objective, Whole


def cut(batch: Batch, parts: int) -> list[Batch]:
    """Consecutive trials of a batch, in at most so many parts of sizes that differ by one at most."""
    rows = torch.arange(len(batch.mask), device=batch.mask.device)
    return [batch.take(some) for some in torch.tensor_split(rows, min(parts, len(rows)))]


def output_of(model: Model, batch: Batch) -> Output:
    """The forward pass of a batch, with behaviour for a model that takes it."""
    return model(batch.observed, batch.privileged if model.uses_privileged else None)


def whole_of(
    objective: Objective, batch: Batch, ahead: Sequence[Mapping[str, Tensor]], processes: int, rank: int
) -> Whole:
    """The whole batch, of which this process holds a share; it starts at the first trial of this process.

    Args:
        objective: whose loss is shared.
        batch: this process's share.
        ahead: what the objective shares of each part of it.
        processes: that have a share, in the order of their ranks.
        rank: of this process.
    """
    shared = {name: torch.cat([each[name] for each in ahead]) for name in ahead[0]} if ahead else {}
    counts = dict(objective.counts(batch))
    start, trials = 0, len(batch.mask)
    if processes > 1:
        sizes = _sizes(trials, processes, batch.mask.device)
        start, trials = sum(sizes[:rank]), sum(sizes)
        names = [*(("shared", name) for name in shared), *(("counts", name) for name in counts)]
        everyone = dict(zip(names, _of_everyone([*shared.values(), *counts.values()], sizes)))
        shared = {name: value for (kind, name), value in everyone.items() if kind == "shared"}
        counts = {name: value for (kind, name), value in everyone.items() if kind == "counts"}
    return Whole(shared, {name: value.sum() for name, value in counts.items()}, start, trials)


@torch.no_grad()
def seen_ahead(model: Model, objective: Objective, parts: Sequence[Batch]) -> list[Mapping[str, Tensor]]:
    """What the objective shares of each part, from a pass without gradients; random numbers are then drawn again as if it had not been."""
    device = parts[0].mask.device
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        return [objective.shared(output_of(model, part), part) for part in parts]


def _sizes(trials: int, processes: int, device: torch.device) -> list[int]:
    """Trials that every process has."""
    found = [torch.zeros(1, dtype=torch.long, device=device) for _ in range(processes)]
    dist.all_gather(found, torch.tensor([trials], device=device))
    return [int(size) for size in torch.cat(found)]


def _of_everyone(values: Sequence[Tensor], sizes: Sequence[int]) -> list[Tensor]:
    """Tensors `(trial, ...)` of all processes, one after another: their bytes side by side in one message."""
    if not values:
        return []
    widths = [math.prod(value.shape[1:]) * value.element_size() for value in values]
    flat = [value.contiguous().view(torch.uint8).reshape(len(value), -1) for value in values]
    mine = torch.cat(flat, 1)
    sent = mine.new_zeros(max(sizes), mine.shape[1])
    sent[: len(mine)] = mine
    found = [torch.empty_like(sent) for _ in sizes]
    dist.all_gather(found, sent)
    everyone = torch.cat([each[:size] for each, size in zip(found, sizes)])
    return [
        part.contiguous().view(value.dtype).reshape(-1, *value.shape[1:])
        for part, value in zip(everyone.split(widths, 1), values)  # type: ignore[no-untyped-call]
    ]
