"""The case on which the public code of the learning-rule study was run: sizes, weights and trials by formulas, so that no generator of random numbers is part of it."""

from __future__ import annotations

import math

import torch
from torch import Tensor

UNITS, CHANNELS, OUTPUTS, TRIALS, BINS = 20, 2, 3, 3, 25
PENALTY = 0.7
EXCITATORY, TYPES = 16, 2
"""Units that excite, of the network with Dale's law; cell types of each sign."""
NONLINEARITIES = {"retanh": "retanh", "relu": "ReLU"}
"""Ours, and what the public code calls it."""


def waves(shape: tuple[int, ...], number: int) -> Tensor:
    """Numbers in [−1, 1] that differ with `number`, in single precision."""
    count = torch.arange(1, torch.Size(shape).numel() + 1, dtype=torch.float64)
    return torch.sin((0.7 + 0.13 * number) * count + number).view(shape).float()


def weights(dale: bool = False) -> dict[str, Tensor]:
    """A value for each parameter. With Dale's law they stand for what they are after signs were taken."""
    recurrent = 2 / math.sqrt(UNITS) * waves((UNITS, UNITS), 0)
    return {
        "recurrent": recurrent / 4 if dale else recurrent,
        "input": waves((UNITS, CHANNELS), 1),
        "bias": 0.2 * waves((UNITS,), 2),
        "initial": 0.5 * waves((UNITS,), 3).round(),  # zeros among them, which lie at a kink
        "output": waves((OUTPUTS, UNITS), 4),
        "output_bias": 0.1 * waves((OUTPUTS,), 5),
    }


def feedback() -> Tensor:
    """Weights by which errors enter in the public code's mode -2."""
    return waves((OUTPUTS, UNITS), 6)


def stimulus() -> Tensor:
    return waves((TRIALS, BINS, CHANNELS), 7)


def target() -> Tensor:
    return waves((TRIALS, BINS, OUTPUTS), 8)


def counted() -> Tensor:
    """Entries of the target that count."""
    return waves((TRIALS, BINS, OUTPUTS), 9) > -0.5
