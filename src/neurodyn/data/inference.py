"""What a model says about trials: rates, latents, inputs, in the trials' own unit order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from neurodyn.data.trials import Trials

ENTRIES_AT_A_TIME = 2**23
"""Rates inferred at a time, which bounds the memory of a pass over trials."""


@dataclass(frozen=True, eq=False)
class Inference:
    """Inferred quantities of some trials, in float32 on the host."""

    bin_s: float
    """Bin width in seconds."""
    rates: np.ndarray | None = None
    """Expected counts **per bin** (or expected fluorescence), `(trial, time, unit)`, units in recorded order."""
    latents: np.ndarray | None = None
    """Latent trajectories (factors) `(trial, time, latent)`."""
    inputs: np.ndarray | None = None
    """Inferred inputs `(trial, time, input)`."""
    spread: Mapping[str, np.ndarray] = field(default_factory=dict)
    """Standard deviation across posterior samples of `rates`, `latents`, `inputs`, where sampled."""
    extra: Mapping[str, np.ndarray] = field(default_factory=dict)
    """Anything else a model reports per trial: initial conditions, generator states, predicted targets."""

    @property
    def rates_hz(self) -> np.ndarray:
        """Rates in spikes per second, `(trial, time, unit)`."""
        if self.rates is None:
            raise ValueError("this model predicts no rates")
        return np.asarray(self.rates / self.bin_s)

    def arrays(self) -> dict[str, np.ndarray]:
        """Every array by name, as written to a file."""
        named = {name: getattr(self, name) for name in ("rates", "latents", "inputs")}
        return (
            {k: v for k, v in named.items() if v is not None}
            | {f"{k}_sd": v for k, v in self.spread.items()}
            | dict(self.extra)
        )


def trials_at_a_time(trials: Trials) -> int:
    """Trials a pass of inference, so that a pass makes at most 8 million rates."""
    return max(1, min(256, ENTRIES_AT_A_TIME // (trials.bins * max(trials.units, 1))))
