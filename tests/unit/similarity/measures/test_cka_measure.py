"""Centred kernel alignment: the worked example, both ways to compute it, debiasing, small angles, chance."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from matched_activities import drawn, worked_example
from neurodyn.errors import InvalidInput
from neurodyn.similarity.measures.cka import CKA, CKAConfig

CASES = json.loads((Path(__file__).parents[3] / "golden" / "similarity.json").read_text())["cases"]


def scored(x: np.ndarray, y: np.ndarray, **options: object) -> float:
    return CKA(CKAConfig(**options)).fit(x, y).score()  # type: ignore[arg-type]


def song(x: np.ndarray, y: np.ndarray) -> float:
    """The unbiased estimate of the Hilbert-Schmidt independence criterion from kernels with a zero diagonal (Song et al. 2012, equation 5)."""
    k, m = (v @ v.T * (1 - np.eye(len(v))) for v in (x, y))
    n = len(k)
    total = np.trace(k @ m) + k.sum() * m.sum() / ((n - 1) * (n - 2)) - 2 * (k.sum(0) @ m.sum(1)) / (n - 2)
    return float(total / (n * (n - 3)))


@pytest.mark.parametrize(
    ("options", "value"),
    [
        ({"form": "linear"}, 0.3628386416),
        ({"radians": True}, 1.1994839965),
        ({}, 0.7636152288),
        ({"form": "linear", "debiased": True}, 0.0810444894),
    ],
)
def test_the_worked_example(options: dict[str, object], value: float) -> None:
    assert scored(*worked_example(), **options) == pytest.approx(value, abs=1e-9)


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['units']} and {case['other_units']} units")
def test_netrep_gives_the_same_on_fitted_and_on_other_samples(case: dict) -> None:
    x, y = drawn(case["seed"], case["samples"], case["units"], case["other_units"])
    cut = 2 * case["samples"] // 3
    fitted = CKA(CKAConfig(radians=True)).fit(x[:cut], y[:cut])
    assert [fitted.score(), fitted.score(x[cut:], y[cut:])] == pytest.approx(case["cka"], rel=1e-8)


@pytest.mark.parametrize("units", [(5, 8), (60, 70), (5, 70)])
def test_features_and_kernels_give_the_same_and_debiasing_is_songs(units: tuple[int, int]) -> None:
    x, y = drawn(2, 40, *units)
    k, m = ((v - v.mean(0)) @ (v - v.mean(0)).T for v in (x, y))
    plain = (k * m).sum() / np.sqrt((k * k).sum() * (m * m).sum())
    assert scored(x, y, form="linear") == pytest.approx(plain, abs=1e-12)
    unbiased = song(x, y) / np.sqrt(song(x, x) * song(y, y))
    assert scored(x, y, form="linear", debiased=True) == pytest.approx(unbiased, abs=1e-9)


def test_one_unit_each_gives_the_squared_correlation() -> None:
    x, y = drawn(3, 50, 1, 1)
    assert scored(x, y, form="linear") == pytest.approx(np.corrcoef(x[:, 0], y[:, 0])[0, 1] ** 2, abs=1e-12)
    sample = np.linspace(0, 2 * np.pi, 101)[:100, None]
    assert scored(np.sin(sample), np.cos(sample), form="linear") == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("units", [5, 80])
@pytest.mark.parametrize("debiased", [False, True])
def test_small_angles_keep_their_digits(units: int, debiased: bool) -> None:
    (x,) = drawn(4, 60, units)
    step = np.random.default_rng(0).normal(size=x.shape)
    found = [scored(x, x + size * step, debiased=debiased) for size in (1e-4, 1e-7)]
    assert found[0] / found[1] == pytest.approx(1e3, rel=1e-3)
    turned = 4 * x @ np.linalg.qr(np.random.default_rng(1).normal(size=(units, units)))[0] + 1
    assert scored(x, turned, debiased=debiased) < 1e-12


@pytest.mark.parametrize("units", [(50, 50), (20, 80)])
def test_chance_is_what_independent_gaussians_score(units: tuple[int, int]) -> None:
    generator = np.random.default_rng(0)
    x, y = ([generator.normal(size=(2000, n)) for _ in range(3)] for n in units)
    plain, debiased = (CKA(CKAConfig(form="linear", debiased=flag)) for flag in (False, True))
    assert plain.chance(2000, *units) == pytest.approx(plain.pairwise(x, y).mean(), rel=0.03)
    assert debiased.chance(2000, *units) == 0
    assert abs(debiased.pairwise(x, y).mean()) < 2e-3
    assert CKA().chance(2000, *units) == pytest.approx(CKA().pairwise(x, y).mean(), rel=0.03)


def test_debiasing_needs_four_samples_and_may_be_negative() -> None:
    x, y = drawn(5, 3, 2, 2)
    with pytest.raises(InvalidInput, match="4 for debiased"):
        scored(x, y, debiased=True)
    generator = np.random.default_rng(1)
    values = [scored(*generator.normal(size=(2, 8, 3)), form="linear", debiased=True) for _ in range(20)]
    assert min(values) < 0 < max(values)
