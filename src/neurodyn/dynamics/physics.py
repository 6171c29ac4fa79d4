"""What is to be seen inside latents that obey the Langevin equation: plain numbers, for tables and figures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from neurodyn.dynamics.flow_field import FlowField
from neurodyn.dynamics.normal_modes import NormalModes
from neurodyn.dynamics.rest_points import RestPoints
from neurodyn.shapes import Array, Float


@dataclass(frozen=True, eq=False)
class Energies:
    """Energies of paths over time, in units of the temperature, over posterior samples and trials; NaN where no trial has data."""

    mean: Mapping[str, Float[Array, " time"]]
    """Of `kinetic`, Σ v²/2; `potential`, U above the lowest point of rest; and `total`."""
    sd: Mapping[str, Float[Array, " time"]]
    """Over samples and trials."""
    kinetic_ratio: Float[Array, " dimension"]
    """⟨v²⟩/𝒯 of each dimension over all bins: 1 at equilibrium."""
    potential_at_equilibrium: float | None
    """Mean potential energy of the Boltzmann law; None where the potential has no floor."""


@dataclass(frozen=True, eq=False)
class Profile:
    """The landscape along one principal axis of the visited positions."""

    at: Float[Array, " point"]
    """Coordinates along the axis, from the mean position."""
    energy: Float[Array, " point"]
    """U above the lowest point of rest, in units of the temperature, the other coordinates at their mean."""
    centres: Float[Array, " class"]
    """Middles of the histograms' classes."""
    visited: Float[Array, " class"]
    """Density of the coordinate over posterior samples of the paths."""
    boltzmann: Float[Array, " class"]
    """Its density under exp(−U/𝒯), all dimensions included; NaN where the potential has no floor."""


@dataclass(frozen=True, eq=False)
class Landscape:
    """The potential on the plane of the first two principal axes, the other coordinates at their mean."""

    x: Float[Array, " column"]
    y: Float[Array, " row"]
    energy: Float[Array, "row column"]
    """U above the lowest point of rest, in units of the temperature."""


@dataclass(frozen=True, eq=False)
class Information:
    """What the posterior says beyond the prior, in nats, and the inferred inputs that carry it."""

    parts: Mapping[str, Float[Array, " trial"]]
    """KL of `position`, `velocity` (both of the first bin) and `path`."""
    inputs: Float[Array, " trial"]
    """½ Σ a², the part of the path's KL that the size of the inferred inputs makes; the rest is that of noise made narrower. Zeros without inputs."""
    bins: Float[Array, "stat=2 time"]
    """Mean and s.d. over trials of the path's KL in each observed bin; NaN where no trial has data."""
    input_size: Float[Array, " time"]
    """Root mean square of the inferred inputs over trials and dimensions in each observed bin; the noise of the prior has 1."""
    dimensions: Float[Array, " dimension"]
    """½ Σ a² of each dimension, mean over trials."""


@dataclass(frozen=True, eq=False)
class Physics:
    """A fitted Langevin model on some trials of one session."""

    session: str
    trials: int
    """Trials that were looked at."""
    samples: int
    """Posterior samples of each."""
    potential: str
    integrator: str
    bin_s: float
    observed_bins: int
    """Bins before the forward ones."""
    time_unit_s: float
    """Seconds in the dynamics' own unit of time."""
    temperature: float
    """𝒯, dimensionless."""
    friction_hz: Float[Array, " dimension"]
    """Friction in 1/s: what a step of the integrator takes from a velocity."""
    rest: RestPoints
    modes: tuple[NormalModes, ...]
    """About each point of rest."""
    energies: Energies
    axis_shares: Float[Array, " axis"]
    """Share of the variance of the posterior-mean positions along each principal axis."""
    paths: Float[Array, "trial time axis"]
    """Some posterior-mean positions along these axes, from their mean; NaN outside of trials."""
    velocities: Float[Array, "trial time axis"]
    """Velocities of the same along the same axes, per second."""
    rest_coordinates: Float[Array, "point axis"]
    """Points of rest along these axes."""
    landscape: Landscape | None
    """None for a position of one dimension."""
    profiles: tuple[Profile, ...]
    """One an axis."""
    flows: tuple[FlowField, ...]
    """Of the first two axes: the noise-free flow of the coordinate (x) and its velocity per second (y), all else as at the first point of rest."""
    information: Information

    def as_mapping(self) -> dict[str, Any]:
        """For JSON: the numbers without the figures' grids and paths."""
        energies, kl = self.energies, self.information
        points = [
            {
                "share": float(self.rest.shares[i]),
                "minimum": bool(self.rest.stable[i]),
                "energy": float(self.rest.energies[i]),
                "position": self.rest.points[i].tolist(),
                "regimes": dict(Counter(modes.regime)),
                "modes": modes.as_mapping(),
            }
            for i, modes in enumerate(self.modes)
        ]
        return {
            **{name: getattr(self, name) for name in ("session", "trials", "samples", "potential", "integrator")},
            **{name: getattr(self, name) for name in ("bin_s", "time_unit_s", "temperature")},
            "friction_hz": self.friction_hz.tolist(),
            "rest_points": points,
            "minima_found": self.rest.distinct,
            "energies": {
                "mean": {name: values.tolist() for name, values in energies.mean.items()},
                "sd": {name: values.tolist() for name, values in energies.sd.items()},
                "kinetic_ratio": energies.kinetic_ratio.tolist(),
                "potential_at_equilibrium": energies.potential_at_equilibrium,
            },
            "kl": {
                "mean": {name: float(values.mean()) for name, values in kl.parts.items()},
                "sd": {name: float(values.std()) for name, values in kl.parts.items()},
                "inputs": float(kl.inputs.mean()),
                "bins": kl.bins[0].tolist(),
                "dimensions": kl.dimensions.tolist(),
            },
            "input_size": kl.input_size.tolist(),
        }
