"""A linear layer as LFADS starts it."""

from __future__ import annotations

from torch import nn


def scaled_linear(inputs: int, outputs: int) -> nn.Linear:
    """Weights ~ N(0, 1/inputs), bias 0."""
    layer = nn.Linear(inputs, outputs)
    nn.init.normal_(layer.weight, std=inputs**-0.5)
    nn.init.zeros_(layer.bias)
    return layer
