"""Condition averages of the rates against the true ones, unit by unit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from neurodyn.errors import InvalidInput
from neurodyn.metrics.base import Evaluation, Measurement, Metric
from neurodyn.shapes import Array, Float


class PsthR2(Metric):
    """R² of the condition averages of the test rates against the true PSTHs, averaged over units (arXiv 2109.04463)."""

    definition = (
        "Mean over all units of R2 between the test trials' predicted rates averaged within each condition and the true PSTH, over conditions and bins; "
        "no regression and no scaling."
    )

    def applies(self, evaluation: Evaluation) -> bool:
        return has_psth(evaluation)

    def measure(self, evaluation: Evaluation) -> Measurement:
        return measured(evaluation, "neurons")


def psth_r2(
    psth: Float[Array, "condition time unit"],
    rates: Float[Array, "trial _ _"],
    condition_rows: Sequence[np.ndarray],
    jitter: np.ndarray | None = None,
    *,
    average: Literal["neurons", "pooled"] = "neurons",
) -> Measurement:
    """R² between true and predicted condition averages over all conditions' bins; in the bootstrap rows are conditions.

    Only bins where the PSTH of the first unit is known count. Conditions without a trial, or without such a bin, are left out. `neurons`: mean over units
    of 1 − residual / total; a unit that does not vary counts 1 if predicted exactly, else 0, as in scikit-learn. `pooled`: both sums over units first.
    Source: Neural Latents Benchmark, arXiv 2109.04463.

    Args:
        psth: true averages, expected counts per bin, NaN where unknown.
        rates: predicted expected counts per bin, `(trial, time, unit)`, units in the same order.
        condition_rows: for each condition, the places of its trials.
        jitter: `(trial,)` bins by which each trial's window was moved; it is moved back before averaging (later for positive ones), which leaves bins without rates.
        average: over units.

    Raises:
        InvalidInput: shapes that disagree; a rate that is missing or not finite where the PSTH is known; a PSTH known for the first unit only; no condition
            with trials.
    """
    if psth.shape[1:] != rates.shape[1:] or len(condition_rows) != len(psth):
        raise InvalidInput("psth", f"shape {psth.shape} for rates {rates.shape}", "the same bins and units")
    residual, true = [], []
    for condition, rows in enumerate(condition_rows):
        known = ~np.isnan(psth[condition, :, 0])
        if not len(rows) or not known.any():
            continue
        predicted = _average(rates, rows, jitter)
        y, p = (psth[condition], predicted) if known.all() else (psth[condition, known], predicted[known])
        squares = np.square(y - p, dtype=np.float64).sum(0)
        if not np.isfinite(squares).all():
            _raise(psth[condition], predicted, known, condition)
        residual.append(squares)
        true.append(y)
    if not true:
        raise InvalidInput("psth", "no condition with test trials and known bins", "at least one")
    sums = np.concatenate([residual, _totals(true)], 1)
    units = psth.shape[2]
    constant = np.all([np.ptp(y, 0) == 0 for y in true], 0) & np.all([y[0] == true[0][0] for y in true], 0)

    def statistic(drawn: np.ndarray) -> np.ndarray:
        left, spread = drawn[:, :units], np.where(constant, 0, drawn[:, units:])
        if average == "pooled":
            left, spread = left.sum(1, keepdims=True), spread.sum(1, keepdims=True)
        flat = spread == 0
        return np.asarray(np.where(flat, left == 0, 1 - left / np.where(flat, 1, spread)).mean(1))

    return Measurement(sums, statistic, {"conditions_without_trials": len(psth) - len(true)}, "conditions")


def has_psth(evaluation: Evaluation) -> bool:
    """Whether the test trials carry true PSTHs of their conditions, whole windows, and rates."""
    test = evaluation.trials["test"]
    if evaluation.inferred["test"].rates is None or test.psth is None or "condition" not in test.table:
        return False
    rows = test.psth.rows(test.table["condition"].to_numpy())
    return bool(test.mask[:, : test.observed_bins].all()) and any(len(r) for r in rows)


def measured(evaluation: Evaluation, average: Literal["neurons", "pooled"]) -> Measurement:
    """The measurement of test trials; conditions are the table's, jitter its `jitter_bins` where there is one."""
    test, rates = evaluation.trials["test"], evaluation.inferred["test"].rates
    assert test.psth is not None and rates is not None
    jitter = test.table["jitter_bins"].to_numpy(int) if "jitter_bins" in test.table else None
    rows = test.psth.rows(test.table["condition"].to_numpy())
    order = test.unit_order  # known bins go by the first held-in unit
    seen = np.ascontiguousarray(rates[:, : test.observed_bins, order])
    return psth_r2(np.ascontiguousarray(test.psth.rates[:, :, order]), seen, rows, jitter, average=average)


def _average(rates: np.ndarray, rows: np.ndarray, jitter: np.ndarray | None) -> np.ndarray:
    """Mean rate of some trials, each moved back by its jitter, `(time, unit)`; NaN where any of them has no bin."""
    total = np.zeros(rates.shape[1:])
    for row in rows:  # added up in place: a gathered copy of the trials costs more than the sum
        moved = 0 if jitter is None else int(jitter[row])
        if moved > 0:
            total[moved:] += rates[row, :-moved]
            total[:moved] = np.nan
        elif moved < 0:
            total[:moved] += rates[row, -moved:]
            total[moved:] = np.nan
        else:
            total += rates[row]
    return total / len(rows)


def _totals(true: list[np.ndarray]) -> np.ndarray:
    """Sums of squares `(condition, unit)` about each unit's mean over all rows."""
    bins = sum(len(y) for y in true)
    mean = np.sum([y.sum(0, dtype=np.float64) for y in true], 0) / bins
    return np.array([np.square(y - mean).sum(0) for y in true])


def _raise(psth: np.ndarray, predicted: np.ndarray, known: np.ndarray, condition: int) -> None:
    bad = known[:, None] & ~np.isfinite(predicted)
    field, values = ("rates", predicted) if bad.any() else ("psth", psth)
    time, unit = (int(i) for i in np.argwhere(known[:, None] & ~np.isfinite(values))[0])
    raise InvalidInput(
        field,
        f"a mean of {values[time, unit]} in condition {condition}, bin {time}, unit {unit}",
        "finite values wherever the first unit's PSTH is known",
    )
