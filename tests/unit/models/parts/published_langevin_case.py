"""The case on which the public code of LangevinFlow was run: sizes, weights, noise and data by formulas, so that no generator of random numbers is part of it."""

from __future__ import annotations

import torch
from torch import Tensor

HELDIN, UNITS, SIZE, OBSERVED, FORWARD, TRIALS, DAMPING, KEEP = 6, 9, 8, 5, 2, 4, 0.55, 0.5
BINS = OBSERVED + FORWARD
EPOCH = 100
"""At which the weights of the KL and of the decay have risen to a fifth."""


def waves(shape: tuple[int, ...], number: int) -> Tensor:
    """Numbers in [−1, 1] that differ with `number`, double precision."""
    count = torch.Size(shape).numel()
    return torch.sin((0.7 + 0.13 * number) * torch.arange(1, count + 1, dtype=torch.float64) + number).view(shape)


def weights(shapes: dict[str, tuple[int, ...]]) -> dict[str, Tensor]:
    """A value for each parameter of `PublishedLangevin`, by its name; norms stay near 1."""
    found = {name: 0.3 * waves(shape, i) for i, (name, shape) in enumerate(sorted(shapes.items()))}
    return {name: value + 1 if "norm.weight" in name else value for name, value in found.items()}


def counts() -> Tensor:
    """Spike counts of all units over all bins."""
    return (waves((TRIALS, BINS, UNITS), 50) * 1.4 + 0.6).clamp_min(0).round()


def kept() -> Tensor:
    """What coordinated dropout leaves of the input."""
    return waves((TRIALS, OBSERVED, HELDIN), 51) > 0


def passed() -> Tensor:
    """What trains the reconstruction although it was left."""
    return waves((TRIALS, OBSERVED, HELDIN), 52) > 0


def noise() -> Tensor:
    """For z_0, v_0, v_1, ...: `(time + 1, trial, D)`."""
    return 1.3 * waves((BINS + 1, TRIALS, SIZE), 53)


def summary(gradient: Tensor) -> list[float]:
    """Two numbers of a gradient that a wrong one would hardly have: its norm and its product with a wave."""
    flat = gradient.detach().double().reshape(-1)
    return [flat.norm().item(), (flat @ waves((len(flat),), 60)).item()]
