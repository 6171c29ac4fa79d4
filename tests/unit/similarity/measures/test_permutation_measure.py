"""Matching of units: netrep's values, unequal numbers, what it forgives."""

from __future__ import annotations

import json
from itertools import permutations
from pathlib import Path

import numpy as np
import pytest

from matched_activities import drawn, worked_example
from neurodyn.similarity.measures.permutation import Permutation, PermutationConfig
from neurodyn.similarity.measures.procrustes import Procrustes

CASES = json.loads((Path(__file__).parents[3] / "golden" / "similarity.json").read_text())["cases"]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['units']} and {case['other_units']} units")
@pytest.mark.parametrize("form", ["angular", "euclidean"])
def test_netrep_gives_the_same_on_fitted_and_on_other_samples(case: dict, form: str) -> None:
    x, y = drawn(case["seed"], case["samples"], case["units"], case["other_units"])
    cut = 2 * case["samples"] // 3
    fitted = Permutation(PermutationConfig(form=form, mode="release", radians=True)).fit(x[:cut], y[:cut])  # type: ignore[arg-type]
    found = [fitted.score(), fitted.score(x[cut:], y[cut:])]
    assert found == pytest.approx(case["permutation"][form], rel=1e-8)


def test_the_best_of_all_matchings_of_the_worked_example() -> None:
    x, y = (v - v.mean(0) for v in worked_example())
    products = [np.diagonal(x[:, list(chosen)].T @ y) for chosen in permutations(range(4), 3)]
    best = {"release": max(p.sum() for p in products), "default": max(p[p > 0].sum() for p in products)}
    for mode, trace in best.items():
        cosine = trace / (np.linalg.norm(x) * np.linalg.norm(y))
        found = Permutation(PermutationConfig(mode=mode)).fit(x, y).score()  # type: ignore[arg-type]
        assert found == pytest.approx(np.arccos(cosine) / (np.pi / 2), abs=1e-12)


def test_units_of_opposite_sign_stay_alone() -> None:
    (x,) = drawn(2, 40, 1)
    assert Permutation().fit(x, -x).score() == pytest.approx(1, abs=1e-12)
    assert Permutation(PermutationConfig(mode="release")).fit(x, -x).score() == pytest.approx(2, abs=1e-9)


def test_order_size_and_shift_are_forgiven_and_a_rotation_is_not() -> None:
    (x,) = drawn(1, 60, 5)
    order = [3, 0, 4, 1, 2]
    assert Permutation().fit(x, 2.5 * x[:, order] + 7).score() < 1e-9
    turned = x @ np.linalg.qr(np.random.default_rng(0).normal(size=(5, 5)))[0]
    assert Permutation().fit(x, turned).score() > 0.05
    assert Procrustes().fit(x, turned).score() < 1e-9


def test_it_is_never_below_procrustes() -> None:
    for seed in range(5):
        x, y = drawn(seed, 50, 6, 4)
        assert Permutation().fit(x, y).score() >= Procrustes().fit(x, y).score()
