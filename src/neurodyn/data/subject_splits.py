"""A subject that is held out whole: none of its trials trains, some may calibrate, the others test."""

from __future__ import annotations

import dataclasses

import numpy as np

from neurodyn.data.trials import Trials
from neurodyn.errors import InvalidInput, UnknownName

CALIBRATION = "calibration"
"""Split of the trials that few-shot calibration may use; nothing is scored on them."""


def hold_out_subject(
    trials: Trials, calibration: float = 0.5, seed: int = 0, *, stratify: str | None = "condition"
) -> Trials:
    """The trials with a column `split` that says `calibration` or `test`, calibration trials first.

    Every condition gives its share of calibration trials, drawn at random. They come in rounds of one trial of each condition, so that the first k of
    them are as balanced as k trials can be. The test trials follow in their own order.

    Args:
        trials: one subject's trials.
        calibration: share of the trials; 0 keeps them all for the test.
        seed: of the draw.
        stratify: the column that is balanced; None draws regardless.

    Raises:
        UnknownName: no such column.
        InvalidInput: a share outside [0, 1), or one that leaves no test trial.
    """
    if not 0 <= calibration < 1:
        raise InvalidInput("calibration", calibration, "a share of the trials, at least 0 and below 1")
    if stratify is not None and stratify not in trials.table:
        raise UnknownName("column of the trial table", stratify, map(str, trials.table.columns))
    generator = np.random.default_rng(seed)
    order = generator.permutation(len(trials))
    labels = np.zeros(len(trials), int) if stratify is None else _numbers(trials.table[stratify].to_numpy())[order]
    share, turn = np.empty(len(trials)), np.empty(len(trials))
    for label in np.unique(labels):
        rows = np.flatnonzero(labels == label)
        share[rows] = (np.arange(len(rows)) + generator.uniform()) / len(
            rows
        )  # deals each condition out evenly over (0, 1)
        turn[rows] = np.arange(len(rows)) + generator.uniform()  # a round has a trial of each condition
    dealt = np.argsort(share, kind="stable")[: round(calibration * len(trials))]
    chosen = order[dealt[np.argsort(turn[dealt], kind="stable")]]
    rest = np.setdiff1d(np.arange(len(trials)), chosen)
    if not len(rest):
        raise InvalidInput("calibration", calibration, "a share that leaves a test trial", "Use more trials.")
    names = np.array([CALIBRATION] * len(chosen) + ["test"] * len(rest), dtype=object)
    ordered = trials.select(np.concatenate([chosen, rest]))
    return dataclasses.replace(ordered, table=ordered.table.assign(split=names))


def _numbers(labels: np.ndarray) -> np.ndarray:
    return np.asarray(np.unique(labels.astype(str), return_inverse=True)[1])
