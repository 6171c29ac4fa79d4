"""The Arneodo system, ready to fit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from neurodyn.simulate.arneodo import Arneodo as ArneodoSimulator
from neurodyn.simulate.flow_data import FlowData, FlowDataConfig


@dataclass(frozen=True)
class ArneodoConfig(FlowDataConfig):
    """Options of the data set `arneodo`."""


class Arneodo(FlowData):
    """Arneodo attractor seen through Poisson units; truth: rates, latents.

    >>> Arneodo.with_options(trials=70).load().train.counts.shape
    (40, 70, 40)
    """

    Config: ClassVar = ArneodoConfig
    flow = ArneodoSimulator
