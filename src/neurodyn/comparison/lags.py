"""Time is a parameter: the window of an activity that is compared with a reference, and what becomes of the value as it moves."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from rich.console import Console
from rich.progress import track

from neurodyn.comparison.baselines import cross_condition_average
from neurodyn.comparison.comparison import LagSweep
from neurodyn.comparison.orientation import against, sides
from neurodyn.comparison.preparation import Preparation
from neurodyn.errors import InvalidInput
from neurodyn.similarity.activity import Activity
from neurodyn.similarity.measures.base import SimilarityMeasure

_CLOSE = 1e-3
"""Share of a bin by which clocks may differ."""


def window_like(activity: Activity, reference: Activity, lag_s: float = 0.0) -> Activity:
    """The bins of an activity that lie `lag_s` later than the reference's, both from the event they are aligned to.

    Activities without a clock, or without the reference's, are taken as they are, at lag 0.

    Raises:
        InvalidInput: bins of other widths, a lag without clocks or of no whole number of bins, or a window that runs beyond the activity.
    """
    if activity.bin_s is None or reference.bin_s is None:
        if lag_s:
            raise InvalidInput("lag_s", lag_s, "0 for activities without a clock", "Give bin_s and start_s.")
        return activity
    width = reference.bin_s
    if not np.isclose(activity.bin_s, width):
        got = f"{activity.bin_s:g} s"
        raise InvalidInput(
            f"bin width of {activity.name}", got, f"{width:g} s, as {reference.name} has", "Bin both alike."
        )
    place = (reference.start_s + lag_s - activity.start_s) / width
    first = round(place)
    if abs(place - first) > _CLOSE:
        raise InvalidInput(
            "lag_s", f"{lag_s:g} s, {place - first:+.2f} bins off", f"a whole number of bins of {width:g} s"
        )
    if first < 0 or first + reference.bins > activity.bins:
        low, high = lag_range(activity, reference)
        got = f"{lag_s:g} s"
        raise InvalidInput(
            "lag_s",
            got,
            f"{low:g} to {high:g} s, for which {activity.name} has the window of {reference.name}",
            "Take a shorter window of the reference.",
        )
    return activity.take(bins=slice(first, first + reference.bins))


def lag_range(activity: Activity, reference: Activity) -> tuple[float, float]:
    """Least and largest lag, in seconds, at which an activity has the window of the reference.

    Raises:
        InvalidInput: no clock, or an activity that is shorter than the reference.
    """
    if activity.bin_s is None or reference.bin_s is None:
        raise InvalidInput("lags", "activities without a clock", "activities with bin_s and start_s")
    spare = activity.bins - reference.bins
    if spare < 0:
        got = f"{activity.bins} time points"
        raise InvalidInput(
            activity.name,
            got,
            f"at least {reference.bins}, as {reference.name} has",
            "Take a shorter window of the reference.",
        )
    low = activity.start_s - reference.start_s
    return round(low, 9), round(low + spare * activity.bin_s, 9)


def shared_lags(
    reference: Activity,
    activities: Sequence[Activity],
    low_s: float | None = None,
    high_s: float | None = None,
    most: int = 49,
) -> np.ndarray:
    """Lags `(lag,)` that all activities have the reference's window at, evenly spaced, at most so many, zero among them where it can be.

    Raises:
        InvalidInput: there is none between the limits.
    """
    ranges = [lag_range(each, reference) for each in activities]
    low, high = max(r[0] for r in ranges), min(r[1] for r in ranges)
    low, high = max(low, -np.inf if low_s is None else low_s), min(high, np.inf if high_s is None else high_s)
    assert reference.bin_s is not None
    width, offset = reference.bin_s, ranges[0][0] % reference.bin_s  # whole bins away from where windows can lie
    offset = 0.0 if min(offset, width - offset) < _CLOSE * width else offset
    first, last = int(np.ceil((low - offset) / width - _CLOSE)), int(np.floor((high - offset) / width + _CLOSE))
    if last < first:
        got, fix = f"none between {low:g} and {high:g} s", "Take a shorter window of the reference."
        raise InvalidInput("lags", got, "a range in which every activity has the window", fix)
    stride = max(1, -(-(last - first) // max(most - 1, 1)))
    start = first + (-first) % stride  # so that zero is one of them
    return np.round(np.arange(start, last + 1, stride) * width + offset, 9)


def lag_sweep(
    measure: SimilarityMeasure,
    reference: Activity,
    activities: Sequence[Activity],
    lags_s: np.ndarray,
    used_s: float = 0.0,
    preparation: Preparation | None = None,
    *,
    progress: bool = False,
) -> LagSweep:
    """The measure between a reference and each activity, at each lag, fitted and scored on the same samples.

    Args:
        measure: any.
        reference: what has the window.
        activities: longer ones, unprepared.
        lags_s: `(lag,)`.
        used_s: the lag of everything else.
        preparation: of the reference's window and of each window.
        progress: draw a progress bar on stderr.

    Raises:
        InvalidInput: as `window_like` and the measure.
    """
    preparation = Preparation() if preparation is None else preparation
    prepared = preparation.of(reference)
    shown = track(
        activities, f"{measure.label}: lags", console=Console(stderr=True), disable=not progress, transient=True
    )
    values = {
        each.name: against(
            measure, prepared, [preparation.of(window_like(each, reference, float(lag))) for lag in lags_s]
        )
        for each in shown
    }
    mean = np.mean(list(values.values()), 0)
    best = int(np.argmin(mean) if measure.direction == "lower" else np.argmax(mean))
    baseline = None
    if not preparation.without_mean and reference.rows > 1:
        average = cross_condition_average(prepared)
        if average.varies:
            baseline = measure.fit(*sides(measure, prepared, average)).score()
    return LagSweep(lags_s, values, used_s, float(lags_s[best]), baseline)
