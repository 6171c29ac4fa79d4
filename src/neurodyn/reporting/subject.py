"""What a report is about: one fitted model on one session's trials, with its scores and its training."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from neurodyn.alignment.card import ReportCard
from neurodyn.data.inference import Inference
from neurodyn.data.trials import Trials
from neurodyn.dynamics.flow_field import PhasePortrait
from neurodyn.dynamics.physics import Physics
from neurodyn.dynamics.recurrent_spectrum import RecurrentSpectrum
from neurodyn.errors import InvalidInput
from neurodyn.metrics.base import Score
from neurodyn.training.answers import Answer
from neurodyn.training.kept import ErrorsOverTraining, GradientAlignment, SimilarityOverTraining

PSEUDO_TERMS = ("score",)
"""Names under `valid/` that are not terms of the loss."""


@dataclass(frozen=True, eq=False)
class Subject:
    """One fitted model, its data, and what it says about them.

    Raises:
        InvalidInput: no test split, or an inference of other trials than its split's.
    """

    name: str
    """Name of the model or run, as the reader shall see it."""
    trials: Mapping[str, Trials]
    """Trials by split: `train`, `valid`, `test`; `test` must be there."""
    inferred: Mapping[str, Inference]
    """What the model says about each split."""
    baselines: Mapping[str, Inference] = field(default_factory=dict)
    """What each baseline says about the test trials, by name."""
    scores: Sequence[Score] = ()
    """Scores on the test trials, each with its baselines."""
    history: Sequence[Mapping[str, Any]] = ()
    """One row an epoch: `epoch`, `step`, `cpu_s`, `learning_rate`, `train/<term>`, `valid/<term>`, `valid/score`."""
    config: Mapping[str, Any] = field(default_factory=dict)
    """The run's config: `model`, `model_config`, `objective`, `rule`, `train`, `seed`, `data`."""
    environment: Mapping[str, Any] = field(default_factory=dict)
    """Versions and machine, as the run recorded them."""
    portraits: Sequence[PhasePortrait] = ()
    """Flow and fixed points of its dynamics under constant inputs, where they have been analysed."""
    physics: Physics | None = None
    """What is to be seen inside latents that obey the Langevin equation; None for other models."""
    card: ReportCard | None = None
    """How well latents agree across subjects, where the model was asked about several; of a run, one subject of the report carries it."""

    spectrum: RecurrentSpectrum | None = None
    """Of its recurrent weights before and after training; None for models without such."""
    errors: ErrorsOverTraining | None = None
    """What it scored on its task along the training, where that has been analysed."""
    gradients: GradientAlignment | None = None
    """How its rule's gradients stood to the exact ones, where that has been analysed."""
    similarity: SimilarityOverTraining | None = None
    """How alike its activity was to a recording along the training, where that has been analysed."""
    answers: Sequence[Answer] = ()
    """What else has been asked of its dynamics, ready to be shown."""

    def __post_init__(self) -> None:
        if "test" not in self.trials or "test" not in self.inferred:
            raise InvalidInput(
                "subject", f"{self.name!r} without a test split", "trials and inference of the test split"
            )
        for split, inference in self.inferred.items():
            if split not in self.trials:
                raise InvalidInput("inferred", f"split {split!r}", f"one of {', '.join(self.trials)}")
            for name, values in (("rates", inference.rates), ("latents", inference.latents)):
                if values is not None and len(values) != len(self.trials[split]):
                    raise InvalidInput(
                        f"inferred[{split!r}].{name}", f"{len(values)} trials", f"{len(self.trials[split])}"
                    )

    @property
    def test(self) -> Trials:
        """The test trials."""
        return self.trials["test"]

    @property
    def test_inference(self) -> Inference:
        """What the model says about the test trials."""
        return self.inferred["test"]

    @cached_property
    def recorded(self) -> np.ndarray:
        """The test trials' population activity `(trial, time, unit)` in float32; NaN where it is not known (outside of trials, or withheld)."""
        return np.where(self.test.known, self.test.counts, np.float32(np.nan))

    @property
    def fitting_split(self) -> str:
        """The split maps to the truth and decoders are fitted on: `train`, or `valid` where training trials are absent."""
        for split in ("train", "valid"):
            if split in self.inferred:
                return split
        return "test"

    @cached_property
    def epochs(self) -> np.ndarray:
        """Epoch of each row of the history, `(row,)`, as recorded."""
        return np.array([row.get("epoch", i) for i, row in enumerate(self.history)], float)

    def curve(self, name: str) -> np.ndarray:
        """One column of the history, `(row,)`; NaN where a row lacks it."""
        return np.array([_number(row.get(name)) for row in self.history], float)

    @cached_property
    def terms(self) -> list[str]:
        """Names of the loss terms, in the order they first appear."""
        found: dict[str, None] = {}
        for row in self.history:
            for key in row:
                split, _, term = key.partition("/")
                if split in ("train", "valid") and term and term not in PSEUDO_TERMS:
                    found.setdefault(term)
        return list(found)

    @cached_property
    def total_term(self) -> str | None:
        """Name of the objective's total among the terms: `total` or `loss`, else the negative log likelihood."""
        for wanted in ("total", "loss"):
            if wanted in self.terms:
                return wanted
        return next((term for term in self.terms if term.endswith("nll")), None)

    @cached_property
    def best_row(self) -> int | None:
        """Row of the history with the best validation score (higher is better) after the burn-in; None without one."""
        if not self.history:
            return None
        values = self.curve("valid/score")
        burn_in = (self.config.get("train") or {}).get("burn_in_epochs", 0)
        counted = np.where(self.epochs >= burn_in, values, np.nan)
        values = counted if np.isfinite(counted).any() else values
        return int(np.nanargmax(values)) if np.isfinite(values).any() else None

    def examples(self, n: int) -> np.ndarray:
        """Up to `n` test trials, spread evenly over conditions (or over the session), in order, `(example,)`."""
        trials = len(self.test)
        order = np.arange(trials)
        if self.test.conditions is not None:
            labels = np.array([str(c) for c in self.test.conditions])
            rank = np.zeros(trials, int)
            for label in np.unique(labels):
                rank[labels == label] = np.arange(np.sum(labels == label))
            order = np.lexsort((labels, rank))[: max(n, 1)]
        return np.unique(order[np.linspace(0, len(order) - 1, min(n, len(order))).astype(int)])

    def trial_label(self, trial: int) -> str:
        """How the reader knows a test trial: its place in the split, and its condition."""
        conditions = self.test.conditions
        condition = None if conditions is None else conditions[trial]
        return f"test trial {trial + 1}" + ("" if pd.isna(condition) else f", condition {condition}")


def _number(value: Any) -> float:
    return math.nan if value is None else float(value)
