"""Attractors without a search: noise drives many states apart, rest lets them settle, and where they settle is counted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from neurodyn.config import check_range
from neurodyn.dynamics.discrete_map import DiscreteMap
from neurodyn.errors import InvalidInput
from neurodyn.shapes import Array, Float, Int

NOWHERE = -1
"""The attractor of a run that left for infinity."""


@dataclass(frozen=True, eq=False)
class NoiseResponse:
    """Where runs end after noise of several sizes and a rest."""

    sizes: Float[Array, " size"]
    """S.d. of the noise, in the unit the caller counts in."""
    ends: Float[Array, "size start coordinate"]
    """End states."""
    attractor: Int[Array, "size start"]
    """Which of `attractors` each run ended in; -1 where it is not finite."""
    attractors: Float[Array, "attractor coordinate"]
    """Mean end state of each, sorted by their first coordinate, then the second, ..."""
    clusters: Int[Array, " size"]
    """How many groups the end states of each size fall into, each size by itself."""

    @property
    def occupancy(self) -> Array:
        """How many runs ended in each attractor, int `(size, attractor)`."""
        return np.stack([(self.attractor == k).sum(1) for k in range(len(self.attractors))], 1)

    def as_mapping(self) -> dict[str, Any]:
        """For JSON, without the end states."""
        return {
            "sizes": self.sizes.tolist(),
            "clusters": self.clusters.tolist(),
            "attractors": self.attractors.tolist(),
            "occupancy": self.occupancy.tolist(),
            "diverged": (self.attractor == NOWHERE).sum(1).tolist(),
        }


def noise_response(
    dynamics: DiscreteMap,
    starts: Float[Array, "start state"],
    inputs: Callable[[Array], Array],
    sizes: Array,
    channels: int,
    *,
    within: float,
    coordinates: Callable[[Array], Array] | None = None,
    noise_bins: int = 100,
    rest_bins: int = 300,
    seed: int = 0,
) -> NoiseResponse:
    """Runs every start under noise of every size, then at rest, and merges end states by single linkage.

    A Gaussian mixture whose size an information criterion chooses is the usual way to count the groups; settled states are spikes without width, and it
    counts too many. End states nearer than `within` to any other of a group belong to it. The rest must be long enough for states near a saddle to leave it.

    Args:
        dynamics: the map, one bin a step.
        starts: initial states; every size starts from all of them.
        inputs: from noise `(row, channel)` to the map's inputs `(row, input)`; noise 0 is the rest.
        sizes: s.d. of the white noise `(size,)`; a new value each bin, independent in each channel, the same numbers for every size.
        channels: of the noise.
        within: distance below which two end states belong to one group, in coordinates.
        coordinates: from states to where they are compared; by default the states.
        noise_bins: bins of noise.
        rest_bins: bins of rest.
        seed: of the noise.

    Raises:
        InvalidInput: no starts, no size, a number out of range.
    """
    check_range("noise_bins", noise_bins, 1)
    check_range("rest_bins", rest_bins, 1)
    check_range("within", within, 0, open_low=True)
    scale = np.asarray(sizes, float)
    if not len(starts) or not len(scale) or scale.ndim != 1:
        raise InvalidInput("starts, sizes", f"{len(starts)} and {scale.shape}", "at least one start and one size")
    rng = np.random.default_rng(seed)
    state = np.tile(starts, (len(scale), 1))
    zero = inputs(np.zeros((len(state), channels)))
    with np.errstate(over="ignore", invalid="ignore"):
        for _ in range(noise_bins):
            drawn = rng.standard_normal((len(starts), channels))
            state = dynamics.step(state, inputs((scale[:, None, None] * drawn).reshape(len(state), channels)))
        for _ in range(rest_bins):
            state = dynamics.step(state, zero)
    ends = (state if coordinates is None else coordinates(state)).reshape(len(scale), len(starts), -1)
    return settled(scale, ends, within)


def settled(sizes: Array, ends: Float[Array, "size start coordinate"], within: float) -> NoiseResponse:
    """The groups of end states, each size by itself, and those of all sizes that are the same attractor: whose means are nearer than `within`.

    Args:
        sizes: of the noise, `(size,)`.
        ends: end states; rows that are not finite end nowhere.
        within: distance below which two belong together.
    """
    finite = np.isfinite(ends).all(2)
    group = np.full(finite.shape, NOWHERE)
    centres: list[Array] = []
    counts: list[int] = []
    clusters: list[int] = []
    for k, (points, good) in enumerate(zip(ends, finite)):
        own = linked(points[good], within)
        number = int(own.max()) + 1 if len(own) else 0
        group[k, good] = own + len(centres)
        centres += [points[good][own == i].mean(0) for i in range(number)]
        counts += [int((own == i).sum()) for i in range(number)]
        clusters.append(number)
    means, weight = np.array(centres).reshape(len(centres), ends.shape[2]), np.array(counts, float)
    same = linked(means, within)
    number = int(same.max()) + 1 if len(same) else 0
    found = [np.average(means[same == i], 0, weight[same == i]) for i in range(number)]
    attractors = np.array(found).reshape(number, ends.shape[2])
    order = np.lexsort(np.round(attractors.T[::-1] / within)) if number else np.zeros(0, int)
    place = np.empty(number, int)
    place[order] = np.arange(number)
    lookup = np.append(place[same], NOWHERE)  # the last for runs that end nowhere
    return NoiseResponse(sizes, ends, lookup[group], attractors[order], np.array(clusters))


def linked(points: Float[Array, "point coordinate"], within: float) -> Array:
    """Group of each point, int `(point,)`: two points nearer than `within` are in one group (single linkage)."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components
    from scipy.spatial import cKDTree

    if not len(points):
        return np.zeros(0, int)
    # Settled states coincide, and pairs of those are many: one of each cell of a fine grid stands for all in it.
    cells, back = np.unique(np.round(points / (within / 50)), axis=0, return_inverse=True)
    pairs = cKDTree(cells * (within / 50)).query_pairs(within, output_type="ndarray")
    near = coo_array((np.ones(len(pairs)), pairs.T), shape=(len(cells), len(cells)))
    return np.asarray(connected_components(near, directed=False)[1][back.ravel()])
