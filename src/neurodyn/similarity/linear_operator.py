"""The linear map from each state to the next, with or without inputs, from sums of products."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from neurodyn.shapes import Array, Bool, Float


@dataclass(frozen=True)
class LinearStep:
    """z' = A z + B u + c."""

    operator: Float[Array, "*draw rank rank"]
    """A."""
    drive: Float[Array, "*draw rank input"]
    """B; no columns without inputs."""
    offset: Float[Array, "*draw rank"]
    """c; zeros where the map has no constant."""


@dataclass(frozen=True)
class Transitions:
    """Sums of products over the pairs of states that follow each other, trial by trial: all that a linear map is fitted from."""

    before: Float[Array, "*trial feature feature"]
    """Of what the next state is explained by: the constant (where there is one), inputs, and the state, in this order."""
    across: Float[Array, "*trial feature state"]
    """Of these with the next state."""
    constant: bool
    inputs: int

    @property
    def known(self) -> int:
        """Features before the state."""
        return self.constant + self.inputs

    def summed(self, keepdims: bool = False) -> Transitions:
        """Over trials; with `keepdims`, as those of one trial."""
        before, across = (each.sum(0, keepdims=keepdims) for each in (self.before, self.across))
        return Transitions(before, across, self.constant, self.inputs)


def transitions(
    states: Float[Array, "trial time state"],
    valid: Bool[Array, "trial time"],
    inputs: Float[Array, "trial step input"] | None = None,
    *,
    constant: bool = True,
) -> Transitions:
    """The sums of a trial's pairs of states, both valid.

    Args:
        states, valid: states that follow each other, and which of them count.
        inputs: what drives each step from a state to the next, one fewer than states.
        constant: whether the map has a constant term, so that a shift of the states changes nothing.
    """
    counted = (valid[:, 1:] & valid[:, :-1]).astype(np.float64)[..., None]
    parts = [counted] if constant else []
    parts += [] if inputs is None else [inputs * counted]
    features = np.concatenate([*parts, states[:, :-1] * counted], 2)
    turned = features.transpose(0, 2, 1)
    return Transitions(turned @ features, turned @ states[:, 1:], constant, 0 if inputs is None else inputs.shape[2])


def fitted_step(sums: Transitions, rank: int, ridge: float = 0.0) -> LinearStep:
    """The map of the leading `rank` states, by least squares.

    Directions that no pair of states tells apart get no weight (a pseudoinverse).

    Args:
        sums: of each trial, of each draw of trials, or of all.
        rank: leading states kept.
        ridge: added to the states' and inputs' sums of squares, not to the constant's.
    """
    known, end = sums.known, sums.known + rank
    before, across = sums.before[..., :end, :end], sums.across[..., :end, :rank]
    penalty = np.full(end, ridge)
    penalty[: int(sums.constant)] = 0
    squares = np.einsum("...ff->...f", before) + penalty
    scale = 1 / np.sqrt(
        np.where(squares > 0, squares, 1)
    )  # features of any unit weigh alike in what counts as singular
    scaled = scale[..., :, None] * (before + np.diag(penalty)) * scale[..., None, :]
    weights = scale[..., None] * (np.linalg.pinv(scaled, rcond=1e-13, hermitian=True) @ (scale[..., None] * across))
    weights = np.swapaxes(weights, -1, -2)
    first = int(sums.constant)
    offset = weights[..., 0] if first else np.zeros(weights.shape[:-1])
    return LinearStep(weights[..., known:], weights[..., first:known], offset)


def input_normal_map(
    a: Float[Array, "state state"], b: Float[Array, "state input"], horizon: int, floor: float = 1e-6
) -> tuple[Float[Array, "state state"], Float[Array, "state state"]]:
    """The map to coordinates in which inputs reach every direction alike, and its inverse.

    W = Σ A^k B Bᵀ (Aᵀ)^k over `horizon` steps is the covariance of states that white inputs would give; the map is W^(−1/2). Systems that do the same to inputs are in
    these coordinates equal up to an orthogonal matrix, whatever map they were seen through and whatever drove them (Moore 1981, doi:10.1109/TAC.1981.1102568).
    Directions with less than `floor` of the largest covariance, which inputs hardly reach, are not blown up to full size.
    """
    covariance, power, steps = b @ b.T, a, 1
    while steps < horizon:  # doubles the horizon each time
        covariance = covariance + power @ covariance @ power.T
        power, steps = power @ power, 2 * steps
    values, axes = np.linalg.eigh(covariance)
    root = np.sqrt(np.maximum(values, 0) + floor * values.max() if values.max() > 0 else np.ones_like(values))
    return (axes / root) @ axes.T, (axes * root) @ axes.T
