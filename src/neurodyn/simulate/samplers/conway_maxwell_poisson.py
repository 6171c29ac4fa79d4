"""Conway-Maxwell-Poisson counts: less or more variable than Poisson, by one number."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from typing import ClassVar, NamedTuple

import numpy as np
from scipy.interpolate import CubicHermiteSpline
from scipy.special import gammaln

from neurodyn.config import check_choices, check_range
from neurodyn.errors import InvalidInput
from neurodyn.random_streams import Generator
from neurodyn.shapes import Array, Float
from neurodyn.simulate.samplers.base import Sampler

LOWEST, HIGHEST = 1e-4, 100.0
"""Means between which μ is tabulated. Below, a count is 0 or 1 and μ = λ/(1 − λ); above, nothing is drawn."""
_POINTS = 3000


@dataclass(frozen=True)
class ConwayMaxwellPoissonConfig:
    """Options of `ConwayMaxwellPoisson`."""

    nu: float = 2.0
    """ν: above 1 less variable than Poisson (the Fano factor is about 1/ν at large means), below 1 more, 1 is Poisson."""

    def __post_init__(self) -> None:
        check_choices(self, "sampler")
        check_range("sampler.nu", self.nu, 0.1, 6)


class _Table(NamedTuple):
    """Of log λ: log μ, log Z and the variance; `counts` are enough for the largest mean."""

    log_mu: CubicHermiteSpline
    log_z: CubicHermiteSpline
    variance: CubicHermiteSpline
    counts: int


class ConwayMaxwellPoisson(Sampler):
    """P(k) = μ^k / (k!)^ν / Z, with μ such that the mean is λ (Conway & Maxwell 1962; 10.1111/j.1467-9876.2005.00474.x).

    μ is found once for 3000 means by Newton's method, d mean / d log μ = variance, and between them by a spline through values and slopes.

    >>> sampler = ConwayMaxwellPoisson(ConwayMaxwellPoissonConfig(nu=1.0))
    >>> sampler.probabilities(np.array([2.0]), 3).round(6).tolist()  # Poisson's
    [[0.135335, 0.270671, 0.270671]]
    """

    Config: ClassVar = ConwayMaxwellPoissonConfig

    def __init__(self, config: ConwayMaxwellPoissonConfig = ConwayMaxwellPoissonConfig()) -> None:
        self.config = config

    def draw(self, expected: Float[Array, "*shape"], generator: Generator) -> Array:
        log_mu, log_z = self._solved(expected)
        uniform = generator.random(np.shape(expected))
        count = np.zeros(np.shape(expected), np.int64)
        left = np.nonzero(uniform.ravel() >= 0)[0]  # whose count is not yet known
        flat, drawn = count.reshape(-1), uniform.ravel()
        log_mu, log_z = log_mu.ravel(), log_z.ravel()
        below = np.zeros(len(drawn))
        for k in range(_table(self.config.nu).counts):
            weight = np.exp(k * log_mu[left] - self.config.nu * math.lgamma(k + 1) - log_z[left]) if k else None
            below[left] += np.exp(-log_z[left]) if weight is None else weight
            left = left[drawn[left] >= below[left]]
            if not len(left):
                break
            flat[left] = k + 1
        return count

    def fano(self, expected: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
        rate = self._checked(expected)
        tabulated = rate >= LOWEST
        at = np.where(tabulated, rate, 1.0)
        return np.where(tabulated, _table(self.config.nu).variance(np.log(at)) / at, 1 - rate)

    def probabilities(self, expected: Float[Array, "*shape"], counts: int) -> Array:
        """P(k) of k from 0 to `counts` − 1, `(*shape, counts)`."""
        log_mu, log_z = self._solved(expected)
        k = np.arange(counts)
        powers = np.where(k > 0, k * np.where(np.isfinite(log_mu), log_mu, 0)[..., None], 0)
        powers = np.where((k > 0) & ~np.isfinite(log_mu)[..., None], -np.inf, powers)
        return np.asarray(np.exp(powers - self.config.nu * gammaln(k + 1) - log_z[..., None]))

    def _checked(self, expected: Array) -> Array:
        rate = np.asarray(expected, float)
        if rate.size and not (rate.min() >= 0 and rate.max() <= HIGHEST):
            got = f"from {rate.min():g} to {rate.max():g} counts per bin"
            raise InvalidInput("expected", got, f"0 to {HIGHEST:g}", "Lower the offset or the gain, or set max_rate.")
        return rate

    def _solved(self, expected: Array) -> tuple[Array, Array]:
        """log μ and log Z of means."""
        rate = self._checked(expected)
        table, tabulated = _table(self.config.nu), rate >= LOWEST
        at = np.log(np.where(tabulated, rate, 1.0))
        with np.errstate(divide="ignore"):
            low = np.log(rate) - np.log1p(-np.minimum(rate, 0.5))
        return np.where(tabulated, table.log_mu(at), low), np.where(tabulated, table.log_z(at), np.log1p(np.exp(low)))


@cache
def _table(nu: float) -> _Table:
    counts = int(HIGHEST + 16 * math.sqrt(HIGHEST / nu) + 40 / nu) + 20
    k = np.arange(counts)
    log_mean = np.linspace(math.log(LOWEST) - 0.01, math.log(HIGHEST) + 0.01, _POINTS)
    mean = np.exp(log_mean)
    parts = [_solve(chunk, k, nu) for chunk in np.array_split(mean, 12)]
    log_mu, log_z, variance, third = (np.concatenate(each) for each in zip(*parts))
    # Slopes by log λ: d log μ = λ/variance, d log Z = λ d log μ, d variance = third moment d log μ.
    slope = mean / variance
    return _Table(
        CubicHermiteSpline(log_mean, log_mu, slope),
        CubicHermiteSpline(log_mean, log_z, mean * slope),
        CubicHermiteSpline(log_mean, variance, third * slope),
        counts,
    )


def _solve(mean: Array, k: Array, nu: float) -> tuple[Array, Array, Array, Array]:
    """log μ, log Z, variance and third central moment of means, by Newton's method on log μ with halved steps."""
    factorials = nu * gammaln(k + 1)
    low, high = np.full(len(mean), math.log(LOWEST) - 1), np.full(len(mean), nu * math.log(HIGHEST + 5) + 3)
    log_mu = np.clip(np.log(mean), low, high)
    for _ in range(80):
        found, log_z, variance, third = _moments(log_mu, k, factorials)
        error = found - mean
        low, high = np.where(error < 0, log_mu, low), np.where(error > 0, log_mu, high)
        if np.abs(error / mean).max() < 1e-13:
            break
        step = log_mu - error / np.maximum(variance, 1e-300)
        log_mu = np.where((step > low) & (step < high), step, (low + high) / 2)
    return log_mu, log_z, variance, third


def _moments(log_mu: Array, k: Array, factorials: Array) -> tuple[Array, Array, Array, Array]:
    """Mean, log Z, variance and third central moment."""
    weights = log_mu[:, None] * k - factorials
    top = weights.max(1, keepdims=True)
    weights = np.exp(weights - top)
    total = weights.sum(1, keepdims=True)
    weights = weights / total
    mean = weights @ k
    off = k - mean[:, None]
    return mean, (np.log(total) + top)[:, 0], (weights * off**2).sum(1), (weights * off**3).sum(1)
