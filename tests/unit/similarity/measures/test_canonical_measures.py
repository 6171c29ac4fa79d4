"""CCA, SVCCA and PWCCA: the worked example, the released values, definitions computed another way, traps, chance."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from matched_activities import drawn, worked_example
from neurodyn.similarity.canonical_correlation import CanonicalCorrelation
from neurodyn.similarity.measures.base import SimilarityMeasure
from neurodyn.similarity.measures.cca import CCA, CCAConfig
from neurodyn.similarity.measures.pwcca import PWCCA, PWCCAConfig
from neurodyn.similarity.measures.svcca import SVCCA, SVCCAConfig

CASES = json.loads((Path(__file__).parents[3] / "golden" / "similarity.json").read_text())["cases"]


def principal(values: np.ndarray, number: int) -> np.ndarray:
    less = values - values.mean(0)
    return np.asarray(less @ np.linalg.svd(less, full_matrices=False)[2][:number].T)


def test_the_worked_example() -> None:
    x, y = worked_example()
    maps = CCA().fit(x, y).learned
    assert maps.correlations == pytest.approx([0.86870162, 0.68782075, 0.09489389], abs=1e-8)
    assert CCA().fit(x, y).score() == pytest.approx(0.5504720848, abs=1e-9)
    assert CCA(CCAConfig(squared=True)).fit(x, y).score() == pytest.approx(0.4122482457, abs=1e-9)
    assert SVCCA(SVCCAConfig(variance=1.0)).fit(x, y).score() == pytest.approx(0.5504720848, abs=1e-9)


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['units']} and {case['other_units']} units")
def test_the_released_code_gives_the_same_on_fitted_and_on_other_samples(case: dict) -> None:
    x, y = drawn(case["seed"], case["samples"], case["units"], case["other_units"])
    cut = 2 * case["samples"] // 3
    fitted = CCA(CCAConfig(mode="release")).fit(x[:cut], y[:cut])
    assert [fitted.score(), fitted.score(x[cut:], y[cut:])] == pytest.approx(case["cca_release"], abs=1e-8)


def test_a_ridge_is_that_of_the_regularised_problem_and_values_are_correlations_of_its_scores() -> None:
    x, y = (principal(v, 4) for v in drawn(1, 50, 8, 6))
    sides = [v.T @ v for v in (x, y)]
    (cx, cy) = (c + 0.3 * np.trace(c) / 4 * np.eye(4) for c in sides)
    values, vectors = np.linalg.eig(np.linalg.solve(cx, x.T @ y) @ np.linalg.solve(cy, y.T @ x))
    left = np.real(vectors[:, np.argsort(-np.real(values))])
    right = np.linalg.solve(cy, y.T @ x) @ left
    wanted = np.mean([np.corrcoef(x @ a, y @ b)[0, 1] for a, b in zip(left.T, right.T)])
    given = drawn(1, 50, 8, 6)
    assert CCA(CCAConfig(components=4, ridge=0.3)).fit(*given).score() == pytest.approx(wanted, abs=1e-9)


def test_components_and_variance_say_what_is_kept() -> None:
    x, y = drawn(2, 60, 9, 7)
    wanted = CanonicalCorrelation.fit(principal(x, 3), principal(y, 3)).correlations.mean()
    assert CCA(CCAConfig(components=3)).fit(x, y).score() == pytest.approx(wanted, abs=1e-10)
    numbers = []
    for values in (x, y):
        spread = np.square(np.linalg.svd(values - values.mean(0), compute_uv=False))
        numbers.append(next(n for n in range(1, 10) if spread[:n].sum() >= 0.9 * spread.sum()))
    wanted = CanonicalCorrelation.fit(principal(x, numbers[0]), principal(y, numbers[1])).correlations.mean()
    assert SVCCA(SVCCAConfig(variance=0.9)).fit(x, y).score() == pytest.approx(wanted, abs=1e-10)


def test_projection_weights_are_of_the_first_activity() -> None:
    x, y = drawn(3, 60, 6, 4)
    less = x - x.mean(0)
    fitted = CanonicalCorrelation.fit(x, y)
    weights = np.abs(fitted.x_scores(x).T @ less).sum(1)
    wanted = weights @ fitted.correlations / weights.sum()
    assert PWCCA().fit(x, y).score() == pytest.approx(wanted, abs=1e-10)
    assert abs(PWCCA().fit(y, x).score() - wanted) > 1e-4
    both = PWCCA().pairwise([x, y])
    assert both == pytest.approx(np.array([[1, wanted], [PWCCA().fit(y, x).score(), 1]]), abs=1e-10)


@pytest.mark.parametrize("measure", [CCA(CCAConfig(components=None)), SVCCA(SVCCAConfig(variance=1.0)), PWCCA()])
def test_an_invertible_map_of_the_other_side_is_forgiven(measure: SimilarityMeasure) -> None:
    x, y = drawn(4, 60, 5, 4)
    mapped = y @ np.random.default_rng(0).normal(size=(4, 4)) + 3
    assert measure.fit(x, mapped).score() == pytest.approx(measure.fit(x, y).score(), abs=1e-9)


@pytest.mark.parametrize("measure", [CCA(CCAConfig(components=None)), PWCCA()])
def test_with_few_samples_correlations_are_one_whatever_the_data(measure: SimilarityMeasure) -> None:
    generator = np.random.default_rng(5)
    x, y = generator.normal(size=(30, 29)), generator.normal(size=(30, 4))
    assert measure.fit(x, y).score() == pytest.approx(1, abs=1e-9)
    assert measure.chance(30, 29, 4) == 1
    half = CCA(CCAConfig(components=None)).fit(generator.normal(size=(30, 20)), generator.normal(size=(30, 15)))
    assert (half.learned.correlations > 1 - 1e-9).sum() == 20 + 15 - 30 + 1


@pytest.mark.parametrize("units", [(50, 50), (20, 80)])
@pytest.mark.parametrize(
    "measure",
    [CCA(CCAConfig(components=None)), CCA(), CCA(CCAConfig(components=None, squared=True)), PWCCA()],
    ids=lambda measure: measure.label,
)
def test_chance_is_what_independent_gaussians_score(measure: SimilarityMeasure, units: tuple[int, int]) -> None:
    generator = np.random.default_rng(0)
    for samples in (2000, 250):
        x, y = ([generator.normal(size=(samples, n)) for _ in range(3)] for n in units)
        assert measure.chance(samples, *units) == pytest.approx(measure.pairwise(x, y).mean(), rel=0.03)


def test_held_out_correlations_are_lower() -> None:
    generator = np.random.default_rng(6)
    x, y = generator.normal(size=(2, 60, 8))
    for measure in (CCA(), SVCCA(), PWCCA(PWCCAConfig(variance=0.9))):
        fitted = measure.fit(x[:40], y[:40])
        assert fitted.score(x[40:], y[40:]) < fitted.score() - 0.1
