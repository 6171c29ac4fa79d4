"""Gaussian smoothing of counts that knows where data end."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor


def smoothed_rates(
    counts: Float[Tensor, "trial time unit"],
    mask: Bool[Tensor, "trial time"] | Bool[Tensor, "trial time unit"],
    mean: Float[Tensor, "#unit"],
    width: float,
    strength: float | Float[Tensor, "#unit"],
    *,
    bins: int | None = None,
    causal: bool = False,
) -> Float[Tensor, "trial bin unit"]:
    """Posterior mean rate under a gamma prior: (Σ_s k(t−s) n_s + c m) / (Σ_s k(t−s) + c), k a Gaussian of height 1, over the bins with data.

    The convolution is normalised by the data it saw: near an edge or a gap fewer bins weigh in, so there is no droop; past the data the rate falls back to the mean m.

    Args:
        counts: spike counts, zero outside the mask.
        mask: true where there is data, of all units or of each.
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
    known = mask.to(counts.dtype)
    weight = (known @ kernel.T)[..., None] if mask.ndim == 2 else kernel @ known
    return (kernel @ counts + strength * mean) / (weight + strength)


def window_sizes(width_s: float, bin_s: float) -> tuple[int, int]:
    """Length and standard deviation of the benchmark's smoothing window, both cut to whole bins: int(6 σ / b) and int(σ / b).

    >>> window_sizes(0.05, 0.005), window_sizes(0.05, 0.02)
    ((60, 10), (15, 2))
    """
    bins = width_s / bin_s
    return int(round(6 * bins, 6)), int(round(bins, 6))  # 0.06 s are 12 bins of 0.005 s, whatever floating point says


def windowed(counts: Float[Tensor, "trial time unit"], length: int, deviation: int) -> Float[Tensor, "trial time unit"]:
    """Counts convolved with a Gaussian window of unit sum, as the Neural Latents Benchmark does it (arXiv 2109.04463), in float64.

    Bins beyond the trial count as zero, so that rates droop at its edges; a window of even length moves the result by half a bin.

    Args:
        counts: spike counts, zero where there is no data.
        length, deviation: of the window, in bins.
    """
    lag = np.arange(length) - (length - 1) / 2
    window = np.exp(-0.5 * np.square(lag / deviation))
    window /= window.sum()
    time = np.arange(counts.shape[1])
    tap = time[:, None] - time + (length - 1) // 2
    matrix = np.where((tap >= 0) & (tap < length), window[tap.clip(0, length - 1)], 0)
    return torch.from_numpy(matrix).to(counts.device) @ counts.double()
