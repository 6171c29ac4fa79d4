"""A model's long runs beside the true system's: spectra of exponents and of power, clouds of states, and what stands beside them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from neurodyn.dynamics.attractor_distance import Grid, binned_divergence, mixture_divergence
from neurodyn.dynamics.lyapunov import LyapunovSpectrum
from neurodyn.dynamics.power_spectrum import power_spectrum_distance
from neurodyn.shapes import Array, Bool, Float

MOST_IN_CELLS = 5
"""Dimensions up to which states are counted in cells."""


@dataclass(frozen=True, eq=False)
class LongRuns:
    """Runs without data, all in the true latents' coordinates (in the model's own where no truth is known)."""

    model: Float[Array, "trial time latent"]
    """The model's; one that diverged stays where it was last."""
    diverged: Bool[Array, " trial"]
    truth: Float[Array, "trial time latent"]
    """The reference: the true system from the same trials' states; or what the model says of the trials themselves."""
    again: Float[Array, "again time latent"]
    """The same reference from other trials: how far the truth is from itself."""
    bin_s: float
    reference: str
    """What the reference is, in words."""
    held: str
    """What drives the model, in words."""
    map_r2: float | None
    """R² on test trials of the map from the model's latents to the true ones; None where there is none."""
    exponents: LyapunovSpectrum
    """Of the model, the leading ones."""
    true_exponents: LyapunovSpectrum | None
    seed: int = 0

    @cached_property
    def settled(self) -> Array:
        """The model's runs `(trial, time, latent)`, those that diverged at the truth's mean: at rest, as far as power goes."""
        return np.asarray(np.where(self.diverged[:, None, None], self.truth.mean((0, 1)), self.model))

    @cached_property
    def beside(self) -> Mapping[str, Array]:
        """Runs that say what a distance means.

        `white_noise`: of the truth's mean and covariance. `still`: the first bin of each of the model's runs held. `time_shuffled`: the truth's
        bins in another order, which no measure of geometry can tell from the truth.
        """
        rng = np.random.default_rng(self.seed)
        trials, bins, width = self.truth.shape
        flat = self.truth.reshape(-1, width)
        covariance = np.atleast_2d(np.cov(flat.T))
        noise = rng.multivariate_normal(flat.mean(0), covariance, (trials, bins), method="eigh")
        order = np.argsort(rng.random((trials, bins)), 1)
        return {
            "white_noise": noise,
            "still": np.repeat(self.model[:, :1], bins, 1),
            "time_shuffled": np.take_along_axis(self.truth, order[..., None], 1),
        }

    @cached_property
    def grid(self) -> Grid | None:
        """Cells over the truth; None where it has too many dimensions for them."""
        flat = self.truth.reshape(-1, self.truth.shape[2])
        return Grid.over(flat) if flat.shape[1] <= MOST_IN_CELLS else None

    def power_distance(self, runs: Array) -> float:
        """Power-spectrum distance of runs `(trial, time, latent)` from the truth's."""
        return power_spectrum_distance(runs, self.truth)

    def attractor_distance(self, runs: Array) -> float:
        """Divergence of where runs `(trial, time, latent)` are from where the truth's are, in nats."""
        flat, reference = runs.reshape(-1, runs.shape[2]), self.truth.reshape(-1, self.truth.shape[2])
        if self.grid is not None:
            return binned_divergence(flat, reference, cells=self.grid.cells)
        return mixture_divergence(flat, reference, seed=self.seed)

    @cached_property
    def distances(self) -> Mapping[str, tuple[float, float]]:
        """Power-spectrum and attractor distance of the model and of what stands beside it; `true_again` is the floor."""
        found = {"model": (self.power_distance(self.settled), self.attractor_distance(self.model))}
        for name, runs in {"true_again": self.again, **self.beside}.items():
            found[name] = (self.power_distance(runs), self.attractor_distance(runs))
        return found

    def as_mapping(self) -> dict[str, Any]:
        """For JSON; exponents in 1/s."""
        return {
            "bin_s": self.bin_s,
            "trials": len(self.model),
            "bins": self.model.shape[1],
            "reference": self.reference,
            "held": self.held,
            "diverged": int(self.diverged.sum()),
            "map_r2": self.map_r2,
            "lyapunov": {
                "model": self.exponents.as_mapping(self.bin_s),
                "truth": None if self.true_exponents is None else self.true_exponents.as_mapping(self.bin_s),
            },
            "power_spectrum_distance": {name: pair[0] for name, pair in self.distances.items()},
            "attractor_distance": {name: pair[1] for name, pair in self.distances.items()},
        }

    def table(self) -> tuple[str, list[str], list[list[str]], str]:
        """Title, headings, rows and a note, for people."""
        largest = {"model": self.exponents, "true_again": self.true_exponents}
        rows = []
        for name, (power, attractor) in self.distances.items():
            spectrum = largest.get(name)
            shown = (
                "–" if spectrum is None else f"{spectrum.per(self.bin_s)[0]:.3g} ± {spectrum.error[0] / self.bin_s:.2g}"
            )
            dimension = "–" if spectrum is None else f"{spectrum.dimension:.2f}"
            rows.append([name, f"{power:.3f}", f"{attractor:.3g}", shown, dimension])
        headings = ["runs", "power spectra", "attractor (nats)", "largest exponent (1/s)", "Kaplan-Yorke dimension"]
        mapped = "" if self.map_r2 is None else f"; R² of the map to the true latents {self.map_r2:.3f}"
        note = (
            f"{len(self.model)} runs of {self.model.shape[1]} bins, {int(self.diverged.sum())} diverged; distances from {self.reference}; "
            f"{self.held}{mapped}"
        )
        return "Free runs", headings, rows, note
