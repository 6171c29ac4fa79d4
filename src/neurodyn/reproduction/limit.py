"""A part of a data set's trials, for `--quick`."""

from __future__ import annotations

import dataclasses

import numpy as np

from neurodyn.data.trials import Trials


def limited(trials: Trials | list[Trials], limit: int | None) -> Trials | list[Trials]:
    """At most so many trials of each split, spread evenly. They are no longer the trials of their source, so that is taken off them."""
    if limit is None:
        return trials
    return [_few(each, limit) for each in trials] if isinstance(trials, list) else _few(trials, limit)


def _few(trials: Trials, limit: int) -> Trials:
    splits = trials.table["split"].to_numpy() if "split" in trials.table else np.full(len(trials), "train")
    kept: list[int] = []
    for split in np.unique(splits):
        rows = np.flatnonzero(splits == split)
        kept += rows[np.linspace(0, len(rows) - 1, min(limit, len(rows))).round().astype(int)].tolist()
    provenance = {name: value for name, value in trials.provenance.items() if name not in ("source", "options")}
    return dataclasses.replace(trials.select(np.sort(kept)), provenance=provenance)
