"""Fixed points of a fitted model, looked for from the states it visits, and compared with the truth where it is known."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from neurodyn.analysis.constant_inputs import ConstantInput, constant_inputs
from neurodyn.analysis.state_latents import latents_of
from neurodyn.analysis.true_points import Match, TruePoints, match, true_dynamics
from neurodyn.analysis.visited import Surroundings, Visited, visited
from neurodyn.config import check_range
from neurodyn.data.trials import Trials
from neurodyn.data.writing import hdf5_written_whole
from neurodyn.dynamics.discrete_map import DiscreteMap
from neurodyn.dynamics.fixed_points import FixedPoints, find_fixed_points
from neurodyn.dynamics.flow_field import PhasePortrait, Plane, flow_field
from neurodyn.models.base import Model
from neurodyn.regression.ridge import LinearMap, fit_validated
from neurodyn.shapes import Array, Bool, Float

_PENALTIES = 10.0 ** np.arange(-10.0, 0.0)
KEPT = Path("analysis") / "fixed_points.h5"
"""Where a run's folder keeps its analysis."""
NOISE = 0.05
"""S.d. of the noise on the starts, in mean radii of the visited states."""
_DRAWN_PATHS = 24


@dataclass(frozen=True, eq=False)
class InputResult:
    """What was found under one constant input."""

    given: ConstantInput
    found: FixedPoints
    latents: Float[Array, "point latent"]
    """Factors of each point."""
    mapped: Array | None
    """The same in the true latents' coordinates, `(point, true latent)`."""
    visited: Bool[Array, " point"]
    """Whether data come near each point; where they do not, nothing constrains the dynamics, and it counts neither as found nor as false."""
    truth: TruePoints | None
    true_visited: Array
    """Whether the true trajectories come near each true point, bool `(true,)`."""
    match: Match | None
    """Of the visited points; indices count among all points."""

    def as_mapping(self) -> dict[str, Any]:
        """For JSON."""
        found = self.found.as_mapping()
        for i, point in enumerate(found["points"]):
            point["visited"] = bool(self.visited[i])
            point["latents"] = self.latents[i].tolist()
            point["true_coordinates"] = None if self.mapped is None else self.mapped[i].tolist()
        result = {"input": self.given.label, "value": self.given.value.tolist(), **found}
        result["unvisited"] = int((~self.visited).sum())
        if self.truth is not None and self.match is not None:
            result["truth"] = [
                {
                    "kind": kind,
                    "latents": point.tolist(),
                    "visited": bool(near),
                    "eigenvalues": [[float(e.real), float(e.imag)] for e in values],
                }
                for kind, point, near, values in zip(
                    self.truth.kinds, self.truth.points, self.true_visited, self.truth.eigenvalues
                )
            ]
            result["match"] = self.match.as_mapping()
        return result


@dataclass(frozen=True, eq=False)
class FixedPointAnalysis:
    """A model's fixed points under several constant inputs."""

    session: str
    bin_s: float
    map_r2: float | None
    """R² of the affine map from factors to true latents, over the bins it was fitted on (mean over latents); None without truth."""
    results: tuple[InputResult, ...]
    portraits: tuple[PhasePortrait, ...]
    """One an input; none for a state of one dimension."""
    left_out: Mapping[str, str]
    """Inputs that were asked for and cannot be had, with the reason."""

    def as_mapping(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "session": self.session,
            "bin_s": self.bin_s,
            "map_r2": self.map_r2,
            "inputs": [result.as_mapping() for result in self.results],
            "left_out": dict(self.left_out),
        }

    def write(self, path: str | Path) -> None:
        """Writes HDF5, whole or not at all: one group an input with the points' arrays, `jacobians` too, and the `portrait`.

        Raises:
            InvalidInput: as `hdf5_written_whole`.
        """
        with hdf5_written_whole(path) as file:
            file.attrs.update({"session": self.session, "bin_s": self.bin_s})
            for k, result in enumerate(self.results):
                group = file.create_group(f"input_{k}")
                group.attrs["label"] = result.given.label
                group["input"] = result.given.value
                for name in ("points", "speed", "jacobians", "eigenvalues", "reached", "unstable"):
                    group[name] = getattr(result.found, name)
                group["latents"], group["visited"] = result.latents, result.visited
                if result.mapped is not None:
                    group["true_coordinates"] = result.mapped
                if k < len(self.portraits):
                    self.portraits[k].write(group.create_group("portrait"))


def kept_portraits(run: Path) -> tuple[PhasePortrait, ...]:
    """The phase portraits that an analysis has left in a run's folder; none where there was no analysis."""
    import h5py

    if not (run / KEPT).is_file():
        return ()
    with h5py.File(run / KEPT) as file:
        groups = sorted((name for name in file if "portrait" in file[name]), key=lambda name: int(name[6:]))
        return tuple(PhasePortrait.read(file[name]["portrait"]) for name in groups)


def analyse_fixed_points(
    model: Model,
    trials: Trials,
    inputs: Sequence[str] = ("zero", "mean"),
    *,
    starts: int = 1024,
    seed: int = 0,
) -> FixedPointAnalysis:
    """Fixed points of a fitted model from the states it visits on trials, with flow fields, and the comparison with the truth.

    Args:
        model: fitted, with dynamics.
        trials: one session's, those it was trained on: the starts, the mean inputs and the map to the true latents come from them.
        inputs: of `zero`, `mean`, `period`, `condition`; see `constant_inputs`.
        starts: visited states to start from, for each input.
        seed: of the starts and their noise.

    Raises:
        UnknownName: another input.
        InvalidInput: a model without dynamics; no input that can be had.
    """
    check_range("starts", starts, 1)
    check_range("seed", seed, 0)
    seen = visited(model, trials)
    given, left_out = constant_inputs(seen, trials, inputs)
    exact: Any = copy.deepcopy(model).double().eval().cpu().requires_grad_(False)
    dynamics = DiscreteMap.of_tensors(exact.step)
    drives = np.stack([each.value for each in given])
    found = find_fixed_points(dynamics, seen.sample(starts, seed), drives, noise=NOISE, seed=seed)

    to_truth, true_latents = _map(seen, trials)
    truth = true_dynamics(trials) if to_truth is not None else None
    near_truth = None if truth is None else Surroundings(true_latents, trials.mask)
    plane = Plane.of_states(seen.states[seen.mask]) if seen.states.shape[2] > 1 else None
    results, portraits = [], []
    for k, each in enumerate(given):
        points = found.at(k)
        latents = latents_of(exact, points.points, seen.latents.shape[2])
        mapped = None if to_truth is None else to_truth(latents)
        near = seen.surroundings.hold(latents)
        true = None if truth is None or each.true is None else truth(each.true)
        reached = np.zeros(0, bool) if true is None or near_truth is None else near_truth.hold(true.points)
        compared = None if true is None or mapped is None else _matched(mapped, points, near, true)
        results.append(InputResult(each, points, latents, mapped, near, true, reached, compared))
        if plane is not None:
            portraits.append(_portrait(dynamics, plane, seen, results[-1], true_latents, trials))
    return FixedPointAnalysis(
        trials.session, trials.bin_s, _map_r2(to_truth, seen, true_latents), tuple(results), tuple(portraits), left_out
    )


def _map(seen: Visited, trials: Trials) -> tuple[LinearMap | None, Array]:
    """The affine map from factors to true latents, and these latents; none and width 0 where they are not known."""
    truth = trials.truth.get("latents")
    if truth is None:
        return None, np.zeros((*trials.mask.shape, 0))
    rows = seen.latents[seen.mask], truth[seen.mask].astype(float)
    return fit_validated(rows, rows, _PENALTIES), truth.astype(float)


def _map_r2(to_truth: LinearMap | None, seen: Visited, true_latents: Array) -> float | None:
    if to_truth is None:
        return None
    true = true_latents[seen.mask]
    left = np.square(true - to_truth(seen.latents[seen.mask])).sum(0)
    return float((1 - left / np.maximum(np.square(true - true.mean(0)).sum(0), 1e-300)).mean())


def _matched(mapped: Array, points: FixedPoints, near: Array, truth: TruePoints) -> Match:
    """The match of the visited points, with indices among all points."""
    rows = np.flatnonzero(near)
    found = match(mapped[rows], points.eigenvalues[rows], truth)
    pairs = found.pairs.copy()
    pairs[:, 0] = rows[pairs[:, 0]]
    return Match(pairs, rows[found.false], found.missed, found.hausdorff, found.chamfer, found.eigenvalue_error)


def _portrait(
    dynamics: DiscreteMap,
    plane: Plane,
    seen: Visited,
    result: InputResult,
    true_latents: Array,
    trials: Trials,
) -> PhasePortrait:
    drawn = np.linspace(0, len(seen.states) - 1, min(_DRAWN_PATHS, len(seen.states))).astype(int)
    paths = np.where(seen.mask[drawn, :, None], plane.coordinates(seen.states[drawn]), np.nan)
    around = plane.coordinates(seen.states[seen.mask])
    points = plane.coordinates(result.found.points)
    field = flow_field(dynamics, plane, result.given.value, np.concatenate([around, points[result.visited]]))
    truth, width, slow = result.truth, true_latents.shape[2], result.found.slow
    return PhasePortrait(
        title=result.given.label,
        session=trials.session,
        axes=plane.names,
        bin_s=trials.bin_s,
        x=field.x,
        y=field.y,
        velocity=field.velocity,
        speed=field.speed,
        paths=paths,
        points=points,
        kinds=tuple(result.found.kind),
        visited=result.visited,
        eigenvalues=result.found.eigenvalues,
        slow=plane.coordinates(np.zeros((0, len(plane.origin))) if slow is None else slow.points),
        mapped=np.zeros((len(points), 0)) if result.mapped is None else result.mapped,
        true_paths=np.where(seen.mask[drawn, :, None], true_latents[drawn], np.nan),
        true_points=np.zeros((0, width)) if truth is None else truth.points,
        true_kinds=() if truth is None else truth.kinds,
        true_eigenvalues=np.zeros((0, width), complex) if truth is None else truth.eigenvalues,
    )
