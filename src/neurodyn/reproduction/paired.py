"""How one arm differs from another: seed by seed, on the same test trials."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from neurodyn.metrics.base import Score

Standing = Literal["better", "worse", "open"]


@dataclass(frozen=True)
class Paired:
    """Differences of one score between two arms."""

    to: str
    """Path of the other arm."""
    seeds: tuple[int, ...]
    """Those that both arms ran with; the only run of an arm that nothing is drawn for stands beside every seed."""
    differences: tuple[float, ...]
    """Of every seed: the arm's score minus the other's."""
    difference: float
    """Their mean."""
    interval: tuple[float, float]
    """95 % interval of the mean; NaN for one seed without draws."""
    how: str
    """What the interval is made of."""
    agree: int
    """Seeds whose difference has the sign of the mean."""

    def standing(self, direction: Literal["higher", "lower"]) -> Standing:
        """Whether the arm is better or worse than the other by the interval, or that is open."""
        low, high = self.interval if direction == "higher" else (-self.interval[1], -self.interval[0])
        return "better" if low > 0 else "worse" if high < 0 else "open"

    def as_mapping(self) -> dict[str, Any]:
        """As plain values, for a score's context."""
        return {**dataclasses.asdict(self), "seeds": list(self.seeds), "differences": list(self.differences)}


def paired(mine: Mapping[int, Score], theirs: Mapping[int, Score], to: str) -> Paired:
    """The differences of a score between two arms, with a 95 % interval of their mean.

    The interval has two sources: the test trials (every run's scores were drawn with the same resampled trials, so that differences are taken draw by
    draw) and the seeds (Student's t with seeds − 1 degrees of freedom: three seeds drawn with replacement would tell far too little of a fourth).
    Where the draws of the two do not pair, the seeds alone are left.

    Args:
        mine, theirs: scores by seed, of the same seeds.
        to: path of the other arm.
    """
    seeds = tuple(mine)
    differences = np.array([mine[seed].value - theirs[seed].value for seed in seeds])
    drawn = [_drawn(mine[seed], theirs[seed]) for seed in seeds]
    whole = [each for each in drawn if each is not None]
    interval, how = _interval(differences, np.array(whole) if len(whole) == len(seeds) else None)
    mean = float(differences.mean())
    return Paired(
        to=to,
        seeds=seeds,
        differences=tuple(differences.tolist()),
        difference=mean,
        interval=interval,
        how=how,
        agree=int((np.sign(differences) == np.sign(mean)).sum()),
    )


def _drawn(mine: Score, theirs: Score) -> np.ndarray | None:
    """The difference under every draw `(draw,)`; None where the draws were not of the same rows."""
    if mine.drawn is None or theirs.drawn is None or len(mine.drawn) != len(theirs.drawn) or mine.n != theirs.n:
        return None
    return np.asarray(mine.drawn - theirs.drawn)


def _interval(differences: np.ndarray, drawn: np.ndarray | None) -> tuple[tuple[float, float], str]:
    """The 95 % interval of the mean over seeds from `(seed,)` and `(seed, draw)`, and what it is made of."""
    from scipy.stats import t

    seeds = len(differences)
    error = float(differences.std(ddof=1)) / np.sqrt(seeds) if seeds > 1 else 0.0
    if drawn is None:
        if seeds == 1:
            return (float("nan"), float("nan")), "none: one seed"
        low, high = differences.mean() + error * t.ppf([0.025, 0.975], seeds - 1)
        return (float(low), float(high)), f"95 %: Student's t over {seeds} seeds"
    values = drawn.mean(0)
    how = "95 % bootstrap over test trials, of one seed"
    if seeds > 1:
        quantiles = t.ppf((np.arange(len(values)) + 0.5) / len(values), seeds - 1)
        values = values + error * np.random.default_rng(0).permutation(quantiles)
        how = f"95 %: bootstrap over test trials and Student's t over {seeds} seeds"
    finite = values[np.isfinite(values)]
    if not len(finite):
        return (float("nan"), float("nan")), "none: no draw has a value"
    low, high = np.percentile(finite, [2.5, 97.5])
    return (float(low), float(high)), how
