"""Recorded trials as an activity: averaged by condition, with the single trials where there are some."""

from __future__ import annotations

import numpy as np

from neurodyn.data.trials import Trials
from neurodyn.errors import InvalidInput
from neurodyn.shapes import Array, Float, Int
from neurodyn.similarity.activity import Activity, Repeats


def condition_averages(trials: Trials, name: str | None = None) -> Activity:
    """Averages over the trials of each condition, conditions sorted; trials without a condition are left out.

    Spike counts become spikes/s; everything else stays on its scale. Bins that no trial of a condition reaches, or in which a unit is unknown, are masked. Trials that
    are not averages already become `repeats`. What drove the population (stimuli and inputs with as many bins) is averaged into `inputs`. The clock starts at the table's
    `from_event_s`, or at 0 where there is none.

    Args:
        trials: with a population and conditions.
        name: by default that of the data set, with the session where it has another name.

    Raises:
        InvalidInput: no population, no conditions, or trials aligned to the event at different times.
    """
    signal, labels = trials.neural, trials.conditions
    if labels is None:
        fix = "Name the column of conditions when loading, or give an array (condition, time, unit)."
        raise InvalidInput(trials.name, "trials without conditions", "a column condition in their table", fix)
    has = np.flatnonzero([label is not None and label == label for label in labels])
    names, place = np.unique(_sortable(labels[has]), return_inverse=True)
    values = signal.rows(has)
    if signal.kind == "spikes":
        values = values.astype(np.float32) / np.float32(signal.bin_s)
    known = np.broadcast_to(trials.known[has], values.shape)
    number, mean = _mean(values, known, place, len(names))
    counted = (number > 0).all(2)
    beside = [
        each.rows(has)
        for role in ("stimulus", "input")
        for each in trials.of_role(role).values()
        if each.kind == "series" and each.bins == trials.bins
    ]
    inputs = None
    if beside:
        driving = np.concatenate(beside, 2)
        seen = np.broadcast_to(trials.mask[has][..., None], driving.shape)
        inputs = _mean(driving, seen, place, len(names))[1]
    repeats = None if signal.kind == "rates" else Repeats(values, place, known.all(2))
    session = "" if trials.session in ("session", trials.name) else f" {trials.session}"
    return Activity(
        np.where(counted[..., None], mean, 0),
        None if counted.all() else counted,
        name or f"{trials.name}{session}",
        bin_s=trials.bin_s,
        start_s=_start(trials, has),
        conditions=tuple(str(each) for each in names),
        inputs=inputs,
        repeats=repeats,
    )


def _sortable(labels: np.ndarray) -> np.ndarray:
    """Labels as they are where they have an order (numbers do), else as text."""
    return labels if len({isinstance(each, str) for each in labels}) == 1 else labels.astype(str)


def _mean(
    values: np.ndarray, known: np.ndarray, place: np.ndarray, conditions: int
) -> tuple[Int[Array, "condition time channel"], Float[Array, "condition time channel"]]:
    """Number of known values, and their mean (0 of none), for each condition."""
    number = np.zeros((conditions, *values.shape[1:]), int)
    total = np.zeros(number.shape)
    for condition in range(conditions):  # one at a time: no copy of all trials
        rows = np.flatnonzero(place == condition)
        number[condition] = known[rows].sum(0)
        total[condition] = np.where(known[rows], values[rows], 0).sum(0, dtype=np.float64)
    return number, total / np.maximum(number, 1)


def _start(trials: Trials, rows: np.ndarray) -> float:
    if "from_event_s" not in trials.table:
        return 0.0
    starts = trials.table["from_event_s"].to_numpy(float)[rows]
    if np.ptp(starts) > 1e-6:
        got = f"trials that begin {starts.min():g} to {starts.max():g} s from the event"
        raise InvalidInput(trials.name, got, "trials aligned alike")
    return float(starts[0])
