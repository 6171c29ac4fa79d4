"""A linear encoder in closed form: posterior means of a few trials regressed on their activity and its neighbouring bins."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from neurodyn.models.modalities.base import LOG_VARIANCE
from neurodyn.models.parts.gaussians import Gaussian

PENALTY = 0.6
"""Of the squared weights, for each bin that is fitted: inputs have a variance of 1."""


class LaggedMap(nn.Module):
    """Standardised activity of a subject in a window around each bin to latents, by ridge regression.

    Args:
        units: that are seen.
        lags: bins of the window, odd.
        latents: D.
    """

    weight: Tensor
    bias: Tensor
    log_variance: Tensor

    def __init__(self, units: int, lags: int, latents: int) -> None:
        super().__init__()
        self.lags = lags
        self.register_buffer("weight", torch.zeros(lags * units, latents))
        self.register_buffer("bias", torch.zeros(latents))
        self.register_buffer("log_variance", torch.zeros(latents))

    @torch.no_grad()
    def fit(self, activity: Tensor, target: Tensor, mask: Tensor) -> None:
        """Solves for the map.

        Args:
            activity: standardised, zero outside the mask, `(trial, time, unit)`.
            target: latents `(trial, time, latent)`.
            mask: bins that are fitted, bool `(trial, time)`.
        """
        x, y = self._windows(activity)[mask].double(), target[mask].double()
        center, level = x.mean(0), y.mean(0)
        x, y = x - center, y - level
        penalty = PENALTY * len(x)
        if len(x) < x.shape[1]:  # the smaller of two systems with the same solution
            eye = torch.eye(len(x), dtype=x.dtype)
            weight = x.T @ torch.linalg.solve(x @ x.T + penalty * eye, y)
        else:
            eye = torch.eye(x.shape[1], dtype=x.dtype)
            weight = torch.linalg.solve(x.T @ x + penalty * eye, x.T @ y)
        spectrum = torch.linalg.svdvals(x).square()
        freedom = len(x) - float((spectrum / (spectrum + penalty)).sum())
        residual = (y - x @ weight).square().sum(0) / max(freedom - 1, 1)
        self.weight.copy_(weight)
        self.bias.copy_(level - center @ weight)
        self.log_variance.copy_(residual.log().clamp(*LOG_VARIANCE))

    def forward(self, activity: Tensor) -> Gaussian:
        """Activity `(trial, time, unit)` to latents; their variance is that of the residuals."""
        mean = torch.addmm(self.bias, self._windows(activity).flatten(0, 1), self.weight)
        mean = mean.reshape(*activity.shape[:2], -1)
        return Gaussian(mean, self.log_variance.expand_as(mean))

    def _windows(self, activity: Tensor) -> Tensor:
        """Each bin with its neighbours, zeros beyond the ends, `(trial, time, lag · unit)`."""
        half = self.lags // 2
        padded = nn.functional.pad(activity, (0, 0, half, half))
        return padded.unfold(1, self.lags, 1).transpose(2, 3).flatten(2)
