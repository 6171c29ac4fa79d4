"""Behaviour as a function of all latents so far, by two layers of long short-term memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from torch import nn

from neurodyn.decoding._network import NetworkConfig, TrainedNetwork, train
from neurodyn.decoding._recurrent import Recurrent
from neurodyn.decoding.base import Decoder


@dataclass(frozen=True)
class LSTMConfig(NetworkConfig):
    """Options of the long short-term memory; the defaults are those of Safaie et al. 2023, doi:10.1038/s41586-023-06714-0."""

    history_bins: int = 3
    """Previous bins whose latents are looked at too."""
    hidden: int = 300
    """Units of a layer."""
    learning_rate: float = 1e-3
    """Of Adam."""
    weight_decay: float = 0.0
    """Of AdamW; at 0 it is Adam."""
    batch_trials: int = 1
    """Trials a step."""
    epochs: int = 10
    """Passes over the training trials, at most."""
    valid: float = 0.0
    """Share of the training trials that is set aside for stopping; 0 trains for all passes."""


class LSTM(Decoder):
    """Two layers of long short-term memory and a linear readout, as in Safaie et al. 2023; but latents and behaviour are standardised, not only centred."""

    Config: ClassVar = LSTMConfig
    config: LSTMConfig

    def _fit(self, latents: np.ndarray, behaviour: np.ndarray, mask: np.ndarray | None, seed: int) -> TrainedNetwork:
        return train(self._network, self.config, latents, behaviour, mask, seed)

    def _network(self, inputs: int, outputs: int) -> nn.Module:
        return Recurrent(nn.LSTM(inputs, self.config.hidden, num_layers=2, batch_first=True), outputs)
