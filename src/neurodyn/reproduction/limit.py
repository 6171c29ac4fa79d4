"""A part of a data set's trials, for `--quick`, or a part of their labels."""

from __future__ import annotations

import dataclasses

import numpy as np

from neurodyn.data.trials import Trials
from neurodyn.errors import InvalidInput


def limited(trials: Trials | list[Trials], limit: int | None) -> Trials | list[Trials]:
    """At most so many trials of each split, spread evenly. They are no longer the trials of their source, so that is taken off them."""
    if limit is None:
        return trials
    return [_few(each, limit) for each in trials] if isinstance(trials, list) else _few(trials, limit)


def unlabelled(trials: Trials | list[Trials], share: float) -> Trials | list[Trials]:
    """Withholds the counts of held-out units in a share of the training trials, spread evenly; behaviour and held-in units stay. They are no longer the trials of their source.

    Raises:
        InvalidInput: no unit is held out.
    """
    if share == 0:
        return trials
    return [_without_labels(t, share) for t in trials] if isinstance(trials, list) else _without_labels(trials, share)


def _without_labels(trials: Trials, share: float) -> Trials:
    if not len(trials.heldout):
        raise InvalidInput("recipe.unlabelled", share, "0 where no unit is held out", "Hold units out.")
    rows = (
        np.flatnonzero(trials.table["split"].to_numpy() == "train")
        if "split" in trials.table
        else np.arange(len(trials))
    )
    steps = np.floor(np.arange(len(rows) + 1) * share)
    withheld = rows[np.diff(steps) > 0]
    name = trials.neural_name
    assert name is not None
    known = np.broadcast_to(trials.known, trials.neural.values.shape).copy()
    known[np.ix_(withheld, np.arange(trials.bins), trials.heldout)] = False
    neural = dataclasses.replace(trials.neural, mask=known)
    provenance = {name: value for name, value in trials.provenance.items() if name not in ("source", "options")}
    return dataclasses.replace(trials, signals={**trials.signals, name: neural}, provenance=provenance)


def _few(trials: Trials, limit: int) -> Trials:
    splits = trials.table["split"].to_numpy() if "split" in trials.table else np.full(len(trials), "train")
    kept: list[int] = []
    for split in np.unique(splits):
        rows = np.flatnonzero(splits == split)
        kept += rows[np.linspace(0, len(rows) - 1, min(limit, len(rows))).round().astype(int)].tolist()
    provenance = {name: value for name, value in trials.provenance.items() if name not in ("source", "options")}
    return dataclasses.replace(trials.select(np.sort(kept)), provenance=provenance)
