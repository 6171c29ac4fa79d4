"""How far the states of the model's long runs are from where the true system's are."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import ClassVar, Literal

import numpy as np

from neurodyn.analysis.dynamics_measures.base import CLAIMS, DynamicsMeasure
from neurodyn.analysis.free_run import kept_free_runs
from neurodyn.analysis.learned_dynamics import LearnedDynamics
from neurodyn.dynamics.attractor_distance import divergence_of_counts, log_ratios
from neurodyn.dynamics.long_runs import LongRuns
from neurodyn.metrics.base import Measurement
from neurodyn.shapes import Array


class AttractorDistance(DynamicsMeasure):
    """KL divergence of where the model's runs are from where the true system's are, in nats."""

    definition = (
        "KL divergence, in nats, of where the model's runs without data are from where the true system's are (the latents inferred on the test trials where no system "
        "is known), in the true latents' coordinates by an affine map fitted on train: over cells for up to 5 latents, of Gaussian mixtures for more."
    )
    direction: ClassVar[Literal["lower"]] = "lower"

    def applies(self, learned: LearnedDynamics) -> bool:
        """Whether the model has dynamics."""
        return learned.model.has_dynamics

    def measure(self, learned: LearnedDynamics) -> Measurement:
        runs = kept_free_runs(learned)
        measured = _measured(runs, runs.model)
        nearer = measured.value < runs.distances["white_noise"][1]
        claim = "left to itself the model stays nearer to the true attractor than noise of its mean and covariance"
        return dataclasses.replace(measured, context={**measured.context, CLAIMS: {claim: bool(nearer)}})

    def simpler(self, learned: LearnedDynamics) -> Mapping[str, Measurement]:
        """`white_noise`, `still` and `time_shuffled`, which is 0: geometry does not see time."""
        runs = kept_free_runs(learned)
        return {name: _measured(runs, other) for name, other in runs.beside.items()}

    def ceiling(self, learned: LearnedDynamics) -> float:
        return kept_free_runs(learned).distances["true_again"][1]


def _measured(runs: LongRuns, of: Array) -> Measurement:
    context = {
        "reference": runs.reference,
        "held": runs.held,
        "bins": of.shape[1],
        "diverged": int(runs.diverged.sum()),
        "map_r2": runs.map_r2,
        "cells": None if runs.grid is None else runs.grid.cells,
    }
    if runs.grid is None:
        bins, width = runs.truth.shape[1:]
        ratios, drawn = log_ratios(of.reshape(-1, width), runs.truth.reshape(-1, width), seed=runs.seed)
        trial, count = drawn // bins, len(runs.truth)
        sums = np.column_stack([np.bincount(trial, ratios, count), np.bincount(trial, minlength=count)])
        return Measurement(sums, lambda s: np.asarray(s[:, 0] / s[:, 1]), context, "runs from test trials")

    def divergence(sums: Array) -> Array:
        return divergence_of_counts(*np.split(sums, 2, axis=1))

    counts = [runs.grid.counts(each) for each in (runs.truth, of)]
    used = (counts[0].sum(0) + counts[1].sum(0)) > 0
    return Measurement(
        np.concatenate(counts, 1), divergence, context | {"cells_used": int(used.sum())}, "runs from test trials"
    )
