"""Many activities at once: a map in few dimensions whose distances are like those of the activities, and a tree of which lie closest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from neurodyn.errors import InvalidInput
from neurodyn.shapes import Array, Float, Int

_SAME = 1e-9
"""Difference, as a share of the largest distance, that counts as none."""


@dataclass(frozen=True, eq=False)
class Map:
    """Places whose distances are as near as may be to those of the activities; free up to a rotation, a reflection and a shift."""

    points: Float[Array, "activity dimension"]
    explained: float | None
    """Share of the distances that the map holds: its eigenvalues over the sum of the sizes of all; None for a map that was found by iteration."""
    stress: float
    """Root of the squared misfit of all distances over the sum of their squares: 0 for a map that holds them all."""


@dataclass(frozen=True, eq=False)
class Tree:
    """Activities joined by and by, the two closest groups first."""

    joins: Float[Array, "join 4"]
    """Each join's two groups, their distance and the activities in it, as SciPy's `linkage` returns them."""
    order: Int[Array, " activity"]
    """Places of the activities in the order that puts the closest side by side."""
    fidelity: float
    """Correlation of the distances at which the tree joins two activities with their own; NaN below three activities, or where one of the two does not vary."""


def embedded(
    distances: Float[Array, "activity other"],
    names: Sequence[str],
    *,
    is_metric: bool = True,
    dimensions: int = 2,
) -> Map:
    """The map of some activities.

    True metrics are scaled classically (Torgerson 1952, 10.1007/BF02288916): eigenvectors of -½ J D² J, J taking out the mean, largest eigenvalues first. Eigenvalues
    below zero, of distances that no flat space holds, count against the share explained. Other dissimilarities are placed by least squares on the distances
    (SMACOF, de Leeuw 1977), starting from there.

    Args:
        distances: symmetric, 0 on the diagonal.
        names: of the activities.
        is_metric: whether the triangle inequality holds.
        dimensions: of the map.

    Raises:
        InvalidInput: fewer than two activities, another number of names, or distances that are not finite, negative, asymmetric or not 0 on the diagonal; the
            message names the pair.
    """
    known = _checked(distances, names)
    centred = known**2 - (known**2).mean(0)
    values, vectors = np.linalg.eigh(-0.5 * (centred - centred.mean(1, keepdims=True)))
    values, vectors = values[::-1], vectors[:, ::-1]
    vectors = vectors * np.where(vectors[np.abs(vectors).argmax(0), range(len(known))] < 0, -1, 1)
    kept = np.zeros(dimensions)
    kept[: len(values)] = np.maximum(values[:dimensions], 0)
    points = np.zeros((len(known), dimensions))
    points[:, : len(values)] = vectors[:, :dimensions]
    points *= np.sqrt(kept)
    size = np.abs(values).sum()
    explained = float(kept.sum() / size) if size > 0 else 1.0
    if is_metric or not known.any():
        return Map(points, explained, _stress(points, known))
    from sklearn.manifold import smacof

    points, _ = smacof(known, n_components=dimensions, init=points, n_init=1, eps=1e-9, normalized_stress=False)
    return Map(points, None, _stress(points, known))


def tree_of(distances: Float[Array, "activity other"], names: Sequence[str]) -> Tree:
    """The tree of some activities: average linkage (Sokal and Michener 1958), leaves ordered so that neighbours are closest (Bar-Joseph 2001, 10.1093/bioinformatics/17.suppl_1.S22).

    Raises:
        InvalidInput: as `embedded`.
    """
    from scipy.cluster.hierarchy import cophenet, leaves_list, linkage
    from scipy.spatial.distance import squareform

    known = squareform(_checked(distances, names), checks=False)
    joins = linkage(known, "average", optimal_ordering=True)
    joined = cophenet(joins)
    varies = np.ptp(known) > 0 and np.ptp(joined) > 0
    fidelity = float(np.corrcoef(known, joined)[0, 1]) if varies else float("nan")
    return Tree(joins, leaves_list(joins).astype(int), fidelity)


def _checked(distances: np.ndarray, names: Sequence[str]) -> np.ndarray:
    """The distances, exactly symmetric and 0 on the diagonal."""
    shape = np.shape(distances)
    if len(shape) != 2 or shape[0] != shape[1] or shape[0] != len(names):
        raise InvalidInput("distances", f"shape {shape}", f"{(len(names), len(names))}, one row a name")
    if len(names) < 2:
        raise InvalidInput("activities", len(names), "at least two")
    largest = np.abs(distances[np.isfinite(distances)]).max(initial=0)
    for bad, expected in (
        (~np.isfinite(distances), "a number that is finite"),
        (distances < 0, "at least 0"),
        (np.abs(distances - distances.T) > _SAME * largest, "the same distance the other way round"),
        (np.eye(len(names), dtype=bool) & (np.abs(distances) > _SAME * largest), "0"),
    ):
        if bad.any():
            i, j = (int(place) for place in np.argwhere(bad)[0])
            pair = f"distance of {names[i]} and {names[j]}" if i != j else f"distance of {names[i]} and itself"
            raise InvalidInput(pair, f"{distances[i, j]:g}", expected, "Leave one of the two out.")
    known = (distances + distances.T) / 2
    np.fill_diagonal(known, 0)
    return np.asarray(known)


def _stress(points: np.ndarray, distances: np.ndarray) -> float:
    size = (distances**2).sum()
    shown = np.sqrt(((points[:, None] - points[None]) ** 2).sum(-1))
    return float(np.sqrt(((shown - distances) ** 2).sum() / size)) if size > 0 else 0.0
