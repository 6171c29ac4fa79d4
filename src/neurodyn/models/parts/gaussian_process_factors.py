"""Gaussian-process factor analysis: its parameters, exact posterior, likelihood, and EM."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from neurodyn.models.parts.gaussian_process import NOISE, better_timescales, thin_factor
from neurodyn.models.parts.patience_bar import with_bar
from neurodyn.shapes import Array, Bool, Float, Int

_CHECK_EVERY = 5
_LEAST_VARIANCE = 0.01
"""Private variance of a unit, at least, as a share of its variance: keeps the likelihood bounded (Heywood cases)."""


@dataclass(frozen=True)
class Factors:
    """y_t = C x_t + d + N(0, diag R), each latent a Gaussian process of unit variance over the bins of a trial."""

    loading: Float[Array, "unit latent"]
    """C. A row of zeros: the unit never varied, and says nothing."""
    offset: Float[Array, " unit"]
    """d."""
    variance: Float[Array, " unit"]
    """R."""
    timescale: Float[Array, " latent"]
    """τ, in bins."""

    @property
    def orthonormal(self) -> Float[Array, "latent latent"]:
        """A such that the latents x A have a loading with orthonormal columns, strongest first (Yu et al. 2009, eq. 6 to 8)."""
        _, scale, axes = np.linalg.svd(self.loading, full_matrices=False)
        return np.asarray((scale[:, None] * axes).T)


@dataclass(frozen=True)
class Activity:
    """Trials of observed activity; zero outside the mask."""

    values: Float[Array, "trial time unit"]
    mask: Bool[Array, "trial time"]

    def cut(self, bins: int) -> Activity:
        """Windows of `bins` bins that cover every trial, spread evenly, so that they overlap where the length is no multiple; empty ones are left out."""
        whole = self.mask.shape[1]
        if bins >= whole:
            return self
        starts = np.linspace(0, whole - bins, -(-whole // bins)).round().astype(int)
        time = starts[:, None] + np.arange(bins)
        mask = self.mask[:, time].reshape(-1, bins)
        kept = mask.any(1)
        return Activity(self.values[:, time].reshape(-1, bins, self.values.shape[2])[kept], mask[kept])


@dataclass(frozen=True)
class Posterior:
    """What the observed bins say about the latents. Trials that lack the same bins share their covariances."""

    mean: Float[Array, "trial time latent"]
    log_likelihood: Float[Array, " trial"]
    pattern: Int[Array, " trial"]
    """Which pattern of observed bins a trial has."""
    covariance: Float[Array, "pattern time latent latent"]
    """Posterior covariance at every bin."""
    spread: Float[Array, "course time time"]
    """Posterior covariance of each latent's course, summed over trials; empty unless asked for."""

    def summed_covariance(self, mask: Bool[Array, "trial time"]) -> np.ndarray:
        """Σ of the covariances at the bins inside a mask, `(latent, latent)`."""
        trials = np.stack([mask[self.pattern == g].sum(0) for g in range(len(self.covariance))])
        return np.tensordot(trials, self.covariance[:, : mask.shape[1]], 2)


def infer(factors: Factors, activity: Activity, bins: int | None = None, *, courses: bool = False) -> Posterior:
    """Exact posterior over the first `bins` bins (default: those given); bins without data are extrapolated.

    A latent is the sum of a smooth part s = F b, b ~ N(0, I), F a thin factor of the smooth covariance, and an independent part of variance ε. The latter is
    integrated out bin by bin, so that each pattern of observed bins asks for one inverse of the size of b, not of latents × bins.

    Args:
        factors: the parameters.
        activity: observed bins.
        bins: bins to infer, at least those given.
        courses: whether `spread` is wanted.
    """
    latents, seen = factors.loading.shape[1], activity.mask.shape[1]
    bins = bins or seen
    factor, owner = thin_factor(factors.timescale, bins)
    own = np.equal.outer(np.arange(latents), owner).astype(float)
    scaled = factors.loading / factors.variance[:, None]
    precision = factors.loading.T @ scaled
    shrink = np.linalg.inv(np.eye(latents) + NOISE * precision)
    weight = shrink @ precision
    residual = (activity.values @ scaled - activity.mask[..., None] * (factors.offset @ scaled)) @ shrink

    patterns, pattern = np.unique(activity.mask, axis=0, return_inverse=True)
    pattern = pattern.reshape(-1)
    mean = np.empty((len(activity.mask), bins, latents))
    log_likelihood = _independent_log_likelihood(factors, activity, residual, shrink)
    covariance = np.empty((len(patterns), bins, latents, latents))
    spread = np.zeros((latents if courses else 0, bins, bins))
    for g, observed in enumerate(patterns):
        rows = np.flatnonzero(pattern == g)
        # x at a bin: `mix` times the smooth part there, a share of the residual, and what stays unknown of the independent part
        mix = np.broadcast_to(np.eye(latents), (bins, latents, latents)).copy()
        unknown = NOISE * mix
        mix[:seen][observed], unknown[:seen][observed] = shrink, NOISE * shrink

        inner = factor[:seen][observed]
        system = np.eye(len(owner)) + weight[np.ix_(owner, owner)] * (inner.T @ inner)
        solved = np.linalg.inv(system)
        right = np.concatenate([residual[rows, :, i] @ factor[:seen, owner == i] for i in range(latents)], 1)
        codes = right @ solved
        log_likelihood[rows] += 0.5 * ((right * codes).sum(1) - np.linalg.slogdet(system)[1])

        smooth = np.stack([codes[:, owner == i] @ factor[:, owner == i].T for i in range(latents)], 2)
        smooth[:, :seen][:, observed] = smooth[:, :seen][:, observed] @ shrink
        smooth[:, :seen] += NOISE * residual[rows]
        mean[rows] = smooth

        halfway = np.stack([factor[:, owner == i] @ solved[owner == i] for i in range(latents)], 1)
        covariance[g] = mix @ (halfway * factor[:, None]) @ own.T @ mix + unknown
        for i in range(len(spread)):
            mixed = mix[:, i][:, owner] * factor
            spread[i] += len(rows) * (mixed @ solved @ mixed.T + np.diag(unknown[:, i, i]))
    return Posterior(mean, log_likelihood, pattern, covariance, spread)


def _independent_log_likelihood(
    factors: Factors, activity: Activity, residual: np.ndarray, shrink: np.ndarray
) -> np.ndarray:
    """Log likelihood of each trial if its latents had their independent part only, `(trial,)`."""
    bins = activity.mask.sum(1)
    precision = 1 / factors.variance
    distance = (
        np.square(activity.values).sum(1) @ precision
        - 2 * activity.values.sum(1) @ (precision * factors.offset)
        + bins * (np.square(factors.offset) @ precision)
        - NOISE * ((residual @ np.linalg.inv(shrink)) * residual).sum((1, 2))
    )
    constant = len(precision) * np.log(2 * np.pi) + np.log(factors.variance).sum() - np.linalg.slogdet(shrink)[1]
    return np.asarray(-0.5 * (distance + bins * constant))


def initial_factors(activity: Activity, latents: int, timescale: float, iterations: int = 200) -> Factors:
    """Factor analysis of the bins as if they were independent (maximum likelihood by alternating eigenproblems); every latent starts at one timescale.

    Args:
        activity: observed bins.
        latents: number of latents, at most that of the units.
        timescale: in bins.
        iterations: eigenproblems to solve.
    """
    rows = activity.values[activity.mask]
    offset = rows.mean(0)
    covariance = rows.T @ rows / len(rows) - np.outer(offset, offset)
    total = np.maximum(np.diag(covariance), 0)
    constant = total <= 1e-12 * max(float(total.max()), 1.0)
    least = np.where(constant, 1.0, _LEAST_VARIANCE * total)
    variance = np.maximum(total, least)
    loading = np.zeros((len(offset), latents))
    for _ in range(iterations):
        deviation = np.sqrt(variance)
        values, vectors = np.linalg.eigh(covariance / np.outer(deviation, deviation))
        strength = np.sqrt(np.maximum(values[::-1][:latents] - 1, 1e-6))
        loading = deviation[:, None] * vectors[:, ::-1][:, :latents] * strength
        loading[constant] = 0
        variance = np.maximum(total - np.square(loading).sum(1), least)
    return Factors(loading, offset, variance, np.full(latents, timescale))


def expectation_maximisation(activity: Activity, factors: Factors) -> Iterator[tuple[Factors, float]]:
    """Yields, without end, parameters and the log likelihood of the activity under them; no step lowers it (Yu et al. 2009, appendix).

    Loading, offset and private variances are the maximum of the expected log likelihood. Timescales take the bold step of `better_timescales`, and the careful
    one where the bold one would lower the likelihood.
    """
    values, mask = activity.values, activity.mask
    latents, rows = factors.loading.shape[1], float(mask.sum())
    sums_y = values.sum((0, 1))
    squares = np.square(values).sum((0, 1))
    total = squares / rows - np.square(sums_y / rows)
    least = np.where(np.any(factors.loading != 0, axis=1), _LEAST_VARIANCE * total, 1.0)
    found = infer(factors, activity, courses=True)
    while True:
        level = float(found.log_likelihood.sum())
        yield factors, level
        x = np.concatenate([found.mean * mask[..., None], mask[..., None]], 2).reshape(-1, latents + 1)
        second = x.T @ x
        second[:latents, :latents] += found.summed_covariance(mask)
        crossed = values.reshape(-1, values.shape[2]).T @ x
        joint = np.linalg.solve(second, crossed.T).T
        variance = np.maximum((squares - (joint * crossed).sum(1)) / rows, least)
        course = np.ascontiguousarray(found.mean.transpose(2, 1, 0))
        moments = course @ course.transpose(0, 2, 1) + found.spread
        for timescale in better_timescales(factors.timescale, moments, found.spread, float(len(mask))):
            proposed = Factors(joint[:, :latents], joint[:, latents], variance, timescale)
            found = infer(proposed, activity, courses=True)
            if found.log_likelihood.sum() >= level:
                break
        factors = proposed


def fit_factors(
    activity: Activity,
    latents: int,
    timescale: float,
    *,
    iterations: int,
    tolerance: float,
    segment: int | None = None,
    valid: Activity | None = None,
) -> tuple[Factors, float]:
    """Parameters by EM, and the log likelihood of the validation trials under them (minus infinity without any).

    Args:
        activity: training trials.
        latents: number of latents.
        timescale: to start from, in bins.
        iterations: EM steps, at most.
        tolerance: EM stops at a step that raises the log likelihood by less than this share of the rise so far.
        segment: length of the windows that trials are cut into, in bins; None for whole trials.
        valid: validation trials, whole; EM stops once they become less likely, looked at every fifth step.
    """
    activity = activity if segment is None else activity.cut(segment)
    steps = expectation_maximisation(activity, initial_factors(activity, latents, timescale))
    best, best_score, levels = None, -np.inf, list[float]()
    for factors, level in with_bar(steps, f"gpfa, {latents} latents", iterations):
        levels.append(level)
        ended = len(levels) == iterations or (len(levels) > 1 and level - levels[-2] < tolerance * (level - levels[0]))
        if valid is None:
            best = factors
        elif ended or len(levels) % _CHECK_EVERY == 0:
            score = float(infer(factors, valid).log_likelihood.sum())
            if score <= best_score:
                break
            best, best_score = factors, score
        if ended:
            break
    assert best is not None
    return best, best_score
