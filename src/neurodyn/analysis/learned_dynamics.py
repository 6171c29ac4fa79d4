"""A fitted model with dynamics, the trials it is asked about, and the system behind them where it is known."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeVar

import numpy as np

from neurodyn.analysis.visited import Visited, visited
from neurodyn.data.trials import Trials
from neurodyn.dynamics.discrete_map import DiscreteMap
from neurodyn.models.base import Model
from neurodyn.regression.ridge import LinearMap, fit_validated
from neurodyn.simulate.base import Simulator
from neurodyn.simulate.known import simulator_of

PENALTIES = 10.0 ** np.arange(-10.0, 0.0)
"""Ridge penalties, relative to the features' variance, that maps between a model and the truth are chosen from."""
Kept = TypeVar("Kept")


@dataclass(frozen=True, eq=False)
class LearnedDynamics:
    """What measures of dynamics are handed. Whatever is fitted is fitted on `train`; scores are of `test`.

    Raises:
        InvalidInput: a model without `step`, where its visited states are asked for.
    """

    model: Model
    """In float64 and evaluation mode, on the CPU; see `of`."""
    train: Trials
    valid: Trials
    test: Trials
    seed: int = 0
    """Of everything that is drawn."""
    _kept: dict[Any, Any] = field(default_factory=dict, repr=False)

    @staticmethod
    def of(model: Model, train: Trials, valid: Trials, test: Trials, seed: int = 0) -> LearnedDynamics:
        """Of a model as it was fitted, which stays as it is."""
        exact = copy.deepcopy(model).double().eval().cpu().requires_grad_(False)
        return LearnedDynamics(exact, train, valid, test, seed)

    def kept(self, key: Any, make: Callable[[], Kept]) -> Kept:
        """What `make` gives, made once: measures share what takes long."""
        if key not in self._kept:
            self._kept[key] = make()
        found: Kept = self._kept[key]
        return found

    @property
    def dynamics(self) -> DiscreteMap:
        """One bin of the model: its `step`, with its Jacobian by automatic differentiation."""
        return DiscreteMap.of_tensors(self.model.step)

    @cached_property
    def simulator(self) -> Simulator | None:
        """The system that the trials were simulated by; None for recordings."""
        return simulator_of(self.train)

    @cached_property
    def seen_train(self) -> Visited:
        """States, drives and latents of the training trials, by posterior means."""
        return visited(self.model, self.train)

    @cached_property
    def seen_test(self) -> Visited:
        """The same of the test trials."""
        return visited(self.model, self.test)

    @cached_property
    def to_truth(self) -> LinearMap | None:
        """The affine map from the model's latents to the true ones, fitted on train; None where the truth is not known."""
        truth = self.train.truth.get("latents")
        if truth is None:
            return None
        mask = self.train.mask
        rows = self.seen_train.latents[mask], truth[mask].astype(float)
        return fit_validated(rows, rows, PENALTIES)
