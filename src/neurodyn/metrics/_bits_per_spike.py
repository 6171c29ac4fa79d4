"""Poisson log likelihood above a constant rate, in bits per spike."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from neurodyn.data.inference import Inference
from neurodyn.data.trials import Trials
from neurodyn.errors import InvalidInput
from neurodyn.metrics.base import Measurement
from neurodyn.shapes import Array, Bool, Float, Shaped

FLOOR = 1e-9
"""What a rate of exactly 0 is taken for, in expected counts per bin."""


def has_rates(trials: Trials, inferred: Inference) -> bool:
    """Whether there are spike counts and rates to score."""
    return trials.neural_name is not None and trials.neural.kind == "spikes" and inferred.rates is not None


def bits_per_spike(
    rates: Float[Array, "trial time unit"],
    counts: Shaped[Array, "trial time unit"],
    known: Bool[Array, "trial time"] | Bool[Array, "trial time unit_or_one"],
    *,
    units: Sequence[int] | np.ndarray | None = None,
    first_bin: int = 0,
) -> Measurement:
    """Bits per spike, (NLL(null) − NLL(rates)) / (spikes · ln 2), with NLL(r) = Σ r − n ln r (ln n! cancels), in float64.

    The null rate is each unit's mean count over the evaluated entries. It stays so in every bootstrap draw: refitted to fewer distinct trials it would
    fit them better, and the interval would lie below the value. Source: Neural Latents Benchmark, arXiv 2109.04463.

    Args:
        rates: expected counts per bin.
        counts: spike counts.
        known: true where there is data, for each unit or for all alike; nothing outside is read.
        units, first_bin: how to name the unit and the bin in an error.

    Raises:
        InvalidInput: a rate that is negative or not finite where counts are known.
    """
    if known.ndim == 2:
        known = known[..., None]
    if not known.all():
        rates = np.where(known, rates, 0)
        counts = np.where(known, counts, 0)
    least = _check(rates, units, first_bin)
    trials, per_trial, width = len(rates), int(np.prod(rates.shape[1:])), rates.shape[2]
    floored = 0
    if least == 0:
        floored = int(np.count_nonzero((rates == 0) & known))
    expected = rates.reshape(trials, per_trial).sum(1, dtype=np.float64)
    flat = counts.reshape(-1)
    where = np.flatnonzero(flat != 0)  # n ln r is zero wherever no spike fell: most entries
    spikes = flat[where].astype(np.float64)
    logs = np.log(np.maximum(rates.reshape(-1)[where].astype(np.float64), FLOOR))
    trial = where // per_trial
    information = np.bincount(trial, spikes * logs, trials)
    per_unit = np.bincount(trial * width + where % width, spikes, trials * width).reshape(trials, width)
    bins = np.broadcast_to(known.sum(1, dtype=np.float64), per_unit.shape)

    null = np.maximum(per_unit.sum(0) / np.maximum(bins.sum(0), 1), FLOOR)
    gain = information - expected - (per_unit @ np.log(null) - bins @ null)

    def statistic(sums: np.ndarray) -> np.ndarray:
        return np.asarray(sums[:, 0] / sums[:, 1] / np.log(2))

    sums = np.column_stack([gain, per_unit.sum(1)])
    return Measurement(sums, statistic, {"floored_rates": floored})


def _check(rates: np.ndarray, units: Sequence[int] | np.ndarray | None, first_bin: int) -> float:
    """The smallest rate, once all are known to be finite and not negative."""
    least, greatest = float(rates.min()), float(rates.max())  # NaN and infinities reach one of them
    if least >= 0 and np.isfinite(greatest):
        return least
    trial, time, unit = (int(i) for i in np.argwhere(~(np.isfinite(rates) & (rates >= 0)))[0])
    raise InvalidInput(
        "rates",
        f"{rates[trial, time, unit]} at trial {trial}, bin {first_bin + time}, unit {unit if units is None else units[unit]}",
        "finite expected counts per bin, 0 or more",
    )
