"""How many delays and coordinates: what predicts the next bin of trials that were held out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from neurodyn.config import check_range
from neurodyn.errors import InvalidInput
from neurodyn.shapes import Array, Float
from neurodyn.similarity.activity import Activity
from neurodyn.similarity.delay_embedding import DelayCoordinates, windows_inside
from neurodyn.similarity.linear_operator import fitted_step, transitions


@dataclass(frozen=True, eq=False)
class DelayChoice:
    """Held-out error of one-step predictions for each number of delays and rank, and the simplest setting that does as well as the best."""

    delays: tuple[int, ...]
    ranks: tuple[int, ...]
    error: Float[Array, "delay rank"]
    """Squared error of predicting the next bin, over that of predicting no change: 1 is no better than that, 0 perfect. NaN where there are fewer coordinates than the rank."""
    chosen_delays: int
    chosen_rank: int
    """The smallest rank, and then the fewest delays, whose error is within one standard error (over trials) of the least."""


def choose_delays(
    activity: Activity | np.ndarray,
    delays: Sequence[int] = (1, 2, 5, 10, 20),
    ranks: Sequence[int] = (2, 3, 5, 8, 12, 20),
    *,
    interval: int = 1,
    folds: int = 5,
    seed: int = 0,
) -> DelayChoice:
    """Sweeps delays and rank of the linear operator that `dsa` compares, and suggests both.

    For each fold of trials, coordinates and operator (centred, no penalty) are fitted to the other trials and predict every next bin of the fold's from the window before it. All settings are
    judged on the same bins: those that the most delays can predict.

    Args:
        activity: trials `(trial, time, unit)`.
        delays, ranks: what is tried, each at least 1.
        interval: bins from one bin of a window to the next.
        folds: parts of the trials, each held out once.
        seed: of the random order of trials.

    Raises:
        InvalidInput: fewer trials than folds, nothing to try, or no trial long enough for the most delays.
    """
    activity = Activity.of(activity)
    for name, given in (("delays", delays), ("ranks", ranks)):
        if not given:
            raise InvalidInput(name, "none", "at least one to try")
        check_range(name, min(given), 1)
    check_range("folds", folds, 2)
    if activity.rows < folds:
        raise InvalidInput(activity.name, f"{activity.rows} trials", f"at least {folds}, one for each fold")
    delays, ranks = sorted(set(delays)), sorted(set(ranks))
    longest = (delays[-1] - 1) * interval
    judged = windows_inside(activity.counted, delays[-1], interval)
    judged = judged[:, :-1] & activity.counted[:, longest + 1 :]
    if not judged.any():
        got = f"no stretch of {longest + 2} bins with data"
        raise InvalidInput(activity.name, got, f"one, for {delays[-1]} delays", "Try fewer delays.")
    true = activity.values[:, longest:].astype(np.float64)
    still = _by_trial(true[:, :-1] - true[:, 1:], judged)
    errors = np.full((len(delays), len(ranks), activity.rows), np.nan)
    order = np.random.default_rng(seed).permutation(activity.rows)
    for held in np.array_split(order, folds):
        rest = activity.take(rows=np.setdiff1d(order, held))
        for i, count in enumerate(delays):
            coordinates = DelayCoordinates.fit(rest, count, interval)
            most = min(ranks[-1], len(coordinates.sizes))
            states = coordinates.of(rest, most)
            sums = transitions(states, coordinates.valid(rest.counted)).summed()
            seen = coordinates.of(activity.take(rows=held), most)[:, longest - coordinates.span : -1]
            for j, rank in enumerate(r for r in ranks if r <= most):
                step = fitted_step(sums, rank)
                found = coordinates.newest(seen[..., :rank] @ step.operator.T + step.offset)
                errors[i, j, held] = _by_trial(found - true[held, 1:], judged[held])
    return _chosen(tuple(delays), tuple(ranks), errors, still)


def _by_trial(difference: np.ndarray, counted: np.ndarray) -> np.ndarray:
    """Sum of squares over the bins that count `(trial,)`."""
    return np.asarray((np.where(counted[..., None], difference, 0) ** 2).sum((1, 2)))


def _chosen(delays: tuple[int, ...], ranks: tuple[int, ...], errors: np.ndarray, still: np.ndarray) -> DelayChoice:
    error = errors.sum(2) / still.sum()
    best = np.unravel_index(np.nanargmin(error), error.shape)
    worse = errors - errors[best]  # trials differ much in size, settings on one trial little
    within = worse.mean(2) <= worse.std(2, ddof=1) / np.sqrt(errors.shape[2])
    rank = int(np.argmax(within.any(0)))
    count = int(np.argmax(within[:, rank]))
    return DelayChoice(delays, ranks, error, delays[count], ranks[rank])
