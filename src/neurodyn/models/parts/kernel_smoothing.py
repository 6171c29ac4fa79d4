"""Gaussian smoothing of counts that knows where data end."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float
from torch import Tensor


def smoothed_rates(
    counts: Float[Tensor, "trial time unit"],
    mask: Bool[Tensor, "trial time"],
    mean: Float[Tensor, "#unit"],
    width: float,
    strength: float | Float[Tensor, "#unit"],
    *,
    bins: int | None = None,
    causal: bool = False,
) -> Float[Tensor, "trial bin unit"]:
    """Posterior mean rate under a gamma prior: (Σ_s k(t−s) n_s + c m) / (Σ_s k(t−s) + c), k a Gaussian of height 1, over the bins with data.

    Near an edge fewer bins weigh in, so there is no droop; past the data the rate falls back to the mean m.

    Args:
        counts: spike counts, zero outside the mask.
        mask: true where there is data.
        mean: m, the prior mean rate per bin.
        width: standard deviation of the kernel, in bins.
        strength: c, how many bins of data the prior is worth; above 0, one for all units or one each.
        bins: bins to produce, from the first one on (default: those given); later ones extrapolate.
        causal: whether a bin sees only itself and the past.
    """
    seen = counts.shape[1]
    lag = torch.arange(bins or seen, device=counts.device)[:, None] - torch.arange(seen, device=counts.device)
    kernel = torch.exp(-0.5 * (lag / width) ** 2).to(counts.dtype)
    if causal:
        kernel = kernel * (lag >= 0)
    weight = mask.to(counts.dtype) @ kernel.T
    return (kernel @ counts + strength * mean) / (weight[..., None] + strength)
