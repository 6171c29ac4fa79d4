"""The Lorenz system, ready to fit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from neurodyn.simulate.flow_data import FlowData, FlowDataConfig
from neurodyn.simulate.lorenz import Lorenz as LorenzSimulator


@dataclass(frozen=True)
class LorenzConfig(FlowDataConfig):
    """Options of the data set `lorenz`. The defaults are the quality benchmark's."""

    bins: int = 35
    """Observed bins."""
    randomness: Literal["shared", "per_trial"] = "shared"
    """`shared`: one generator for all trials, the benchmark's stream. `per_trial`: a generator a trial, so that a trial does not depend on how many there are."""


class Lorenz(FlowData):
    """Lorenz attractor seen through Poisson units; truth: rates, latents.

    >>> Lorenz.with_options(trials=70).load().train.counts.shape
    (40, 45, 40)
    """

    Config: ClassVar = LorenzConfig
    flow = LorenzSimulator
