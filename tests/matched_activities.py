"""Activities with matched samples that measures of similarity are tested on: the worked example, and cases drawn from a seed."""

from __future__ import annotations

import numpy as np

from neurodyn.similarity.activity import Activity


def worked_example() -> tuple[np.ndarray, np.ndarray]:
    """Twelve samples of four and of three units, in closed form."""
    sample, unit = np.arange(12)[:, None], np.arange(4)
    x = np.sin(0.7 * (sample + 1) * (unit + 1)) + 0.1 * unit
    y = np.cos(0.5 * (sample + 2) * (unit + 1)) - 0.2 * unit
    return x, y[:, :3]


def drawn(seed: int, samples: int, *units: int, noise: float = 1.0) -> list[np.ndarray]:
    """Activities `(sample, unit)` that share three latents, with means, and units of very different size."""
    generator = np.random.default_rng(seed)
    latents = np.cumsum(generator.normal(size=(samples, 3)), 0)
    found = []
    for number in units:
        values = latents @ generator.normal(size=(3, number)) + noise * generator.normal(size=(samples, number))
        found.append(values * generator.uniform(0.2, 3, size=number) + generator.normal(size=number))
    return found


def masked(values: np.ndarray, mask: np.ndarray, name: str = "activity") -> Activity:
    """Samples as conditions by bins, nonsense where the mask is false."""
    shaped = values.reshape(*mask.shape, -1).copy()
    shaped[~mask] = np.nan
    return Activity(shaped, mask, name)
