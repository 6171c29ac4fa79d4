"""A benchmark's trials made by hand: small, seeded, of a group that needs no recording."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd

from neurodyn.data.trials import Trials

TRAIN, EVAL, OBSERVED, FORWARD, UNITS = 20, 6, 12, 4, 7
HELDIN = np.array([0, 2, 3, 5, 6])
"""Held-out units lie between held-in ones, as in a units table."""


def benchmark_trials(
    dataset: str = "mc_maze_small", bin_ms: int = 20, phase: str = "val", seed: int = 0, velocity: bool = True
) -> Trials:
    """Trials as `to_trials` makes them: training rows first, every fifth for validation; targets unknown in phase test."""
    rng = np.random.default_rng(seed)
    n = TRAIN + EVAL
    rates = 0.3 + 2.0 * rng.random((n, 1, UNITS)) * (1 + np.sin(np.arange(OBSERVED + FORWARD) / 3))[None, :, None]
    counts = rng.poisson(rates).astype(np.uint16)
    split = np.full(n, "test", object)
    split[:TRAIN], split[4:TRAIN:5] = "train", "valid"
    nlb = np.array(["train"] * TRAIN + ["val"] * EVAL, object)
    if phase == "test":
        nlb[15:TRAIN], nlb[TRAIN:] = "val", "test"
    trials = Trials.from_arrays(
        counts,
        bin_s=bin_ms / 1000,
        behaviour={"velocity": rng.normal(size=(n, OBSERVED, 2))} if velocity else None,
        heldin=HELDIN,
        forward=FORWARD,
        split=split,
        table=pd.DataFrame({"trial_id": np.arange(n) + (EVAL if phase == "test" else 0), "nlb_split": nlb}),
        name=dataset,
        session=dataset,
        provenance={"benchmark": {"dataset": dataset, "bin_ms": bin_ms, "phase": phase}},
    )
    if phase == "val":
        return trials
    known = np.ones(counts.shape, bool)
    known[TRAIN:, OBSERVED:] = False
    known[TRAIN:, :, trials.heldout] = False
    neural = dataclasses.replace(trials.neural, values=np.where(known, counts, 0).astype(np.uint16), mask=known)
    return dataclasses.replace(trials, signals={**trials.signals, "counts": neural})
