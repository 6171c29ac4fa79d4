"""Maps and trees of many activities."""

from __future__ import annotations

import numpy as np
import pytest

from neurodyn.comparison.embedding import embedded, tree_of
from neurodyn.errors import InvalidInput

NAMES = ("a", "b", "c", "d", "e")


def distances_of(points: np.ndarray) -> np.ndarray:
    return np.linalg.norm(points[:, None] - points[None], axis=-1)


@pytest.fixture
def plane() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(5, 2))


@pytest.mark.parametrize("is_metric", [True, False])
def test_what_lies_in_a_plane_is_found_again(plane: np.ndarray, is_metric: bool) -> None:
    found = embedded(distances_of(plane), NAMES, is_metric=is_metric)
    assert distances_of(found.points) == pytest.approx(distances_of(plane), abs=1e-4)
    assert found.stress < 1e-4
    assert found.explained == (pytest.approx(1) if is_metric else None)
    assert found.points.mean(0) == pytest.approx(0, abs=1e-4)


def test_share_explained_and_stress_of_a_simplex() -> None:
    """Equal distances of five: four equal eigenvalues, of which the plane holds two."""
    found = embedded(1.0 - np.eye(5), NAMES)
    assert found.explained == pytest.approx(0.5)
    shown = distances_of(found.points)
    misfit = np.sqrt(((shown - (1 - np.eye(5))) ** 2).sum() / 20)
    assert found.stress == pytest.approx(misfit) and misfit > 0.1
    assert embedded(1.0 - np.eye(5), NAMES, dimensions=4).explained == pytest.approx(1)


def test_what_no_flat_space_holds_counts_against_the_share() -> None:
    """Four on a circle by arc: a metric, with an eigenvalue below zero."""
    ring = np.array([[0, 1, 2, 1], [1, 0, 1, 2], [2, 1, 0, 1], [1, 2, 1, 0]], float)
    found = embedded(ring, NAMES[:4])
    assert found.explained == pytest.approx(4 / 5)  # eigenvalues 2, 2, 0, -1
    assert found.points**2 @ np.ones(2) == pytest.approx(1)


def test_least_squares_is_no_worse_than_classical_scaling() -> None:
    distances = distances_of(np.random.default_rng(1).normal(size=(5, 4))) ** 2
    assert embedded(distances, NAMES, is_metric=False).stress <= embedded(distances, NAMES).stress


def test_two_activities_lie_on_a_line() -> None:
    distances = np.array([[0, 0.3], [0.3, 0]])
    found = embedded(distances, ("a", "b"))
    assert distances_of(found.points) == pytest.approx(distances) and found.explained == pytest.approx(1)
    tree = tree_of(distances, ("a", "b"))
    assert tree.joins[0, 2] == pytest.approx(0.3) and np.isnan(tree.fidelity)
    same = embedded(np.zeros((2, 2)), ("a", "b"), is_metric=False)
    assert same.stress == 0 and not same.points.any()


def test_the_tree_puts_groups_side_by_side() -> None:
    place = np.array([0.0, 10.0, 0.1, 10.2, 0.3])[:, None]
    tree = tree_of(distances_of(place), NAMES)
    assert {frozenset(tree.order[:3]), frozenset(tree.order[3:])} == {frozenset({0, 2, 4}), frozenset({1, 3})} or {
        frozenset(tree.order[:2]),
        frozenset(tree.order[2:]),
    } == {frozenset({0, 2, 4}), frozenset({1, 3})}
    assert tree.joins[-1, 2] == pytest.approx(np.mean([abs(a - b) for a in (0, 0.1, 0.3) for b in (10, 10.2)]))
    assert tree.fidelity > 0.99


@pytest.mark.parametrize("run", [embedded, tree_of])
@pytest.mark.parametrize(
    ("place", "value", "said"),
    [((1, 3), np.nan, "b and d"), ((0, 2), -1.0, "a and c"), ((2, 4), 9.0, "c and e"), ((1, 1), 1.0, "b and itself")],
)
def test_the_pair_at_fault_is_named(run, place: tuple[int, int], value: float, said: str) -> None:
    distances = 1.0 - np.eye(5)
    distances[place] = value
    with pytest.raises(InvalidInput, match=said):
        run(distances, NAMES)


def test_one_activity_and_missing_names() -> None:
    with pytest.raises(InvalidInput, match="at least two"):
        embedded(np.zeros((1, 1)), ("a",))
    with pytest.raises(InvalidInput, match="one row a name"):
        tree_of(np.zeros((3, 3)), ("a", "b"))
