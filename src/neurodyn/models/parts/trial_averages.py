"""What a population does on average: in each condition, in each bin of a trial, and with each series of the task."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float
from torch import Tensor

from neurodyn.data.trials import Trials

SMOOTHING_S = 0.02
"""Standard deviation of the Gaussian window that smooths activity, in seconds; at least a bin."""
MOST_CONDITIONS = 256
"""Conditions that are averaged, at most: those with most trials."""
_CHUNK = 256
"""Trials that are read at a time."""
_TELLING_TRIALS = 512
"""Single trials from which covariances are taken."""


@dataclass(frozen=True, eq=False)
class TrialAverages:
    """Averages of one session over its trials. All but the covariance are linear in the activity: a map of channels maps them too."""

    conditions: Mapping[str, Float[Tensor, "time channel"]]
    """Smoothed average of each condition; NaN where it has no data."""
    time: Float[Tensor, "time channel"] | None
    """Smoothed average over all trials; None for windows of a continuous recording, whose bins mean nothing."""
    series: Mapping[str, Float[Tensor, "series channel"]]
    """Regression coefficients of smoothed activity on the channels of each behaviour or input, standardised."""
    mean: Float[Tensor, " channel"]
    """Over all bins with data."""
    covariance: Float[Tensor, "channel channel"] = field(default_factory=lambda: torch.zeros(0, 0))
    """Of smoothed single trials; empty where it was not kept."""

    @property
    def width(self) -> int:
        """Number of channels."""
        return len(self.mean)

    def channels(self, which: slice) -> TrialAverages:
        """Those of some channels."""
        return TrialAverages(
            {label: values[:, which] for label, values in self.conditions.items()},
            None if self.time is None else self.time[:, which],
            {name: values[:, which] for name, values in self.series.items()},
            self.mean[which],
            self.covariance[which, which],
        )

    def mapped(self, weight: Float[Tensor, "channel width"], bias: Float[Tensor, " width"]) -> TrialAverages:
        """Those of the channels x W + b; without the covariance. Channels that no data reached count as at their mean."""

        def placed(values: Tensor) -> Tensor:
            kept = ~values.isnan().all(1)
            out = values.new_full((len(values), weight.shape[1]), torch.nan)
            out[kept] = torch.where(values[kept].isnan(), self.mean, values[kept]) @ weight + bias
            return out

        return TrialAverages(
            {label: placed(values) for label, values in self.conditions.items()},
            None if self.time is None else placed(self.time),
            {name: values @ weight for name, values in self.series.items()},
            self.mean @ weight + bias,
        )


def trial_averages(trials: Trials, entering: Callable[[Tensor, Tensor], Tensor]) -> tuple[TrialAverages, TrialAverages]:
    """Averages of what enters a model of a session's held-in units, and of the activity of all its units, held-in ones first; of observed bins.

    Activity is convolved with a causal Gaussian window (s.d. 20 ms and at least a bin, six of them long, divided by the part of it that lies on
    data); the first half-window of bins is left out. Bins outside the mask and unknown counts weigh nothing.

    Args:
        trials: training trials.
        entering: from values `(trial, time, heldin)` and mask `(trial, time)` to as many channels. Trials are read a few at a time.
    """
    order, seen, heldin = torch.as_tensor(trials.unit_order), trials.observed_bins, len(trials.heldin)
    kernel, dropped = _window(trials.bin_s, seen)
    labels, of_trial = _conditions(trials)
    known = trials.known

    def read(rows: np.ndarray) -> tuple[Tensor, Tensor]:
        values = torch.as_tensor(np.ascontiguousarray(trials.neural.rows(rows)[:, :seen], np.float32))[:, :, order]
        mask = torch.as_tensor(trials.mask[rows, :seen])
        weight = torch.as_tensor(known[rows, :seen])
        if weight.shape[2] > 1:
            weight = weight[:, :, order]
        values = values.masked_fill(~weight, 0)
        found = torch.cat([entering(values[..., :heldin], mask), values], 2)
        if weight.shape[2] > 1:
            weight = torch.cat([weight[..., :heldin], weight], 2)
        return found.masked_fill(~weight, 0), weight.to(found.dtype)

    sums: Tensor | None = None
    for start in range(0, len(trials), _CHUNK):
        rows = np.arange(start, min(start + _CHUNK, len(trials)))
        values, weight = read(rows)
        if sums is None:
            sums = values.new_zeros(len(labels) + 1, seen, values.shape[2])
            weights = weight.new_zeros(len(labels) + 1, seen, weight.shape[2])
        index = torch.as_tensor(of_trial[rows])
        sums.index_add_(0, index, values)
        weights.index_add_(0, index, weight)
    assert sums is not None
    overall, bins = sums.sum(0), weights.sum(0)
    mean = (overall.sum(0) / bins.sum(0).clamp_min(1)).double()
    by_condition = _ratio(kernel @ sums[:-1], kernel @ weights[:-1])[:, dropped:]
    windows = "start_bin" in trials.table
    some = np.unique(np.linspace(0, len(trials) - 1, min(len(trials), _TELLING_TRIALS)).astype(int))
    values, weight = read(some)
    smooth = _ratio(kernel @ values, kernel @ weight)[:, dropped:].double() - mean
    inside = torch.as_tensor(trials.mask[some, dropped:seen])
    rows_of = smooth.nan_to_num()[inside]
    found = TrialAverages(
        {label: average.double() for label, average in zip(labels, by_condition)},
        None if windows else _ratio(kernel @ overall, kernel @ bins)[dropped:].double(),
        _coefficients(trials, some, dropped, inside, rows_of),
        mean,
        rows_of.T @ rows_of / max(len(rows_of), 1),
    )
    return found.channels(slice(heldin)), found.channels(slice(heldin, None))


def _window(bin_s: float, bins: int) -> tuple[Tensor, int]:
    """The matrix `(time, time)` of a causal Gaussian window, and half its length in bins."""
    deviation = max(1.0, SMOOTHING_S / bin_s)
    length = round(6 * deviation)
    lag = torch.arange(bins)[:, None] - torch.arange(bins)
    kernel = torch.exp(-0.5 * ((lag - (length - 1) / 2) / deviation) ** 2)
    return torch.where((lag >= 0) & (lag < length), kernel, 0.0), min(length // 2, bins - 1)


def _ratio(values: Tensor, weight: Tensor) -> Tensor:
    """NaN where nothing weighs."""
    return torch.where(weight > 0, values / weight, torch.nan)


def _conditions(trials: Trials) -> tuple[list[str], np.ndarray]:
    """Labels of the conditions to average, and the place of every trial's; the place after the last for none."""
    given = trials.conditions
    if given is None:
        return [], np.zeros(len(trials), int)
    names = pd.Series([None if missing else str(label) for label, missing in zip(given, pd.isna(given))], dtype=object)
    counts = names.value_counts()
    labels = sorted(sorted(counts.index), key=lambda label: -counts[label])[:MOST_CONDITIONS]
    place = {label: i for i, label in enumerate(labels)}
    return labels, names.map(lambda label: place.get(label, len(labels))).to_numpy(int)


def _coefficients(
    trials: Trials, rows: np.ndarray, dropped: int, inside: Tensor, activity: Tensor
) -> dict[str, Tensor]:
    """Coefficients of activity `(entry, channel)` on all behaviour and input series together, over entries where none is missing."""
    seen = trials.observed_bins
    found = {
        name: torch.as_tensor(np.asarray(signal.rows(rows)[:, dropped:seen], np.float64))[inside]
        for name, signal in trials.signals.items()
        if signal.role in ("behaviour", "input") and signal.kind == "series" and seen <= signal.bins <= trials.bins
    }
    if not found:
        return {}
    regressors = torch.cat(list(found.values()), 1)
    whole = regressors.isfinite().all(1)
    if int(whole.sum()) <= regressors.shape[1]:
        return {}
    x, y = regressors[whole], activity[whole]
    x = x - x.mean(0)
    x = x / x.std(0).clamp_min(1e-12)
    gram = x.T @ x
    ridge = 1e-3 * len(x) * torch.eye(len(gram), dtype=gram.dtype)
    solved = torch.linalg.solve(gram + ridge, x.T @ (y - y.mean(0)))
    return dict(zip(found, solved.split([values.shape[1] for values in found.values()])))


@dataclass(frozen=True)
class SharedRows:
    """What several sessions' averages can be compared on."""

    labels: tuple[str, ...]
    """Conditions that all have."""
    bins: int
    """Bins of each, or of the average over trials; 0 for neither."""
    series: tuple[str, ...]
    """Series of the task that all have, where conditions are not shared."""

    @staticmethod
    def of(sessions: Sequence[TrialAverages]) -> SharedRows:
        """Shared conditions; where there are none, the bins of a trial and the series of the task."""
        first, *others = sessions
        labels = tuple(sorted(label for label in first.conditions if all(label in s.conditions for s in others)))
        if labels:
            return SharedRows(labels, min(len(s.conditions[labels[0]]) for s in sessions), ())
        times = [s.time for s in sessions]
        bins = min(0 if time is None else len(time) for time in times)
        series = (n for n, values in first.series.items() if all(_wide(s, n) == len(values) for s in others))
        return SharedRows((), bins, tuple(sorted(series)))

    def __bool__(self) -> bool:
        return bool(self.bins or self.series)

    def rows(self, session: TrialAverages) -> tuple[Float[Tensor, "row channel"], int]:
        """A session's averages, and how many of the rows are activity (the rest are coefficients); NaN where there are no data."""
        if self.labels:
            rows = torch.cat([session.conditions[label][: self.bins] for label in self.labels])
            return rows, len(rows)
        parts = [] if session.time is None else [session.time[: self.bins]]
        # a coefficient stands for as many samples as a trial has bins
        parts += [session.series[name] * max(self.bins, 1) ** 0.5 for name in self.series]
        return torch.cat(parts), self.bins

    def warn(self, who: str) -> None:
        """Says what a stitching without shared conditions rests on; `who` is `sessions a, b share no condition`, say."""
        if self.labels:
            return
        if not self:
            what = "so their maps start unaligned, each at its own principal components: expect little transfer between them"
        else:
            of = [f"the average over trials ({self.bins} bins)"] * bool(self.bins) + [f"{n!r}" for n in self.series]
            what = f"so their maps are aligned by {' and '.join(of)} alone"
        warnings.warn(f"{who}, {what}; give trials conditions to do better", stacklevel=3)


def _wide(session: TrialAverages, name: str) -> int:
    return len(session.series[name]) if name in session.series else 0


def compared(shared: SharedRows, sessions: Sequence[TrialAverages]) -> tuple[list[Tensor], list[Tensor]]:
    """Rows `(row, channel)` that every session has, each centred on its origin `(channel,)`: the mean of its activity over these rows."""
    found = [shared.rows(session) for session in sessions]
    activity = torch.arange(len(found[0][0])) < found[0][1]
    kept = torch.stack([~rows.isnan().all(1) for rows, _ in found]).all(0)
    centred, origins = [], []
    for (rows, _), session in zip(found, sessions):
        rows = torch.where(rows.isnan(), session.mean, rows)[kept]
        origin = rows[activity[kept]].mean(0) if bool(activity[kept].any()) else session.mean
        centred.append(torch.where(activity[kept][:, None], rows - origin, rows))
        origins.append(origin)
    return centred, origins
