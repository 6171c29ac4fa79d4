"""Where a model settles after noise and rest, beside the true dynamics under the same noise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from neurodyn.analysis.learned_dynamics import PENALTIES, LearnedDynamics
from neurodyn.analysis.perturbation import driven
from neurodyn.analysis.state_latents import latents_of
from neurodyn.analysis.true_points import WITHIN, true_map
from neurodyn.config import check_range
from neurodyn.dynamics.noise_response import NoiseResponse, noise_response
from neurodyn.errors import InvalidInput
from neurodyn.regression.ridge import LinearMap, fit_validated
from neurodyn.shapes import Array

REST_S, NOISE_S = 3.0, 1.0
SIZES = np.round(np.linspace(0.05, 1.0, 20), 2)
"""Noise s.d. in units of the mean size of the true input."""


@dataclass(frozen=True, eq=False)
class NoiseComparison:
    """A model's response to noise and the true one, from the same starts under the same noise, in the true latents' coordinates."""

    session: str
    unit: float
    """Mean |true input|: what a size of 1 is."""
    model: NoiseResponse
    truth: NoiseResponse | None
    """None where the true local dynamics are not known."""
    r2_inputs: float
    """Of the map from true inputs to the model's, on train."""

    @property
    def distance(self) -> Array | None:
        """From each true attractor to the model's nearest, `(true,)`; infinite where the model settles nowhere."""
        if self.truth is None:
            return None
        gaps = np.linalg.norm(self.truth.attractors[:, None] - self.model.attractors[None], axis=2)
        return np.asarray(gaps.min(1, initial=np.inf))

    def table(self) -> tuple[str, list[str], list[list[str]], str]:
        """Title, headings, rows and a note for people."""
        headings = ["noise", "groups", *(f"({_point(each)})" for each in self.model.attractors)]
        if self.truth is not None:
            headings += ["true groups", *(f"true ({_point(each)})" for each in self.truth.attractors)]
        rows = []
        for k, size in enumerate(self.model.sizes):
            row = [f"{size:g}", str(self.model.clusters[k]), *map(str, self.model.occupancy[k])]
            if self.truth is not None:
                row += [str(self.truth.clusters[k]), *map(str, self.truth.occupancy[k])]
            rows.append(row)
        note = f"Noise in units of the mean |true input| ({self.unit:.3g}); {self.model.ends.shape[1]} starts; columns are end states in the true latents' coordinates, with how many runs end there."
        if self.distance is not None:
            note += f" Distance from each true attractor to the model's nearest: {_point(self.distance)}."
        return "Response to noise", headings, rows, note

    def as_mapping(self) -> dict[str, Any]:
        """For JSON."""
        distance = self.distance
        return {
            "session": self.session,
            "unit": self.unit,
            "input_map_r2": self.r2_inputs,
            "model": self.model.as_mapping(),
            "truth": None if self.truth is None else self.truth.as_mapping(),
            "distance": None if distance is None else [float(d) if np.isfinite(d) else None for d in distance],
        }


def noise_responses(
    learned: LearnedDynamics, sizes: Array = SIZES, *, starts: int = 500, within: float = WITHIN
) -> NoiseComparison:
    """Drives a model's first states with noise for 1 s, lets it rest for 3 s, and counts where it ends; the same with the truth.

    Noise is drawn in the true inputs' unit and reaches the model by the affine map from true to inferred inputs, fitted on train; rest is what
    stands for a true input of zero, since an inferred input's own zero means nothing.

    Args:
        learned: the model and its trials.
        sizes: s.d. of the noise, `(size,)`, in units of the mean |true input|.
        starts: states at the beginning of training trials, drawn with replacement where there are fewer.
        within: distance in the true latents' unit below which end states are one.

    Raises:
        InvalidInput: trials without true inputs or latents; a model without inputs.
    """
    check_range("starts", starts, 1)
    train, to_truth, seen = learned.train, learned.to_truth, learned.seen_train
    if to_truth is None or "inputs" not in train.truth:
        raise InvalidInput("trials", "no true inputs", "simulated trials with true latents and inputs")
    if not driven(learned):
        raise InvalidInput("model", "no inputs", "a model with inferred or known inputs", "Noise has no way into it.")
    mask, true = train.mask, train.truth["inputs"].astype(float)
    rows = true[mask], seen.drives[mask]
    to_inputs = fit_validated(rows, rows, PENALTIES)
    unit = float(np.abs(true[mask]).mean())
    rng = np.random.default_rng(learned.seed)
    drawn = rng.permutation(len(train))[:starts] if starts <= len(train) else rng.integers(0, len(train), starts)
    scale = unit * np.asarray(sizes, float)
    options: dict[str, Any] = {
        "within": within,
        "noise_bins": max(round(NOISE_S / train.bin_s), 1),
        "rest_bins": max(round(REST_S / train.bin_s), 1),
        "seed": learned.seed,
    }

    def latents(state: Array) -> Array:
        return to_truth(latents_of(learned.model, state, seen.latents.shape[2]))

    begin, channels = seen.states[drawn, 0], true.shape[2]
    found = noise_response(
        learned.dynamics, begin, lambda noise: to_inputs(noise), scale, channels, coordinates=latents, **options
    )
    exact = true_map(train)
    truth = None
    if exact is not None:
        own = train.truth["latents"][drawn, 0].astype(float)
        truth = _counted(noise_response(exact, own, lambda noise: noise, scale, channels, **options), sizes)
    return NoiseComparison(train.session, unit, _counted(found, sizes), truth, _r2(to_inputs, rows))


def _counted(found: NoiseResponse, sizes: Array) -> NoiseResponse:
    """The same, with sizes in units of the mean |true input|."""
    return NoiseResponse(np.asarray(sizes, float), found.ends, found.attractor, found.attractors, found.clusters)


def _r2(fitted: LinearMap, rows: tuple[Array, Array]) -> float:
    left, whole = np.square(rows[1] - fitted(rows[0])).sum(), np.square(rows[1] - rows[1].mean(0)).sum()
    return float(1 - left / max(whole, 1e-300))


def _point(values: Array) -> str:
    return ", ".join(f"{value:.2f}" for value in values)
