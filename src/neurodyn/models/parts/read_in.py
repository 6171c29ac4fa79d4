"""How one session's units enter encoders that several sessions share."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from neurodyn.models.parts.standardise import Standardise


class ReadIn(nn.Module):
    """Standardised activity of one session, through a linear map where sessions are stitched. It is frozen; a session that joins later trains its own.

    Args:
        channels: held-in units of the session.
        width: channels of the shared encoders; None where the session's units are these channels.
        logarithm: whether activity is spike counts.
    """

    def __init__(self, channels: int, width: int | None, *, logarithm: bool) -> None:
        super().__init__()
        self.standardise = Standardise(channels, logarithm=logarithm)
        self.map = None if width is None else nn.Linear(channels, width)
        if self.map is not None:
            nn.init.normal_(self.map.weight, std=channels**-0.5)
            nn.init.zeros_(self.map.bias)
            self.map.requires_grad_(False)

    def forward(self, values: Tensor, mask: Tensor) -> Tensor:
        """Values `(trial, time, channel)` and mask `(trial, time)` to `(trial, time, width)`; bins outside the mask stay zero."""
        standard: Tensor = self.standardise(values, mask)
        if self.map is None:
            return standard
        return self.map(standard) * mask[..., None]  # type: ignore[no-any-return]

    @torch.no_grad()
    def start(self, weight: Tensor, bias: Tensor) -> None:
        """Takes the map that aligns this session's standardised activity with the others', `(channel, width)` and `(width,)`."""
        assert self.map is not None
        self.map.weight.copy_(weight.t())
        self.map.bias.copy_(bias)
