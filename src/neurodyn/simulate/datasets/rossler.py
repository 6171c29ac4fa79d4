"""The Rössler system, ready to fit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from neurodyn.simulate.flow_data import FlowData, FlowDataConfig
from neurodyn.simulate.rossler import Rossler as RosslerSimulator


@dataclass(frozen=True)
class RosslerConfig(FlowDataConfig):
    """Options of the data set `rossler`."""


class Rossler(FlowData):
    """Rössler attractor seen through Poisson units; truth: rates, latents.

    >>> Rossler.with_options(trials=70).load().train.counts.shape
    (40, 70, 40)
    """

    Config: ClassVar = RosslerConfig
    flow = RosslerSimulator
