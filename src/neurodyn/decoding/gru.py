"""Behaviour as a function of all latents so far, by gated recurrent units."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from torch import nn

from neurodyn.decoding._network import NetworkConfig, TrainedNetwork, train
from neurodyn.decoding._recurrent import Recurrent
from neurodyn.decoding.base import Decoder


@dataclass(frozen=True)
class GRUConfig(NetworkConfig):
    """Options of the gated recurrent units."""


class GRU(Decoder):
    """One layer of gated recurrent units, forward in time, and a linear readout."""

    Config: ClassVar = GRUConfig
    config: GRUConfig

    def _fit(self, latents: np.ndarray, behaviour: np.ndarray, mask: np.ndarray | None, seed: int) -> TrainedNetwork:
        return train(self._network, self.config, latents, behaviour, mask, seed)

    def _network(self, inputs: int, outputs: int) -> nn.Module:
        return Recurrent(nn.GRU(inputs, self.config.hidden, batch_first=True), outputs)
