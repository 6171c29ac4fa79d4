"""Averages over posterior samples, and the random numbers they are made with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

_SPREAD = ("rates", "latents", "inputs")
"""What the standard deviation over samples is kept of."""


class Averages:
    """Means over posterior samples; sums are kept in float64.

    Args:
        spread: also keep standard deviations of rates, latents and inputs.
        log_rates: average the logarithms of rates, a geometric mean.
    """

    def __init__(self, *, spread: bool, log_rates: bool = False) -> None:
        self.spread, self.log_rates, self.samples = spread, log_rates, 0
        self._total: dict[str, Tensor] = {}
        self._square: dict[str, Tensor] = {}

    def add(self, values: Mapping[str, Tensor]) -> None:
        """Takes one sample."""
        self.samples += 1
        for name, given in values.items():
            value = given.double()
            if self.spread and name in _SPREAD:
                self._square[name] = self._square[name] + value**2 if name in self._square else value**2
            if name == "rates" and self.log_rates:
                value = value.log()
            self._total[name] = self._total[name] + value if name in self._total else value

    def arrays(self) -> dict[str, np.ndarray]:
        """Means by name in float32, and standard deviations as `<name>_sd`."""
        means = {name: total / self.samples for name, total in self._total.items()}
        if self.log_rates and "rates" in means:
            means["rates"] = means["rates"].exp()
        out = {name: mean.float().cpu().numpy() for name, mean in means.items()}
        for name, square in self._square.items():
            out[f"{name}_sd"] = (square / self.samples - means[name] ** 2).clamp_min(0).sqrt().float().cpu().numpy()
        return out


def trial_streams(seed: int, trials: Sequence[int], device: torch.device) -> list[torch.Generator]:
    """A generator for each trial, so that its samples do not depend on which trials are inferred beside it.

    >>> one, two = (torch.randn(2, generator=trial_streams(0, rows, torch.device("cpu"))[-1]) for rows in ([3], [1, 2, 3]))
    >>> bool((one == two).all())
    True
    """
    seeds = [int(np.random.SeedSequence((seed, trial)).generate_state(1, np.uint64)[0]) >> 1 for trial in trials]
    return [torch.Generator(device).manual_seed(each) for each in seeds]
