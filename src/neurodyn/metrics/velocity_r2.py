"""Velocity decoded linearly from the rates, as the Neural Latents Benchmark does."""

from __future__ import annotations

import numpy as np

from neurodyn.data.trials import Trials
from neurodyn.errors import InvalidInput
from neurodyn.metrics._r2 import r2
from neurodyn.metrics.base import Evaluation, Measurement, Metric, Split
from neurodyn.regression.ridge import fit_cross_validated
from neurodyn.shapes import Array, Float

PENALTIES = np.logspace(-4, 0, 9)
QUICK_PENALTY = 1e-2
FITTED_ON: tuple[Split, ...] = ("train", "valid")


class VelocityR2(Metric):
    """R² of velocity decoded by ridge regression from all units' rates of the same bin, the benchmark's own (arXiv 2109.04463)."""

    definition = (
        "R2 on test trials, averaged over velocity channels and then over decode groups, of a ridge regression with intercept from all units' rates over "
        "the observed bins, fitted on train and valid trials in their recorded order with its penalty (1e-4 ... 1) by 5 contiguous folds over bins; bins "
        "without velocity left out."
    )

    def applies(self, evaluation: Evaluation) -> bool:
        return {"train", "test"} <= set(evaluation.inferred) and all(
            inferred.rates is not None and _has_velocity(evaluation.trials[split])
            for split, inferred in evaluation.inferred.items()
        )

    def measure(self, evaluation: Evaluation) -> Measurement:
        given: list[Split] = [split for split in FITTED_ON if split in evaluation.inferred]
        parts = [evaluation.trials[split] for split in given]
        place = _recorded_order(parts)
        seen, start = parts[0].observed_bins, 0
        test, test_rates = evaluation.trials["test"], evaluation.inferred["test"].rates
        assert test_rates is not None
        rates = np.empty((len(place), seen, test.units), test_rates.dtype)
        velocity, group = np.empty((*rates.shape[:2], _velocity(test).shape[2])), np.empty(len(place), int)
        for split, trials in zip(given, parts):
            inferred = evaluation.inferred[split].rates
            assert inferred is not None
            rows = place[start : start + len(trials)]
            rates[rows], velocity[rows], group[rows] = inferred[:, :seen], _velocity(trials), _group(trials)
            start += len(trials)
        return velocity_r2(rates, velocity, test_rates[:, :seen], _velocity(test), group, _group(test))


def velocity_r2(
    train_rates: Float[Array, "trial time unit"],
    train_velocity: Float[Array, "trial time channel"],
    test_rates: Float[Array, "test_trial time unit"],
    test_velocity: Float[Array, "test_trial time channel"],
    train_group: np.ndarray | None = None,
    test_group: np.ndarray | None = None,
    *,
    search: bool = True,
) -> Measurement:
    """Decodes velocity and scores the test trials; rows whose first velocity channel is NaN are left out, in training and test.

    Sums of products are taken once for every fold and penalty, in float64. The penalty is chosen among 1e-4 ... 1 by 5 contiguous folds over rows.

    Args:
        train_rates, test_rates: expected counts per bin of all units, in one order.
        train_velocity, test_velocity: velocity, of the same bins.
        train_group, test_group: `(trial,)` whole numbers: trials that share a decoder; the score is the mean over groups. None: one decoder. A trial with a negative group has none.
        search: false takes the penalty 0.01 without a search.

    Raises:
        InvalidInput: rates or velocities that are not finite in a used row, a test group without training trials, or no used row.
    """
    train_group = np.zeros(len(train_rates), int) if train_group is None else train_group
    test_group = np.zeros(len(test_rates), int) if test_group is None else test_group
    fitted_on = _used(train_velocity, "train") & (train_group >= 0)[:, None]
    scored = _used(test_velocity, "test") & (test_group >= 0)[:, None]
    groups = np.unique(test_group[scored.any(1)])
    if not len(groups):
        raise InvalidInput("test velocity", "none", "velocity in at least one bin")
    _check_rates(train_rates, fitted_on, "train")
    _check_rates(test_rates, scored, "test")
    rows = train_rates.reshape(-1, train_rates.shape[2])
    targets = train_velocity.reshape(-1, train_velocity.shape[2])
    penalties = PENALTIES if search else np.array([QUICK_PENALTY])
    parts, chosen = [], []
    for group in groups:
        keep = fitted_on & (train_group == group)[:, None]
        if not keep.any():
            raise InvalidInput(
                "decode_group", f"group {group} in test trials only", "training trials with velocity for each"
            )
        decoder = fit_cross_validated(rows, targets, None, penalties, keep=None if keep.all() else keep.reshape(-1))
        own = scored & (test_group == group)[:, None]
        with np.errstate(invalid="ignore"):
            decoded = decoder(test_rates)
        parts.append(r2(test_velocity, decoded, own, "channels", "decoded velocity"))
        chosen.append(decoder.penalty)
    width = parts[0].sums.shape[1]

    def statistic(sums: np.ndarray) -> np.ndarray:
        each = [part.statistic(sums[:, k * width : (k + 1) * width]) for k, part in enumerate(parts)]
        return np.asarray(np.mean(each, 0))

    return Measurement(np.concatenate([part.sums for part in parts], 1), statistic, {"penalties": chosen})


def _used(velocity: np.ndarray, split: str) -> np.ndarray:
    """Bins `(trial, time)` with a velocity: the first channel decides."""
    used = np.asarray(~np.isnan(velocity[..., 0]))
    if not np.isfinite(velocity[used]).all():
        trial, time, channel = (int(i) for i in np.argwhere(used[..., None] & ~np.isfinite(velocity))[0])
        raise InvalidInput(
            f"{split} velocity",
            f"{velocity[trial, time, channel]} at trial {trial}, bin {time}, channel {channel}",
            "finite values wherever the first channel has one",
            "A missing bin is NaN in every channel.",
        )
    return used


def _check_rates(rates: np.ndarray, used: np.ndarray, split: str) -> None:
    if np.isfinite(rates.sum(dtype=np.float64)):
        return
    for trial in np.flatnonzero(used.any(1)):
        bad = used[trial][:, None] & ~np.isfinite(rates[trial])
        if bad.any():
            time, unit = (int(i) for i in np.argwhere(bad)[0])
            got = f"{rates[trial, time, unit]} at trial {trial}, bin {time}, unit {unit} of {split} trials"
            raise InvalidInput("rates", got, "finite expected counts per bin")


def _recorded_order(parts: list[Trials]) -> np.ndarray:
    """The place of every trial of the parts, one part after the other, among all of them as recorded; their own order where the table has none."""
    if any("trial_id" not in part.table for part in parts):
        return np.arange(sum(len(part) for part in parts))
    recorded = np.concatenate([part.table["trial_id"].to_numpy() for part in parts])
    return np.argsort(np.argsort(recorded, kind="stable"))


def _has_velocity(trials: Trials) -> bool:
    """Whether velocity is known in some bin, and who shares a decoder; a benchmark may withhold the test trials' velocity."""
    if "decode_group" not in trials.table or "velocity" not in trials.of_role("behaviour"):
        return False
    return not np.isnan(_velocity(trials)[..., 0]).all()


def _velocity(trials: Trials) -> np.ndarray:
    """Velocity over the observed bins, NaN outside the mask."""
    seen = trials.observed_bins
    values = np.asarray(trials.signals["velocity"].values[:, :seen], np.float64)
    return values if trials.mask[:, :seen].all() else np.where(trials.mask[:, :seen, None], values, np.nan)


def _group(trials: Trials) -> np.ndarray:
    return trials.table["decode_group"].to_numpy(int)
