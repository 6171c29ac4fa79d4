"""The physics of a fitted LangevinFlow: energies, normal modes, landscape, phase portraits and information, from the paths of trials."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from neurodyn import registry
from neurodyn.config import check_range
from neurodyn.data.batch import Batch
from neurodyn.data.trials import Trials
from neurodyn.dynamics.boltzmann import boltzmann_samples
from neurodyn.dynamics.discrete_map import DiscreteMap
from neurodyn.dynamics.flow_field import FlowField, Plane, flow_field
from neurodyn.dynamics.normal_modes import normal_modes
from neurodyn.dynamics.physics import Energies, Information, Landscape, Physics, Profile
from neurodyn.dynamics.rest_points import RestPoints, rest_points
from neurodyn.errors import InvalidInput
from neurodyn.models.base import Model
from neurodyn.models.langevin_flow import LangevinFlow
from neurodyn.shapes import Array, Float

_AXES, _FLOWS = 3, 2
"""Principal axes with a profile, and with a phase portrait."""
_TRIALS, _AT_A_TIME = 512, 256
"""Trials looked at, at most, evenly spread; and in one pass."""
_DRAWN_PATHS = 24
_STARTS, _CHAINS = 96, 512
_GRID, _CLASSES = 41, 32
_MARGIN = 0.15


def has_physics(model: Model) -> bool:
    """Whether there is physics to look at: LangevinFlow in its default mode. In the published modes positions hardly move, and rates go past them."""
    return isinstance(model, LangevinFlow) and model.published is None


@torch.no_grad()
def langevin_physics(model: Model, trials: Trials, *, samples: int = 4, seed: int = 0) -> Physics:
    """Looks inside a fitted LangevinFlow on the trials of one session.

    Energies, KL, inputs and histograms are of samples of the posterior path: the path of the means moves less than any path it stands for. Trajectories,
    principal axes and the modes' shares of variance are of the path of the means. No behaviour is given to a teacher.

    Args:
        model: fitted, in mode `default`.
        trials: of its session; at most 512 of them are used, evenly spread.
        samples: posterior samples of each trial.
        seed: of the samples.

    Raises:
        InvalidInput: another model, or one in a published mode; trials of other units.
    """
    check_range("samples", samples, 1)
    check_range("seed", seed, 0)
    expected = "langevin_flow in mode default"
    if not isinstance(model, LangevinFlow):
        raise InvalidInput("model", registry.name_of(type(model)), expected, "Only its latents have a potential.")
    if model.published is not None:
        got = f"langevin_flow in mode {model.config.mode}"
        raise InvalidInput("model", got, expected, "The published modes have no physics to look at.")
    rows = np.linspace(0, len(trials) - 1, min(len(trials), _TRIALS)).astype(int)
    mask = trials.mask[rows]
    law = _Law.of(model)
    means, tally = _paths(model, trials, rows, law, samples, seed)
    size = model.size
    positions, velocities = means[..., :size], means[..., size:]
    seen = positions[mask]
    centre, covariance = seen.mean(0), np.atleast_2d(np.cov(seen.T))
    variance, directions = np.linalg.eigh(covariance)
    axes = directions[:, ::-1][:, :_AXES].T
    shares = variance[::-1][:_AXES] / max(float(variance.sum()), 1e-300)

    sampled = np.concatenate(tally.positions)
    rng = np.random.default_rng(seed)
    starts = sampled[rng.permutation(len(sampled))[:_STARTS]]
    rest = rest_points(law.energy, law.force, law.hessian, starts)
    floor, unit_s = float(rest.energies.min()), model.config.time_unit_s
    friction = law.friction
    thermal = _thermal(law, rest, sampled[rng.permutation(len(sampled))[:_CHAINS]], seed)

    around = (sampled - centre) @ axes.T
    drawn = np.linspace(0, len(rows) - 1, min(_DRAWN_PATHS, len(rows))).astype(int)
    inside = mask[drawn, :, None]
    paths = np.where(inside, (positions[drawn] - centre) @ axes.T, np.nan)
    speeds = np.where(inside, velocities[drawn] @ axes.T / unit_s, np.nan)
    return Physics(
        session=trials.session,
        trials=len(rows),
        samples=samples,
        potential=registry.name_of(type(model.potential)),
        integrator=model.config.integrator,
        bin_s=trials.bin_s,
        observed_bins=trials.observed_bins,
        time_unit_s=unit_s,
        temperature=law.temperature,
        friction_hz=friction / unit_s,
        rest=rest,
        modes=tuple(normal_modes(hessian, friction, covariance, unit_s) for hessian in rest.hessians),
        energies=tally.energies(law, floor, thermal),
        axis_shares=shares,
        paths=paths,
        velocities=speeds,
        rest_coordinates=(rest.points - centre) @ axes.T,
        landscape=_landscape(law, floor, centre, axes, around) if size > 1 else None,
        profiles=tuple(
            _profile(law, floor, centre, axis, around[:, k], None if thermal is None else (thermal - centre) @ axis)
            for k, axis in enumerate(axes)
        ),
        flows=tuple(
            _flow(law, unit_s, rest.points[0], centre, axis, paths[..., k], speeds[..., k])
            for k, axis in enumerate(axes[:_FLOWS])
        ),
        information=tally.information(),
    )


@dataclass(frozen=True, eq=False)
class _Law:
    """A model's dynamics in float64, on arrays."""

    model: Any
    """A copy of the model, in float64."""
    energy: Callable[[Array], Array]
    force: Callable[[Array], Array]
    hessian: Callable[[Array], Array]
    temperature: float
    friction: Float[Array, " dimension"]
    """γ that leaves as much of a velocity as a step does: 0 for an integrator without friction."""

    @staticmethod
    def of(model: LangevinFlow) -> _Law:
        exact: Any = copy.deepcopy(model).double().eval().cpu().requires_grad_(False)
        potential, force_of, coefficients = exact.potential, exact.potential.prepared(), exact.coefficients()
        decay = np.broadcast_to(np.abs(np.asarray(coefficients.decay, float)), (exact.size,))
        parts = max(exact.integrator.noises, 1)
        return _Law(
            exact,
            lambda z: np.asarray(potential.energy(torch.from_numpy(z))),
            lambda z: np.asarray(force_of(torch.from_numpy(z))),
            lambda z: np.asarray(potential.hessian(torch.from_numpy(z))),
            float(coefficients.temperature),
            -parts * np.log(np.maximum(decay, 1e-12)) / exact.step_size + 0.0,
        )


@dataclass(eq=False)
class _Tally:
    """Sums over samples and trials."""

    mask: Array
    observed: int
    potential: list[Array] = field(default_factory=list)
    kinetic: list[Array] = field(default_factory=list)
    """Of each sample `(trial, time)`, in units of the temperature; the potential energy from its own zero."""
    squared: list[Array] = field(default_factory=list)
    """⟨v²⟩ of each dimension, of each sample."""
    positions: list[Array] = field(default_factory=list)
    """Of each sample `(bin, dimension)`, inside of trials."""
    parts: list[dict[str, Array]] = field(default_factory=list)
    """KL of each sample and part `(trial,)`."""
    bins: list[Array] = field(default_factory=list)
    """Path's KL of each sample `(trial, observed time)`."""
    inputs: list[Array] = field(default_factory=list)
    """½a² of each sample `(trial, observed time, dimension)`, summed over the draws of a step; 0 outside of trials."""
    draws: int = 1
    """Normal draws of a step and dimension."""

    def energies(self, law: _Law, floor: float, thermal: Array | None) -> Energies:
        potential = np.stack(self.potential) - floor / law.temperature
        each = {"kinetic": np.stack(self.kinetic), "potential": potential}
        each["total"] = each["kinetic"] + potential
        counted = np.broadcast_to(self.mask, potential.shape)
        moments = {name: _moments(values, counted) for name, values in each.items()}
        settled = None if thermal is None else float(law.energy(thermal).mean() - floor) / law.temperature
        return Energies(
            {name: mean for name, (mean, _) in moments.items()},
            {name: sd for name, (_, sd) in moments.items()},
            np.mean(self.squared, 0) / law.temperature,
            settled,
        )

    def information(self) -> Information:
        parts = {name: np.mean([each[name] for each in self.parts], 0) for name in self.parts[0]}
        mask, trials = self.mask[:, : self.observed], len(self.mask)
        if not self.inputs:
            return Information(parts, np.zeros(trials), np.zeros((2, 0)), np.zeros(0), np.zeros(len(self.squared[0])))
        half = np.mean(self.inputs, 0)
        driven = mask.copy()
        driven[:, 0] = False  # no step leads to the first bin
        bins = np.stack(_moments(np.mean(self.bins, 0), driven))
        count = driven.sum(0) * half.shape[2] * self.draws
        with np.errstate(divide="ignore", invalid="ignore"):
            size = np.where(count > 0, np.sqrt(2 * half.sum((0, 2)) / count), np.nan)
        return Information(parts, half.sum((1, 2)), bins, size, half.sum(1).mean(0))


def _moments(values: Array, counted: Array) -> tuple[Array, Array]:
    """Mean and s.d. over all axes but the last of what is counted; NaN where nothing is."""
    over = tuple(range(values.ndim - 1))
    count = counted.sum(over)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = np.where(counted, values, 0).sum(over) / count
        square = np.where(counted, np.square(values - mean), 0).sum(over) / count
    return mean, np.sqrt(square)


def _paths(
    model: LangevinFlow, trials: Trials, rows: Array, law: _Law, samples: int, seed: int
) -> tuple[Array, _Tally]:
    """Posterior-mean states `(trial, time, 2 dimension)`, and what the samples add up to."""
    session, was_training, size = model.session_of(trials), model.training, model.size
    device = next(model.parameters()).device
    mask = trials.mask[rows]
    tally = _Tally(mask, trials.observed_bins, draws=max(model.integrator.noises, 1))
    chunks = [rows[k : k + _AT_A_TIME] for k in range(0, len(rows), _AT_A_TIME)]
    batches = [Batch.of(trials, chunk, session).to(device).observed for chunk in chunks]
    model.eval()
    try:
        means = np.concatenate([_host(model(each).latents) for each in batches])
        with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []), model.sampling():
            torch.manual_seed(seed)
            for _ in range(samples):
                outputs = [model(each) for each in batches]
                states = np.concatenate([_host(output.latents) for output in outputs])
                _add(tally, law, states[..., :size], states[..., size:])
                tally.parts.append(
                    {name: np.concatenate([_host(o.kl[name]) for o in outputs]) for name in outputs[0].kl}
                )
                if outputs[0].inputs is not None:
                    tally.bins.append(np.concatenate([_host(o.hidden["kl_bins"]) for o in outputs]))
                    inputs = np.concatenate([_host(o.inputs) for o in outputs])[:, : tally.observed]
                    inputs = inputs * mask[:, : tally.observed, None]
                    shape = (*inputs.shape[:2], -1, size)
                    tally.inputs.append(0.5 * np.square(inputs).reshape(shape).sum(2))
    finally:
        model.train(was_training)
    return means, tally


def _add(tally: _Tally, law: _Law, positions: Array, velocities: Array) -> None:
    squared = np.square(velocities)
    tally.kinetic.append(0.5 * squared.sum(2) / law.temperature)
    tally.potential.append(law.energy(positions) / law.temperature)
    tally.squared.append(squared[tally.mask].mean(0))
    tally.positions.append(positions[tally.mask])


def _host(values: Any) -> Array:
    return np.asarray(values.double().cpu())


def _thermal(law: _Law, rest: RestPoints, starts: Array, seed: int) -> Array | None:
    """Positions of the Boltzmann law; None where the potential has no well."""
    least = float(np.linalg.eigvalsh(rest.hessians[0])[0])
    if least <= 0 or not rest.stable[0]:
        return None
    largest = float(np.linalg.eigvalsh(law.hessian(starts[:_STARTS])).max())
    return np.asarray(boltzmann_samples(law.force, starts, law.temperature, (least, max(largest, least)), seed))


def _spread(values: Array, points: int) -> Array:
    """An even grid over values, with a margin."""
    low, high = float(values.min()), float(values.max())
    margin = _MARGIN * max(high - low, 1e-9)
    return np.linspace(low - margin, high + margin, points)


def _landscape(law: _Law, floor: float, centre: Array, axes: Array, around: Array) -> Landscape:
    low, high = np.quantile(around[:, :2], (0.001, 0.999), axis=0)
    x, y = (_spread(np.array([low[k], high[k]]), _GRID) for k in (0, 1))
    plane = centre + np.stack(np.meshgrid(x, y), 2).reshape(-1, 2) @ axes[:2]
    return Landscape(x, y, (law.energy(plane).reshape(_GRID, _GRID) - floor) / law.temperature)


def _profile(law: _Law, floor: float, centre: Array, axis: Array, seen: Array, thermal: Array | None) -> Profile:
    both = seen if thermal is None else np.concatenate([seen, thermal])
    edges = _spread(np.quantile(both, (0.001, 0.999)), _CLASSES + 1)
    energy = (law.energy(centre + edges[:, None] * axis) - floor) / law.temperature
    width = edges[1] - edges[0]

    def density(values: Array | None) -> Array:
        if values is None:
            return np.full(_CLASSES, np.nan)
        return np.asarray(np.histogram(values, edges)[0] / (len(values) * width))

    return Profile(edges, energy, (edges[1:] + edges[:-1]) / 2, density(seen), density(thermal))


def _flow(law: _Law, unit_s: float, rest: Array, centre: Array, axis: Array, paths: Array, speeds: Array) -> FlowField:
    """Flow in the plane of one coordinate (from the mean position) and its velocity (per second)."""
    still = np.zeros_like(axis)
    off_axis = rest - (rest - centre) @ axis * axis
    plane = Plane(
        np.concatenate([off_axis, still]),
        np.stack([np.concatenate([axis, still]), np.concatenate([still, axis])]),
        ("position", "velocity"),
    )
    inside = np.isfinite(paths)
    around = np.column_stack([paths[inside], speeds[inside] * unit_s])
    around = np.concatenate([around, -around])
    field = flow_field(DiscreteMap.of_tensors(law.model.step), plane, np.zeros(law.model.driven), around)
    return FlowField(field.x, field.y / unit_s, field.velocity / np.array([1, unit_s]), field.speed)
