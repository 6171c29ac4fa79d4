"""The stochastic shape distance: closed forms, planted rotations, all angles by hand in two dimensions, covariances of trials."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from scipy.linalg import orthogonal_procrustes, sqrtm
from sklearn.covariance import ledoit_wolf

from neurodyn.errors import InvalidInput
from neurodyn.similarity.activity import Activity, Repeats
from neurodyn.similarity.measures import stochastic_shape
from neurodyn.similarity.measures._gaussian_alignment import Gaussians, align, squared_distance
from neurodyn.similarity.measures._repeated import Repeated
from neurodyn.similarity.measures.stochastic_shape import StochasticShape, StochasticShapeConfig
from similarity_cases import driven, mapped


def measure(**options: Any) -> StochasticShape:
    return StochasticShape(StochasticShapeConfig(**options))


def gaussians(seed: int, cells: int, dimensions: int) -> Gaussians:
    generator = np.random.default_rng(seed)
    means = generator.standard_normal((cells, dimensions))
    return Gaussians(means - means.mean(0), generator.standard_normal((cells, dimensions, dimensions)))


def bures_squared(one: np.ndarray, other: np.ndarray) -> float:
    root = np.real(sqrtm(one))
    return float(np.trace(one) + np.trace(other) - 2 * np.real(np.trace(sqrtm(root @ other @ root))))


def found(x: Gaussians, y: Gaussians, weight: float, starts: int = 8) -> float:
    return squared_distance(x, y, align(x, y, weight, starts=starts, seed=0), weight)


@pytest.mark.parametrize("weight", [0.5, 1.0, 2.0])
def test_a_rotation_costs_what_its_definition_says(weight: float) -> None:
    x, y = gaussians(0, 4, 3), gaussians(1, 4, 3)
    turn = np.linalg.qr(np.random.default_rng(2).standard_normal((3, 3)))[0]
    expected = 0.0
    for i in range(4):
        one, other = (r.roots[i] @ r.roots[i].T for r in (x, y))
        expected += (2 - weight) * ((x.means[i] - turn @ y.means[i]) ** 2).sum()
        expected += weight * bures_squared(one, turn @ other @ turn.T)
    assert squared_distance(x, y, turn, weight) == pytest.approx(expected / 4, abs=1e-7)


def test_averages_alone_are_procrustes() -> None:
    x, y = gaussians(0, 10, 4), gaussians(1, 10, 4)
    turn = orthogonal_procrustes(y.means, x.means)[0]
    assert found(x, y, 0.0) == pytest.approx(2 * ((x.means - y.means @ turn) ** 2).sum() / 10, abs=1e-12)


def test_one_dimension_is_solved_by_hand() -> None:
    x, y = gaussians(3, 6, 1), gaussians(4, 6, 1)
    spread = ((np.abs(x.roots) - np.abs(y.roots)) ** 2).sum()
    means = min(((x.means - sign * y.means) ** 2).sum() for sign in (-1, 1))
    assert found(x, y, 0.7) == pytest.approx((1.3 * means + 0.7 * spread) / 6, abs=1e-12)


@pytest.mark.parametrize("weight", [0.3, 1.0, 1.7, 2.0])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_no_angle_in_the_plane_is_better(weight: float, seed: int) -> None:
    x, y = gaussians(seed, 5, 2), gaussians(seed + 10, 5, 2)
    least = np.inf
    for angle in np.linspace(0, 2 * np.pi, 721):
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        least = min(least, *(squared_distance(x, y, turn @ np.diag([1, mirror]), weight) for mirror in (1, -1)))
    assert least - 1e-3 < found(x, y, weight) <= least + 1e-9


def test_equal_covariances_that_commute_leave_the_means() -> None:
    """Spheres of one size at each cell: only averages tell the two apart."""
    x, y = gaussians(0, 8, 3), gaussians(1, 8, 3)
    spheres = np.broadcast_to(0.5 * np.eye(3), (8, 3, 3))
    x, y = dataclasses.replace(x, roots=spheres), dataclasses.replace(y, roots=spheres)
    turn = orthogonal_procrustes(y.means, x.means)[0]
    assert found(x, y, 1.0) == pytest.approx(((x.means - y.means @ turn) ** 2).sum() / 8, abs=1e-9)


@pytest.mark.parametrize("weight", [0.5, 1.0, 2.0])
@pytest.mark.parametrize("mirror", [1.0, -1.0])
def test_a_planted_rotation_is_found(weight: float, mirror: float) -> None:
    x = gaussians(5, 12, 5)
    turn = np.linalg.qr(np.random.default_rng(6).standard_normal((5, 5)))[0] * np.array([1, 1, 1, 1, mirror])
    y = Gaussians(x.means @ turn, turn.T @ x.roots)
    rotation = align(x, y, weight, starts=8, seed=0)
    assert squared_distance(x, y, rotation, weight) < 1e-18
    np.testing.assert_allclose(rotation, turn, atol=1e-7)


def test_covariances_alone_need_no_averages_to_be_found() -> None:
    x = gaussians(7, 12, 4)
    turn = np.linalg.qr(np.random.default_rng(8).standard_normal((4, 4)))[0]
    silent = np.zeros_like(x.means)
    assert found(Gaussians(silent, x.roots), Gaussians(silent, turn.T @ x.roots), 2.0) < 1e-9


@pytest.mark.parametrize("units", [3, 8])
def test_covariances_of_trials_are_shrunk_as_ledoit_and_wolf_say(units: int) -> None:
    trials = Repeated.of(driven(0, units, 0.3))
    found = trials.covariances(None)
    for row, bin_ in ((0, 0), (3, 11)):
        own = trials.values[trials.condition == row, bin_]
        expected = ledoit_wolf(own - own.mean(0), assume_centered=True)[0] * len(own) / (len(own) - 1)
        np.testing.assert_allclose(found[row, bin_], expected, atol=1e-10)
    np.testing.assert_allclose(trials.covariances(0.0)[0, 0], np.cov(trials.values[trials.condition == 0, 0].T))
    sphere = trials.covariances(1.0)[0, 0]
    np.testing.assert_allclose(sphere, np.eye(units) * np.trace(trials.covariances(0.0)[0, 0]) / units, atol=1e-12)


def test_trials_that_end_early_count_where_they_are() -> None:
    activity = driven(0, 3, 0.3)
    repeats = activity.repeats
    assert repeats is not None
    mask = np.array(repeats.mask)
    mask[::3, 10:] = False
    short = dataclasses.replace(
        activity, repeats=Repeats(np.where(mask[..., None], repeats.values, np.nan), repeats.condition, mask)
    )
    trials = Repeated.of(short)
    kept = repeats.values[(repeats.condition == 2) & mask[:, 15], 15]
    np.testing.assert_allclose(trials.means()[2, 15], kept.mean(0))
    np.testing.assert_allclose(trials.covariances(0.0)[2, 15], np.cov(kept.T))
    assert measure(starts=2).fit(short, activity).score() > 0


def test_the_distance_of_activities_is_that_of_their_gaussians() -> None:
    x, y = driven(0, 3, 0.3), driven(1, 2, 0.5)
    sides = []
    for side in (x, y):
        trials = Repeated.of(side)
        means = trials.means().reshape(-1, side.units)
        roots = np.linalg.cholesky(trials.covariances(0.2).reshape(-1, side.units, side.units))
        sides.append(Gaussians(means - means.mean(0), roots).padded(3))
    expected = np.sqrt(found(*sides, 1.0))
    assert measure(normalised=False, shrinkage=0.2).fit(x, y).score() == pytest.approx(expected, abs=1e-6)
    sides = [Gaussians(s.means / np.sqrt(s.size(1.0)), s.roots / np.sqrt(s.size(1.0))) for s in sides]
    assert all(side.size(1.0) == pytest.approx(1) for side in sides)
    expected = np.sqrt(found(*sides, 1.0))
    assert measure(shrinkage=0.2).fit(x, y).score() == pytest.approx(expected, abs=1e-6)
    assert 0 < expected < np.sqrt(2)


def test_components_hold_what_varies() -> None:
    x = driven(0, 3, 0.3)
    wide = mapped(x, np.eye(3, 9) @ np.linalg.qr(np.random.default_rng(0).standard_normal((9, 9)))[0])
    assert measure(components=3, shrinkage=0.0).fit(x, wide).score() == pytest.approx(0, abs=1e-6)


def test_other_conditions_are_scored_in_the_frame_that_was_learned() -> None:
    x = driven(0, 4, 0.3)
    turn = np.linalg.qr(np.random.default_rng(1).standard_normal((4, 4)))[0]
    y = mapped(x, 2 * turn, 5.0)
    fitted = measure().fit(x.take(rows=slice(0, 4)), y.take(rows=slice(0, 4)))
    assert fitted.score(x.take(rows=slice(4, 6)), y.take(rows=slice(4, 6))) == pytest.approx(0, abs=1e-6)


def test_bad_input_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    x = driven(0, 3, 0.3)
    assert x.repeats is not None
    for change, said in (
        ({"condition": x.repeats.condition + 1}, "condition that does not exist"),
        ({"values": x.repeats.values[:, :5], "mask": x.repeats.mask[:, :5]}, "shape"),
        ({"values": np.where(x.repeats.condition[:, None, None] == 1, np.nan, x.repeats.values)}, "not finite"),
    ):
        wrong = dataclasses.replace(x, repeats=dataclasses.replace(x.repeats, **change))
        with pytest.raises(InvalidInput, match=f"repeats of x: got .*{said}"):
            measure().fit(wrong, x)
    still = dataclasses.replace(x, repeats=dataclasses.replace(x.repeats, values=np.zeros_like(x.repeats.values)))
    with pytest.raises(InvalidInput, match="trials that do not vary"):
        measure().fit(still, x)
    single = Activity(x.values, repeats=Repeats(x.values, np.arange(6), np.ones((6, 24), bool)))
    with pytest.raises(InvalidInput, match="1 trials of condition 0 in bin 0"):
        measure().fit(single, single)
    monkeypatch.setattr(stochastic_shape, "_MOST_ENTRIES", 1000)
    with pytest.raises(InvalidInput, match="components="):
        measure().fit(x, x)
    for field, value in (("covariance_weight", 2.1), ("starts", 0), ("shrinkage", -0.1), ("components", 0)):
        with pytest.raises(InvalidInput, match=rf"stochastic_shape\.{field}"):
            measure(**{field: value})
