"""Distances between linear systems: closed forms, the public optimiser's values, and bounds."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from neurodyn.similarity.operator_distance import angle_of, closest_turns, matched_eigenvalues, unit
from neurodyn.similarity.orthogonal_search import turned_inputs

GOLDEN = json.loads((Path(__file__).parents[2] / "golden" / "dsa.json").read_text())["pairs"]


def rotation(angle: float) -> np.ndarray:
    return np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])


def orthogonal(generator: np.random.Generator, rows: int, determinant: int) -> np.ndarray:
    found = np.linalg.qr(generator.normal(size=(rows, rows)))[0]
    found[:, 0] *= np.sign(np.linalg.det(found)) * determinant
    return found


def operators(seed: int, rows: int, kind: str) -> np.ndarray:
    """A pair of operators that are not normal: of Gaussian entries, or slow rotations seen through a skewed map."""
    generator = np.random.default_rng(seed)
    if kind == "gaussian":
        return generator.normal(size=(2, rows, rows))
    found = []
    for _ in range(2):
        modes = np.diag(np.full(rows, 0.9))
        for i in range(0, rows - 1, 2):
            angle, size = generator.uniform(0, 0.6), generator.uniform(0.9, 1)
            modes[i : i + 2, i : i + 2] = size * rotation(angle)
        skewed = np.eye(rows) + 0.3 * generator.normal(size=(rows, rows)) / np.sqrt(rows)
        found.append(skewed @ modes @ np.linalg.inv(skewed))
    return np.stack(found)


def normal(generator: np.random.Generator, rows: int) -> np.ndarray:
    """A normal operator: planes that turn and shrink, and one real eigenvalue if `rows` is odd."""
    modes = np.diag(generator.normal(size=rows))
    for i in range(0, rows - 1, 2):
        modes[i : i + 2, i : i + 2] = generator.uniform(0.3, 1) * rotation(generator.uniform(0, np.pi))
    basis = orthogonal(generator, rows, 1)
    return basis @ modes @ basis.T


@pytest.mark.parametrize(("one", "other", "apart"), [(0.3, 0.5, 0.2), (0.3, -0.5, 0.2), (0.3, -0.8, 0.5)])
def test_rotations_are_apart_by_the_difference_of_their_speeds(one: float, other: float, apart: float) -> None:
    found = closest_turns(unit(rotation(one))[None], unit(rotation(other))[None])
    assert angle_of(found.apart)[0] == pytest.approx(apart, abs=1e-10)
    assert found.apart[0] == pytest.approx(2 * np.sin(apart / 2), abs=1e-10)
    assert found.floor[0] == pytest.approx(found.apart[0], abs=1e-10)


def test_unit_norm_euclidean_value_of_the_specification() -> None:
    found = closest_turns(unit(rotation(0.3))[None], unit(rotation(-0.8))[None])
    assert found.apart[0] == pytest.approx(0.4948079185, abs=1e-10)


def test_symmetric_operators_are_as_far_as_their_sorted_eigenvalues() -> None:
    found = closest_turns(unit(np.diag([0.9, 0.5, 0.1]))[None], unit(np.diag([0.8, -0.2, 0.3]))[None])
    assert angle_of(found.apart)[0] == pytest.approx(0.358444, abs=1e-6)
    generator = np.random.default_rng(0)
    a, b = (x + x.swapaxes(1, 2) for x in generator.normal(size=(2, 5, 7, 7)))
    sorted_apart = np.linalg.norm(np.linalg.eigvalsh(a) - np.linalg.eigvalsh(b), axis=1)
    np.testing.assert_allclose(closest_turns(a, b).apart, sorted_apart, atol=1e-6)


@pytest.mark.parametrize("determinant", [1, -1])
@pytest.mark.parametrize("rows", [2, 5, 20, 50])
def test_the_same_operator_in_other_coordinates_is_found(rows: int, determinant: int) -> None:
    generator = np.random.default_rng(rows)
    a = unit(generator.normal(size=(rows, rows)))
    q = orthogonal(generator, rows, determinant)
    found = closest_turns(a[None], (q @ a @ q.T)[None])
    assert found.apart[0] < 1e-10
    np.testing.assert_allclose(found.turn[0] @ (q @ a @ q.T) @ found.turn[0].T, a, atol=1e-10)


@pytest.mark.parametrize("rows", [2, 4, 6])
def test_normal_operators_with_pairs_of_eigenvalues_reach_their_matching(rows: int) -> None:
    generator = np.random.default_rng(rows)
    a, b = (np.stack([normal(generator, rows) for _ in range(6)]) for _ in range(2))
    matched = [matched_eigenvalues(np.linalg.eigvals(x), np.linalg.eigvals(y)) * rows for x, y in zip(a, b)]
    np.testing.assert_allclose(closest_turns(a, b).apart ** 2, matched, atol=1e-8)


def test_a_real_turn_need_not_reach_the_matching_of_eigenvalues() -> None:
    """One conjugate eigenvalue matched to a real one, the other not: the bound stays below, and more searches find nothing better."""
    generator = np.random.default_rng(3)
    a, b = (unit(np.stack([normal(generator, 3) for _ in range(20)])) for _ in range(2))
    found, more = closest_turns(a, b), closest_turns(a, b, starts=80)
    assert (found.apart >= found.floor).all()
    assert (found.apart > found.floor + 0.01).any()
    np.testing.assert_allclose(found.apart, more.apart, atol=1e-7)


def case(each: dict[str, Any]) -> Any:
    name = f"{each['kind']}-{each['rows']}-{each['seed']}"
    return pytest.param(each, id=name, marks=[pytest.mark.slow] if each["rows"] > 8 else [])


@pytest.mark.parametrize("each", map(case, GOLDEN))
def test_never_worse_than_the_public_optimiser(each: dict[str, Any]) -> None:
    a, b = operators(each["seed"], each["rows"], each["kind"])
    found = closest_turns(unit(a)[None], unit(b)[None])
    assert angle_of(found.apart)[0] <= each["released_angle"] + 2e-4
    np.testing.assert_allclose(found.turn[0] @ found.turn[0].T, np.eye(each["rows"]), atol=1e-10)


def test_once_far_better_than_the_public_optimiser() -> None:
    each = next(c for c in GOLDEN if (c["kind"], c["rows"], c["seed"]) == ("gaussian", 5, 1))
    a, b = operators(each["seed"], each["rows"], each["kind"])
    assert angle_of(closest_turns(unit(a)[None], unit(b)[None]).apart)[0] < each["released_angle"] - 0.2


def test_many_pairs_are_the_pairs_one_by_one_in_either_order_and_nothing_is_changed() -> None:
    pairs = [unit(operators(seed, 4, "gaussian")) for seed in range(3)]
    a, b = (np.stack(side) for side in zip(*pairs))
    kept = a.copy(), b.copy()
    found, back = closest_turns(a, b), closest_turns(b, a)
    np.testing.assert_array_equal((a, b), kept)
    np.testing.assert_allclose(found.apart, back.apart, atol=1e-12)
    np.testing.assert_allclose(found.turn, back.turn.swapaxes(1, 2), atol=1e-8)
    one_by_one = [closest_turns(x[None], y[None]).apart[0] for x, y in zip(a, b)]
    np.testing.assert_allclose(found.apart, one_by_one, atol=1e-8)
    left = a - found.turn @ b @ found.turn.swapaxes(1, 2)
    np.testing.assert_allclose(np.linalg.norm(left, axis=(1, 2)), found.apart, atol=1e-12)


def test_searches_that_end_apart_are_said() -> None:
    a, b = unit(operators(0, 8, "gaussian"))
    found = closest_turns(a[None], b[None])
    assert found.spread[0] > 1e-3
    assert found.floor[0] < found.apart[0]
    assert closest_turns(a[None], a[None]).spread[0] == 0


def test_input_maps_are_turned_with_their_systems() -> None:
    generator = np.random.default_rng(1)
    a, p = generator.normal(size=(5, 5)), generator.normal(size=(5, 2))
    q, d = orthogonal(generator, 5, -1), orthogonal(generator, 2, -1)
    same = closest_turns(a[None], (q @ a @ q.T)[None], p[None], (q @ p)[None])
    assert same.apart[0] < 1e-9
    other = (q @ p @ d)[None]
    mixed = closest_turns(a[None], (q @ a @ q.T)[None], p[None], other)
    forgiven = closest_turns(a[None], (q @ a @ q.T)[None], p[None], other, pull=turned_inputs)
    assert mixed.apart[0] > 0.1
    assert forgiven.apart[0] < 1e-6
    apart = closest_turns(
        unit(generator.normal(size=(4, 3, 3))),
        unit(generator.normal(size=(4, 3, 3))),
        *generator.normal(size=(2, 4, 3, 2)),
    )
    assert (apart.apart >= apart.floor - 1e-12).all()


def test_matched_eigenvalues_are_the_least_mean_squared_distance() -> None:
    one, other = np.array([1.0, 1j, -1j]), np.array([0.9, 1.1j, -1.1j])
    assert matched_eigenvalues(one, other[::-1]) == pytest.approx(0.01)
