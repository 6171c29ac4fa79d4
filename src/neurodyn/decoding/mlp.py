"""Behaviour as a function of the latents of a few bins, by a multilayer perceptron."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from torch import nn

from neurodyn.decoding._network import NetworkConfig, TrainedNetwork, train
from neurodyn.decoding.base import Decoder


@dataclass(frozen=True)
class MLPConfig(NetworkConfig):
    """Options of the multilayer perceptron."""

    history_bins: int = 3
    """Previous bins whose latents are looked at too."""


class MLP(Decoder):
    """A multilayer perceptron of two hidden layers, the same for every bin: no memory but the previous bins it is given."""

    Config: ClassVar = MLPConfig
    config: MLPConfig

    def _fit(self, latents: np.ndarray, behaviour: np.ndarray, mask: np.ndarray | None, seed: int) -> TrainedNetwork:
        return train(self._network, self.config, latents, behaviour, mask, seed)

    def _network(self, inputs: int, outputs: int) -> nn.Module:
        hidden = self.config.hidden
        return nn.Sequential(
            nn.Linear(inputs, hidden), nn.SiLU(), nn.Linear(hidden, hidden), nn.SiLU(), nn.Linear(hidden, outputs)
        )
