"""Measures as they were published for the two-area study: every trial, the model's own training trials included.

They are kept so that stored results can be compared. What is wrong with each is on its page.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from neurodyn.metrics._pairs import Quantity, inferred_of, true_of
from neurodyn.metrics._r2 import r2
from neurodyn.metrics._stand_ins import measured_with, with_inferred
from neurodyn.metrics.base import Evaluation, Measurement, Split, other_trials
from neurodyn.regression.ridge import fit_cross_validated
from neurodyn.similarity.shape_distance import angle, dimension_floor, whitening

OVER = "all trials, training trials included"
SPLITS: tuple[Split, ...] = ("train", "valid", "test")
_RIDGE = 1e-14  # relative to the features' mean sum of squares: least squares where they are independent, the smallest weights where they are not
_BLOCK = 64  # trials brought to float64 at a time


def published_r2(evaluation: Evaluation, what: Quantity, *, to_truth: bool) -> Measurement:
    """R² of least squares with intercept from what is inferred to the truth, or back, each channel alike, over the bins of all trials."""
    found, y, mask = _regressed(evaluation, what, to_truth)
    scored = r2(y, found, mask, "channels", what)
    return Measurement(scored.sums, scored.statistic, over=OVER)


def published_r2_by_trial(evaluation: Evaluation, what: Quantity, *, to_truth: bool) -> Measurement:
    """R² of the same regression in each trial by itself, averaged over channels and then over trials; the median over trials is in the context.

    A channel that does not vary within a trial counts 1 if it is predicted exactly, else 0, as in scikit-learn.
    """
    found, y, mask = _regressed(evaluation, what, to_truth)
    inside = mask[..., None]
    some = np.maximum(mask.sum(1), 1)[:, None, None]
    residual = np.square(np.where(inside, y - found, 0)).sum(1)
    total = np.square(np.where(inside, y - y.sum(1, keepdims=True) / some, 0)).sum(1)
    constant = total <= 1e-12 * np.square(y).sum((0, 1)) / max(len(y), 1)
    each = np.where(constant, residual == 0, 1 - residual / np.where(constant, 1, total)).mean(1)
    counted = mask.any(1)
    sums = np.column_stack([np.where(counted, each, 0), counted])
    return Measurement(sums, lambda s: np.asarray(s[:, 0] / s[:, 1]), {"median": float(np.median(each[counted]))}, OVER)


def published_shape_distance(evaluation: Evaluation, what: Quantity, alpha: float) -> Measurement:
    """Shape distance between what is inferred and the truth over the bins of all trials. Bootstrap draws keep the whitening of all trials.

    So a draw needs the cross products of each trial only, not the products of all the inferred channels with each other.
    """
    x, y, mask = _all_trials(evaluation, what)
    to_x, to_y = (whitening(_products(a, mask), alpha) for a in (x, y))
    shape = len(to_x), len(to_y)
    x_mean, y_mean = x[mask].mean(0), y[mask].mean(0)
    sums = []
    for first in range(0, len(x), _BLOCK):
        part = slice(first, first + _BLOCK)
        inside = mask[part][..., None]
        a = np.where(inside, x[part] - x_mean, 0) @ to_x
        b = np.where(inside, y[part] - y_mean, 0) @ to_y
        crossed = (a.transpose(0, 2, 1) @ b).reshape(len(a), -1)
        squares = [np.square(each).sum((1, 2)) for each in (a, b)]
        sums.append(np.column_stack([mask[part].sum(1), *squares, a.sum(1), b.sum(1), crossed]))

    def statistic(drawn: np.ndarray) -> np.ndarray:
        n, x_squares, y_squares = drawn[:, :3].T
        x_sum, y_sum, crossed = np.split(drawn[:, 3:], np.cumsum(shape), axis=1)
        crossed = crossed.reshape(-1, *shape) - x_sum[:, :, None] * (y_sum / n[:, None])[:, None]
        x_squares = x_squares - np.square(x_sum).sum(1) / n
        return np.asarray(angle(crossed, x_squares, y_squares - np.square(y_sum).sum(1) / n))

    return Measurement(np.concatenate(sums), statistic, {"whitening": "of all trials, in every draw"}, OVER)


def shape_floor(evaluation: Evaluation, what: Quantity, alpha: float) -> Measurement:
    """The least shape distance that the numbers of dimensions allow, whatever the model inferred; the same in every bootstrap draw.

    Dimensions are counted as the whitening leaves them: one that hardly varies counts for little.
    """
    x, y, mask = _all_trials(evaluation, what)
    counted = [_whitened_squares(_products(a, mask), alpha) for a in (x, y)]
    floor = dimension_floor(*counted)
    return Measurement(np.zeros((len(x), 1)), lambda s: np.full(len(s), floor), over=OVER)


def simpler_than_published(
    measure: Callable[[Evaluation], Measurement], evaluation: Evaluation, what: Quantity
) -> dict[str, Measurement]:
    """The measure's stand-ins, and the inference given to other trials in **every** split: the measure fits and scores on all."""
    own = measured_with(measure, evaluation, what)
    if min(len(trials) for trials in evaluation.trials.values()) > 1:
        own["shuffled"] = measure(_all_shuffled(evaluation, what))
    return own


def _all_shuffled(evaluation: Evaluation, what: Quantity) -> Evaluation:
    moved = {
        split: getattr(each, what)[other_trials(len(evaluation.trials[split]))]
        for split, each in evaluation.inferred.items()
    }
    return with_inferred(evaluation, what, moved)


def _regressed(evaluation: Evaluation, what: Quantity, to_truth: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What the regression predicts, its target `(trial, time, channel)`, and the mask."""
    inferred, true, mask = _all_trials(evaluation, what)
    x, y = (inferred, true) if to_truth else (true, inferred)
    used = mask.reshape(-1)
    rows = x.reshape(len(used), -1)
    ridge = _RIDGE * float(np.var(rows[used], axis=0).mean()) * used.sum() + np.finfo(float).tiny
    return fit_cross_validated(rows, y.reshape(len(used), -1), None, np.array([ridge]), keep=used)(x), y, mask


def _all_trials(evaluation: Evaluation, what: Quantity) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Inferred and true values and the mask of the trials of all splits, in recorded order where the table has one (`trial_id`)."""
    given: list[Split] = [split for split in SPLITS if split in evaluation.inferred]
    trials = [evaluation.trials[split] for split in given]
    merged = [
        np.concatenate([inferred_of(evaluation, split, what) for split in given]),
        np.concatenate([true_of(evaluation, split, what) for split in given]),
        np.concatenate([each.mask for each in trials]),
    ]
    if all("trial_id" in each.table for each in trials):
        recorded = np.argsort(np.concatenate([each.table["trial_id"].to_numpy() for each in trials]), kind="stable")
        merged = [values[recorded] for values in merged]
    return merged[0], merged[1], merged[2]


def _products(values: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Products of the channels about their means, `(channel, channel)`."""
    rows = values[mask]
    rows -= rows.mean(0)
    return np.asarray(rows.T @ rows)


def _whitened_squares(products: np.ndarray, alpha: float) -> float:
    gain = whitening(products, alpha)
    return float(np.trace(gain @ products @ gain))
