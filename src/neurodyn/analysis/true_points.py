"""The true fixed points of simulated dynamics under a constant input, and how well a model's match them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from neurodyn.config import from_dict
from neurodyn.data.trials import Trials
from neurodyn.dynamics.discrete_map import DiscreteMap
from neurodyn.errors import InvalidInput
from neurodyn.shapes import Array, Float, Int
from neurodyn.simulate.decision_circuit import DecisionCircuit, mirrored_block
from neurodyn.simulate.two_area import TwoAreaConfig

WITHIN = 0.05
"""Distance up to which a model's point is a true one, in the unit of the true latents (S of the two-area circuit)."""


@dataclass(frozen=True, eq=False)
class TruePoints:
    """Fixed points of the true dynamics, in the true latents' coordinates."""

    points: Float[Array, "true latent"]
    eigenvalues: Array
    """Complex `(true, latent)` per bin: exp(bin κ) of the eigenvalues κ of the drift in 1/s, largest absolute value first."""

    @property
    def stable(self) -> Array:
        """Bool `(true,)`: whether every eigenvalue is inside the unit circle."""
        return np.asarray((np.abs(self.eigenvalues) < 1).all(1))

    @property
    def kinds(self) -> tuple[str, ...]:
        """`stable`, `saddle` or `unstable` of each."""
        count, size = (np.abs(self.eigenvalues) >= 1).sum(1), self.points.shape[1]
        return tuple("stable" if n == 0 else "unstable" if n == size else "saddle" for n in count.tolist())


def local_circuit(trials: Trials) -> DecisionCircuit | None:
    """The circuit of the one area that is recorded, whose S are the latents; None for other trials, or where both areas are recorded.

    In a twin it is the twin's. What the area receives back through the other belongs to its input.
    """
    simulator: Any = trials.provenance.get("simulator")
    if simulator is None or trials.name != "two_area":
        return None
    config = from_dict(TwoAreaConfig, simulator, "simulator")
    if config.recorded == "both":
        return None
    structure, tone = getattr(config, config.recorded)
    return DecisionCircuit(mirrored_block(structure if config.twin is None else config.twin, tone), config.circuit)


def true_map(trials: Trials) -> DiscreteMap | None:
    """A bin of the local circuit in its Euler substeps, from S and the current into the area in nA; None where the local circuit is not known."""
    circuit = local_circuit(trials)
    if circuit is None:
        return None
    substeps = from_dict(TwoAreaConfig, trials.provenance["simulator"], "simulator").substeps
    step_s = trials.bin_s / substeps

    def step(state: Array, inputs: Array) -> Array:
        for _ in range(substeps):
            state = state + step_s * circuit.drift(state, inputs)
        return state

    return DiscreteMap.of_arrays(step)


def true_dynamics(trials: Trials) -> Callable[[Array], TruePoints] | None:
    """From a constant true input to the true fixed points; None where the trials do not come from a simulator whose points are known.

    For `two_area` the dynamics are the recorded area's alone, whose S are the latents, and the input is the current into it in nA. PFC's feedback to itself
    through PPC belongs to the input. In a twin they are the twin's.
    """
    circuit = local_circuit(trials)
    if circuit is None:
        return None

    def points(current: Array) -> TruePoints:
        found = circuit.fixed_points(current)
        eigenvalues = np.exp(trials.bin_s * np.linalg.eigvals(circuit.jacobian(found, current)).astype(complex))
        order = np.argsort(-np.abs(eigenvalues), 1, kind="stable")
        return TruePoints(found, np.take_along_axis(eigenvalues, order, 1))

    return points


@dataclass(frozen=True, eq=False)
class Match:
    """How a model's fixed points compare with the true ones, under one input."""

    pairs: Int[Array, "pair two=2"]
    """Index of the model's and of the true point of each pair."""
    false: Int[Array, " false"]
    """The model's points without a true one."""
    missed: Int[Array, " missed"]
    """True points without one of the model's."""
    hausdorff: float | None
    """Largest distance from a point of either set to the nearest of the other; None where one set is empty."""
    chamfer: float | None
    """Mean of the two mean distances from the points of one set to the nearest of the other."""
    eigenvalue_error: float | None
    """Mean over pairs of the mean |λ_model − λ_true| over as many leading eigenvalues as the truth has, per bin."""

    def as_mapping(self) -> dict[str, Any]:
        """For JSON."""
        numbers = {name: getattr(self, name) for name in ("hausdorff", "chamfer", "eigenvalue_error")}
        return {
            "found": len(self.pairs),
            "false": len(self.false),
            "missed": len(self.missed),
            "pairs": self.pairs.tolist(),
            **numbers,
        }


def match(points: Float[Array, "point latent"], eigenvalues: Array, truth: TruePoints, within: float = WITHIN) -> Match:
    """Pairs a model's points with the true ones: at most `within` apart, of the same stability, each at most once, as many as can be.

    Args:
        points: a model's, in the true latents' coordinates.
        eigenvalues: complex `(point, state)` per bin, largest absolute value first.
        truth: the true ones.
        within: largest distance of a pair.

    Raises:
        InvalidInput: points of another width.
    """
    from scipy.optimize import linear_sum_assignment

    if points.shape[1] != truth.points.shape[1]:
        raise InvalidInput("points", f"width {points.shape[1]}", f"{truth.points.shape[1]}, as the true latents")
    distance = np.linalg.norm(points[:, None] - truth.points[None], axis=2)
    stable = (np.abs(eigenvalues) < 1).all(1)
    fits = (distance <= within) & (stable[:, None] == truth.stable[None])
    # A pair that does not fit costs more than all that do, so that as many as possible are paired, and then the nearest.
    chosen = linear_sum_assignment(np.where(fits, distance, 1 + within * (1 + distance.size)))
    pairs = np.array([(i, j) for i, j in zip(*chosen) if fits[i, j]], int).reshape(-1, 2)
    both = bool(distance.size)
    errors = [_eigenvalue_error(eigenvalues[i], truth.eigenvalues[j]) for i, j in pairs]
    return Match(
        pairs,
        np.setdiff1d(np.arange(len(points)), pairs[:, 0]),
        np.setdiff1d(np.arange(len(truth.points)), pairs[:, 1]),
        float(max(distance.min(0).max(), distance.min(1).max())) if both else None,
        float((distance.min(0).mean() + distance.min(1).mean()) / 2) if both else None,
        float(np.mean(errors)) if errors else None,
    )


def _eigenvalue_error(model: Array, true: Array) -> float:
    leading = min(len(model), len(true))
    return float(np.abs(model[:leading] - true[:leading]).mean())
