"""The worked example, netrep's values, held-out samples, small angles, what alpha forgives, chance, real data."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from matched_activities import drawn, worked_example
from neurodyn.config import from_dict
from neurodyn.data.hatsopoulos import read_averages
from neurodyn.errors import InvalidInput, MissingData
from neurodyn.similarity.measures.cka import CKA, CKAConfig
from neurodyn.similarity.measures.procrustes import Procrustes, ProcrustesConfig
from neurodyn.similarity.shape_distance import shape_distance

CASES = json.loads((Path(__file__).parents[3] / "golden" / "similarity.json").read_text())["cases"]


def procrustes(**options: object) -> Procrustes:
    return Procrustes(ProcrustesConfig(**options))  # type: ignore[arg-type]


def scored(x: np.ndarray, y: np.ndarray, **options: object) -> float:
    return procrustes(**options).fit(x, y).score()


def rotation(width: int, seed: int = 0) -> np.ndarray:
    return np.linalg.qr(np.random.default_rng(seed).normal(size=(width, width)))[0]


@pytest.mark.parametrize(
    ("options", "value"),
    [
        ({}, 0.6813642928),
        ({"radians": True}, 1.0702845284),
        ({"form": "euclidean"}, 4.7244721954),
        ({"alpha": 0.5, "mode": "release", "radians": True}, 1.0710806908),
        ({"alpha": 0.0, "radians": True}, 1.0738734886),
        ({"alpha": 0.0, "mode": "release", "radians": True}, 1.0738734886),
    ],
)
def test_the_worked_example(options: dict[str, object], value: float) -> None:
    assert scored(*worked_example(), **options) == pytest.approx(value, abs=1e-9)


def test_the_worked_example_in_its_other_forms() -> None:
    x, y = worked_example()
    x, y = x - x.mean(0), y - y.mean(0)
    assert np.cos(scored(x, y, radians=True)) == pytest.approx(0.4798746211, abs=1e-9)
    unit = scored(x / np.linalg.norm(x), y / np.linalg.norm(y), form="euclidean")
    assert unit == pytest.approx(1.0199268394, abs=1e-9)
    assert unit == pytest.approx(2 * np.sin(scored(x, y, radians=True) / 2), abs=1e-12)
    assert scored(x[:, :3], y, alpha=0.0, radians=True) == pytest.approx(1.0116659963, abs=1e-9)


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['units']} and {case['other_units']} units")
def test_netrep_gives_the_same_on_fitted_and_on_other_samples(case: dict) -> None:
    x, y = drawn(case["seed"], case["samples"], case["units"], case["other_units"])
    cut = 2 * case["samples"] // 3
    for given in case["procrustes"]:
        measure = procrustes(form=given["form"], alpha=given["alpha"], mode="release", radians=True)
        fitted = measure.fit(x[:cut], y[:cut])
        assert fitted.score() == pytest.approx(given["value"][0], rel=1e-8), given
        assert fitted.score(x[cut:], y[cut:]) == pytest.approx(given["value"][1], rel=1e-8), given
        if given["alpha"] in (0, 1) and given["form"] == "angular":
            default = procrustes(alpha=given["alpha"], radians=True).fit(x[:cut], y[:cut])
            assert default.score() == pytest.approx(given["value"][0], rel=1e-8)


def test_identities() -> None:
    sample = np.linspace(0, 2 * np.pi, 101)[:100, None]
    assert scored(np.sin(sample), -np.sin(sample)) == pytest.approx(0, abs=1e-12)
    assert scored(np.sin(sample), np.cos(sample)) == pytest.approx(1, abs=1e-12)
    x, y = drawn(3, 60, 1, 1)
    assert scored(x, y, radians=True) == pytest.approx(np.arccos(abs(np.corrcoef(x[:, 0], y[:, 0])[0, 1])), abs=1e-9)
    # cosine = normalised Bures similarity of the kernels
    x, y = (v - v.mean(0) for v in drawn(4, 20, 5, 6))
    values, vectors = np.linalg.eigh(x @ x.T)
    root = (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T
    bures = np.sqrt(np.maximum(np.linalg.eigvalsh(root @ (y @ y.T) @ root), 0)).sum()
    cosine = bures / (np.linalg.norm(x) * np.linalg.norm(y))
    assert np.cos(scored(x, y, radians=True)) == pytest.approx(cosine, abs=1e-6)
    # orthonormal columns: mean cosine of the principal angles
    x, y = (np.linalg.qr(v - v.mean(0))[0] for v in drawn(5, 40, 4, 4))
    mean = np.linalg.svd(x.T @ y, compute_uv=False).mean()
    assert np.cos(scored(x, y, radians=True)) == pytest.approx(mean, abs=1e-9)
    assert scored(x, np.pad(y, ((0, 0), (0, 3)))) == pytest.approx(scored(x, y), abs=1e-12)
    order = np.random.default_rng(0).permutation(40)
    assert scored(x[order], y[order]) == pytest.approx(scored(x, y), abs=1e-12)


def test_each_alpha_forgives_what_it_says() -> None:
    (x,) = drawn(6, 80, 6)
    turned, mapped = 3.7 * x @ rotation(6) - 5, x @ np.random.default_rng(1).normal(size=(6, 6)) + 2
    for alpha in (0.0, 0.5, 1.0):
        assert scored(x, turned, alpha=alpha) < 1e-9
    assert scored(x, mapped, alpha=0.0) < 1e-6
    assert scored(x, mapped) > 0.05
    assert 0 < scored(x, mapped, alpha=0.5) < scored(x, mapped)
    assert scored(x, turned, form="euclidean") > 1
    assert scored(x, x @ rotation(6) - 5, form="euclidean") < 1e-9


def test_as_released_partial_whitening_depends_on_units_and_on_samples() -> None:
    x, y = drawn(7, 80, 6, 6)
    released = [scored(scale * x, scale * y, alpha=0.5, mode="release") for scale in (1, 1000)]
    twice = scored(np.vstack([x, x]), np.vstack([y, y]), alpha=0.5, mode="release")
    assert abs(released[0] - released[1]) > 1e-4
    assert abs(released[0] - twice) > 1e-6
    default = scored(x, y, alpha=0.5)
    assert scored(1000 * x, 1000 * y, alpha=0.5) == pytest.approx(default, abs=1e-12)
    assert scored(np.vstack([x, x]), np.vstack([y, y]), alpha=0.5) == pytest.approx(default, abs=1e-12)


@pytest.mark.parametrize("size", [1e-4, 1e-7, 1e-10])
def test_small_angles_keep_their_digits(size: float) -> None:
    generator = np.random.default_rng(8)
    x = np.linalg.qr(generator.normal(size=(60, 5)))[0]
    x -= x.mean(0)
    off = generator.normal(size=x.shape)
    off -= off.mean(0)
    off -= x @ np.linalg.lstsq(x, off, rcond=None)[0]  # orthogonal to all columns: no rotation takes it away
    y = x / np.linalg.norm(x) + size * off / np.linalg.norm(off)
    measure = procrustes(radians=True)
    assert measure.fit(x, y).score() == pytest.approx(np.arctan(size), rel=1e-4, abs=1e-15)
    assert measure.pairwise([x, y])[0, 1] == pytest.approx(np.arctan(size), rel=1e-4, abs=1e-15)


def test_held_out_angles_may_exceed_a_right_angle() -> None:
    (x,) = drawn(9, 50, 3)
    fitted = procrustes().fit(x, x @ rotation(3))
    shifted = (2 * x.mean(0) - x) @ rotation(3)  # the mirror image about the mean that was learned
    assert fitted.score(x, shifted) == pytest.approx(2, abs=1e-9)


@pytest.mark.parametrize(("x_units", "y_units", "alpha"), [(50, 50, 1.0), (20, 80, 1.0), (50, 50, 0.0), (20, 80, 0.0)])
def test_chance_is_what_independent_gaussians_score(x_units: int, y_units: int, alpha: float) -> None:
    generator = np.random.default_rng(0)
    measure = procrustes(alpha=alpha, radians=True)
    x, y = ([generator.normal(size=(2000, n)) for _ in range(2)] for n in (x_units, y_units))
    chance = measure.chance(2000, x_units, y_units)
    assert np.cos(chance) == pytest.approx(np.cos(measure.pairwise(x, y)).mean(), rel=0.03)
    if x_units == y_units and alpha == 1:
        assert np.cos(chance) == pytest.approx(8 / (3 * np.pi) * np.sqrt(x_units / 1999), rel=1e-6)


def test_chance_is_none_where_no_formula_holds() -> None:
    assert procrustes().chance(100, 80, 5) is None
    assert procrustes(form="euclidean").chance(1000, 5, 5) is None
    assert procrustes(alpha=0.0).chance(100, 300, 300) == 0


def test_it_is_the_shape_distance_that_other_measures_use() -> None:
    x, y = drawn(10, 70, 4, 6)
    for alpha in (0.3, 1.0):
        assert scored(x, y, alpha=alpha, mode="release", radians=True) == pytest.approx(
            shape_distance(x, y, alpha), abs=1e-9
        )


def test_a_high_procrustes_similarity_means_a_high_alignment_of_kernels_too() -> None:
    x, y = drawn(11, 100, 10, 10, noise=0.1)
    assert scored(x, y) < 0.35
    assert CKA(CKAConfig()).fit(x, y).score() < 0.35


def test_bad_options_and_activities() -> None:
    with pytest.raises(InvalidInput, match="alpha"):
        ProcrustesConfig(alpha=1.5)
    with pytest.raises(InvalidInput, match="form"):
        from_dict(ProcrustesConfig, {"form": "cosine"})
    flat = np.full((30, 2), 0.1) + np.linspace(0, 1e-17, 30)[:, None]
    with pytest.raises(InvalidInput, match="vary"):
        scored(flat, drawn(0, 30, 2)[0])


def test_a_surrogate_without_conditions_against_the_recorded_reaches() -> None:
    try:
        rates = read_averages().rates_hz
    except MissingData:
        pytest.skip("the recording is not here")
    surrogate = np.broadcast_to(rates.mean(0), rates.shape)
    assert scored(rates, surrogate) == pytest.approx(0.483830, abs=1e-6)
    assert scored(rates, surrogate, radians=True) == pytest.approx(0.759998, abs=1e-6)
