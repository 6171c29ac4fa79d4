"""The states that a fitted model visits on trials, and whether a point lies among them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch

from neurodyn import registry
from neurodyn.data.batch import Batch
from neurodyn.data.trials import Trials
from neurodyn.errors import InvalidInput
from neurodyn.models.base import Model
from neurodyn.shapes import Array, Bool, Float

_AT_A_TIME = 256
_QUANTILE, _TIMES = 0.99, 2.0
"""A point is among the visited ones if it is no farther than `_TIMES` this quantile of the distances between trials,"""
_SHARE = 0.1
"""or no farther than this share of the cloud's mean radius, which with many trials is more."""


@dataclass(frozen=True, eq=False)
class Visited:
    """What a model's dynamics went through on some trials, by posterior means."""

    states: Float[Array, "trial time state"]
    drives: Float[Array, "trial time input"]
    """What `step` was given: inferred inputs, then known ones in their own units."""
    latents: Float[Array, "trial time latent"]
    """The factors of the states."""
    mask: Bool[Array, "trial time"]
    inferred: int
    """How many of the inputs are inferred."""

    def sample(self, number: int, seed: int) -> Float[Array, "start state"]:
        """States of bins drawn at random, each at most once."""
        states = self.states[self.mask]
        drawn = np.random.default_rng(seed).permutation(len(states))[:number]
        return np.asarray(states[drawn])

    @cached_property
    def surroundings(self) -> Surroundings:
        """Where the latents are."""
        return Surroundings(self.latents, self.mask)


class Surroundings:
    """Where trajectories are: whether a point lies among the states of some trials.

    It does if the nearest state is no farther than twice the 99 % quantile of the distances from the states of one half of the trials to the nearest of the
    other half, or than a tenth of the states' mean distance from their centroid. The first allows for what is sparse (a fast passage, few trials); the
    second keeps the verdict from getting stricter with every trial.
    """

    def __init__(self, paths: Float[Array, "trial time latent"], mask: Bool[Array, "trial time"]) -> None:
        from scipy.spatial import cKDTree

        if len(paths) < 2:
            raise InvalidInput("trials", f"{len(paths)}", "at least 2, to tell what is visited")
        self._tree = cKDTree(paths[::2][mask[::2]])
        between = np.quantile(self._tree.query(paths[1::2][mask[1::2]])[0], _QUANTILE)
        radius = np.linalg.norm(paths[mask] - paths[mask].mean(0), axis=1).mean()
        self.within = float(max(_TIMES * between, _SHARE * radius))
        """The distance up to which a point counts as visited, in the paths' unit."""

    def hold(self, points: Float[Array, "point latent"]) -> Array:
        """Whether each point was visited, bool `(point,)`."""
        return np.asarray(self._tree.query(points)[0] <= self.within, bool).reshape(len(points))


@torch.no_grad()
def visited(model: Model, trials: Trials) -> Visited:
    """Runs a model over one session's trials, in batches, and keeps its states, drives and latents.

    Raises:
        InvalidInput: a model without dynamics, or one that does not report its states; other units than it was built for.
    """
    name = registry.name_of(type(model))
    if not model.has_dynamics:
        expected = "a model with dynamics (`step`), such as lfads"
        raise InvalidInput("model", name, expected, "Rates without a step have no fixed points.")
    session, was_training = model.session_of(trials), model.training
    device = next((t.device for t in (*model.parameters(), *model.buffers())), torch.device("cpu"))
    parts: dict[str, list[Array]] = {"state": [], "drive": [], "latents": []}
    inferred = 0
    model.eval()
    try:
        for start in range(0, len(trials), _AT_A_TIME):
            rows = np.arange(start, min(start + _AT_A_TIME, len(trials)))
            output = model(Batch.of(trials, rows, session).to(device).observed)
            missing = {"state", "drive"} - set(output.hidden)
            if missing or output.latents is None:
                raise InvalidInput("model", f"{name}, whose output lacks {sorted(missing)}", "one that reports them")
            inferred = 0 if output.inputs is None else output.inputs.shape[2]
            for key, value in (*output.hidden.items(), ("latents", output.latents)):
                if key in parts:
                    parts[key].append(value.double().cpu().numpy())
    finally:
        model.train(was_training)
    joined = {key: np.concatenate(values) for key, values in parts.items()}
    return Visited(joined["state"], joined["drive"], joined["latents"], trials.mask, inferred)
