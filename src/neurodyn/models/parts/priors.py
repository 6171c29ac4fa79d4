"""Priors over latent codes and inferred inputs, and the KL of Gaussian posteriors from them.

One convention for every prior: the KL of a trial is **summed over time and dimensions**; objectives average over trials.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from neurodyn.data.batch import Observed


class NormalPrior(nn.Module):
    """Independent N(m, v): trainable mean m (starts at 0), fixed variance v.

        KL = Σ ½ [(s² + (μ − m)²) / v − 1 − ln s² + ln v]

    Args:
        size: number of dimensions.
        variance: v.

    >>> prior = NormalPrior(1, 0.1)
    >>> round(prior.kl(torch.ones(1, 1), torch.full((1, 1), 0.1)).item(), 6)
    5.0
    """

    def __init__(self, size: int, variance: float = 0.1) -> None:
        super().__init__()
        self.mean = nn.Parameter(torch.zeros(size))
        self.variance = variance

    def kl(self, mean: Tensor, variance: Tensor, log_variance: Tensor | None = None) -> Tensor:
        """KL of N(mean, variance) from the prior, element by element and then summed over the last axis.

        Args:
            mean, variance: `(..., size)`.
            log_variance: ln variance, where it is known already.
        """
        log = variance.log() if log_variance is None else log_variance
        each = (variance + (mean - self.mean).square()) / self.variance - log
        return 0.5 * (each + (math.log(self.variance) - 1)).sum(-1)


class AutoregressivePrior(nn.Module):
    """Stationary AR(1) process u_t = α u_{t−1} + N(0, ν), α = exp(−1/τ), per dimension; ln τ and ln ν are trained.

    Time-major: `(time, trial, input)`. The stationary variance is ν / (1 − α²).

    Args:
        size: number of inputs.
        time_constant: τ at the start, in bins.
        variance: innovation variance ν at the start.
    """

    def __init__(self, size: int, time_constant: float = 10.0, variance: float = 0.1) -> None:
        super().__init__()
        self.log_time_constant = nn.Parameter(torch.full((size,), math.log(time_constant)))
        self.log_variance = nn.Parameter(torch.full((size,), math.log(variance)))

    @property
    def correlation(self) -> Tensor:
        """α `(input,)`."""
        return torch.exp(-torch.exp(-self.log_time_constant))

    def kl(self, mean: Tensor, log_variance: Tensor, counted: Tensor | None = None) -> Tensor:
        """Exact KL of the factorised posterior Π N(mean_t, exp(log_variance_t)) from the process, `(trial,)`.

        KL = −½ Σ (1 + ln s²) + ½ [ln ν₀ + (s₀² + m₀²)/ν₀] + ½ Σ_{t≥1} [ln ν + (s_t² + α² s_{t−1}² + (m_t − α m_{t−1})²)/ν]

        Args:
            mean, log_variance: `(time, trial, input)`.
            counted: bins that count `(time, trial)`, for trials of different length; None for all.
        """
        alpha, innovation = self.correlation, self.log_variance.exp()
        stationary = innovation / (1 - alpha.square())
        variance = log_variance.exp()
        first = (variance[0] + mean[0].square()) / stationary + stationary.log()
        steps = variance[1:] + alpha.square() * variance[:-1] + (mean[1:] - alpha * mean[:-1]).square()
        if counted is not None:
            each = torch.cat([first[None], steps / innovation + self.log_variance]) - (1 + log_variance)
            return 0.5 * (each.sum(-1) * counted).sum(0)
        later = (steps / innovation).sum(0) + (len(mean) - 1) * self.log_variance
        return 0.5 * (first + later - (1 + log_variance).sum(0)).sum(-1)

    def sampled_kl(self, mean: Tensor, log_variance: Tensor) -> Tensor:
        """ln q(u) − ln p(u) of one draw u of the posterior, `(trial,)`: unbiased, noisy, can be negative."""
        deviation = torch.exp(0.5 * log_variance)
        noise = torch.randn_like(mean)
        u = mean + deviation * noise
        alpha, innovation = self.correlation, self.log_variance.exp()
        stationary = innovation / (1 - alpha.square())
        log_q = -0.5 * (noise.square() + log_variance).sum((0, 2))
        first = u[0].square() / stationary + stationary.log()
        later = ((u[1:] - alpha * u[:-1]).square() / innovation + self.log_variance).sum(0)
        return log_q + 0.5 * (first + later).sum(-1)


def counted_bins(observed: Observed) -> Tensor | None:
    """Bins that a KL counts `(time, trial)`: those inside the mask, and the forward ones of trials that last; None for all."""
    if bool(observed.mask.all()):
        return None
    seen = observed.mask.t()
    ahead = seen[-1:].expand(observed.bins - len(seen), -1)
    return torch.cat([seen, ahead])
