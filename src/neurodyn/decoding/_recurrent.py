"""A recurrent layer with a linear readout."""

from __future__ import annotations

from torch import Tensor, nn


class Recurrent(nn.Module):
    """Runs forward in time from a state of zeros; `(trial, time, input)` to `(trial, time, output)`."""

    def __init__(self, layer: nn.RNNBase, outputs: int) -> None:
        super().__init__()
        self.layer, self.readout = layer, nn.Linear(layer.hidden_size, outputs)

    def forward(self, inputs: Tensor) -> Tensor:
        states, _ = self.layer(inputs)
        output: Tensor = self.readout(states)
        return output
