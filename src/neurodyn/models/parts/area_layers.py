"""Layers with weights of their own for each area, and tensors turned between area by area and side by side."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from neurodyn.models.parts.scaled_linear import scaled_linear


def stacked_linear(areas: int, inputs: int, outputs: int) -> nn.ParameterList:
    """Weights `(area, input, output)` and biases `(area, 1, output)` of a linear map for each area, started as `scaled_linear`."""
    layers = [scaled_linear(inputs, outputs) for _ in range(areas)]
    weight, bias = (torch.stack([part(layer).detach() for layer in layers]) for part in (_weight, _bias))
    return nn.ParameterList([nn.Parameter(weight), nn.Parameter(bias)])


def _weight(layer: nn.Linear) -> Tensor:
    return layer.weight.t()


def _bias(layer: nn.Linear) -> Tensor:
    return layer.bias[None]


def affine(x: Tensor, layer: nn.ParameterList) -> Tensor:
    """`(area, trial, input)` to `(area, trial, output)`, each area by its own map."""
    return torch.baddbmm(layer[1], x, layer[0])


def stacked_cells(cells: Any) -> tuple[Tensor, Tensor, Tensor]:
    """Input weights `(area, input, 3 * state)`, recurrent ones `(area, state, 3 * state)` and biases `(area, 1, 3 * state)` of one network an area."""
    stacked = [torch.stack([getattr(cell[0], n) for cell in cells]) for n in ("input_weight", "recurrent_weight")]
    return stacked[0], stacked[1], torch.stack([cell[0].bias for cell in cells])[:, None]


def side_by_side(x: Tensor) -> Tensor:
    """`(area, trial, channel)` to `(trial, area * channel)`; `(area, time, trial, channel)` to `(trial, time, area * channel)`."""
    return (x.permute(1, 0, 2) if x.ndim == 3 else x.permute(2, 1, 0, 3)).flatten(-2)


def by_time(x: Tensor) -> Tensor:
    """`(area, time, trial, channel)` to `(time, trial, area * channel)`."""
    return x.permute(1, 2, 0, 3).flatten(2)


def area_first(x: Tensor, areas: int) -> Tensor:
    """`(trial, area * channel)` to `(area, trial, channel)`."""
    return x.reshape(len(x), areas, -1).transpose(0, 1)
