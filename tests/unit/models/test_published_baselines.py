"""The benchmark's published baselines (mode release) against plain SciPy and scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.signal.windows import gaussian
from sklearn.linear_model import PoissonRegressor, Ridge

from neurodyn import registry
from neurodyn.data.spec import DataSpec
from neurodyn.data.trials import Trials
from neurodyn.errors import InvalidInput
from neurodyn.models.base import Model
from neurodyn.models.parts.gaussian_process_factors import Activity, infer

BIN_S, BINS, FORWARD, HELDIN = 0.005, 60, 8, 7


def population(trials: int, seed: int) -> Trials:
    """Ten units, the last three held out, driven by one slow latent; the first unit is silent, and so is the last."""
    rng = np.random.default_rng(seed)
    phase = rng.uniform(0, 2 * np.pi, (trials, 1, 1))
    latent = np.cos(phase + 0.1 * np.arange(BINS + FORWARD)[:, None])
    rates = 0.3 * np.exp(latent * np.linspace(-1, 1, 10))
    rates[..., [0, 9]] = 0
    return Trials.from_arrays(rng.poisson(rates), bin_s=BIN_S, heldin=range(HELDIN), forward=FORWARD)


@pytest.fixture(scope="module")
def split() -> tuple[Trials, Trials, Trials]:
    return population(20, 0), population(5, 1), population(8, 2)


def solved(name: str, split: tuple[Trials, Trials, Trials], **settings: object) -> Model:
    cls = registry.load("models", name)
    model: Model = cls(cls.Config(mode="release", **settings), DataSpec.of(split[0]))
    model.solve([split[0]], [split[1]])
    return model


def poisson(x: np.ndarray, y: np.ndarray, test: np.ndarray, alpha: float) -> np.ndarray:
    """Rates of the held-out units that spiked."""
    rows, counts = x.reshape(-1, x.shape[2]), y.reshape(-1, y.shape[2])
    fits = [PoissonRegressor(alpha=alpha, max_iter=500).fit(rows, counts[:, u]) for u in range(counts.shape[1])]
    assert all(fit.n_iter_ < 500 for fit in fits)
    return np.stack([fit.predict(test.reshape(-1, test.shape[2])) for fit in fits], 1).reshape(*test.shape[:2], -1)


@pytest.mark.parametrize("width_s", [0.02, 0.0223])  # 24 taps (half a bin off) and 26, deviation 4 bins in both
def test_smoothing_release_is_the_published_recipe(split: tuple[Trials, Trials, Trials], width_s: float) -> None:
    rates = solved("smoothing", split, width_s=width_s, alpha=0.01).infer(split[2]).rates
    window = gaussian(int(6 * width_s / BIN_S), int(width_s / BIN_S), sym=True)
    window /= window.sum()
    seen = np.concatenate([t.counts for t in split[:2]])[:, :BINS].astype(float)
    test = split[2].counts[:, :BINS, :HELDIN].astype(float)
    smooth, smooth_test = (
        np.apply_along_axis(lambda v: np.convolve(v, window, "same"), 1, c) for c in (seen[..., :HELDIN], test)
    )
    np.testing.assert_allclose(rates[:, :BINS, :HELDIN], np.maximum(smooth_test, 1e-9), atol=1e-6, rtol=1e-6)
    expected = poisson(np.log(smooth + 1e-4), seen[..., HELDIN:-1], np.log(smooth_test + 1e-4), 0.01)
    np.testing.assert_allclose(rates[:, :BINS, HELDIN:-1], expected, atol=1e-6, rtol=1e-6)
    np.testing.assert_allclose(rates[..., :BINS, [0, 9]], 1e-9, rtol=1e-4)  # silent units
    mean = np.concatenate([t.counts for t in split[:2]]).mean((0, 1))
    np.testing.assert_allclose(rates[:, BINS:, 1:-1], np.broadcast_to(mean[1:-1], (8, FORWARD, 8)), rtol=1e-5)


def test_gpfa_release_reads_rates_from_its_latents_as_published(split: tuple[Trials, Trials, Trials]) -> None:
    model = solved("gpfa", split, latents=2, heldin_alpha=0.01, heldout_alpha=0.001, iterations=30)
    rates = model.infer(split[2]).rates
    factors = model._factors(0)
    seen = np.concatenate([t.counts for t in split[:2]])[:, :BINS].astype(float)
    test = split[2].counts[:, :BINS, :HELDIN].astype(float)
    latents, test_latents = (
        infer(factors, Activity(np.sqrt(c), np.ones(c.shape[:2], bool)), BINS + FORWARD).mean @ factors.orthonormal
        for c in (seen[..., :HELDIN], test)
    )
    ridge = Ridge(alpha=0.01).fit(latents[:, :BINS].reshape(-1, 2), seen[..., :HELDIN].reshape(-1, HELDIN))
    heldin, heldin_test = (
        np.maximum(ridge.predict(x.reshape(-1, 2)), 1e-10).reshape(*x.shape[:2], -1) for x in (latents, test_latents)
    )
    np.testing.assert_allclose(rates[..., :HELDIN], heldin_test, atol=1e-6, rtol=1e-5)
    expected = poisson(heldin[:, :BINS], seen[..., HELDIN:-1], heldin_test, 0.001)
    np.testing.assert_allclose(rates[..., HELDIN:-1], expected, atol=1e-6, rtol=1e-5)


def test_a_readout_that_did_not_converge_is_made_anew_with_more_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    from neurodyn.models.parts import published_readout

    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(200, 5)), rng.poisson(1.0, (200, 1)).astype(float)
    full = published_readout.fit_poisson_readout(x, y, 0.01)
    monkeypatch.setattr(published_readout, "_MOST_STEPS", (1, 2, 500))
    again = published_readout.fit_poisson_readout(x, y, 0.01)
    np.testing.assert_array_equal(again[0], full[0])
    monkeypatch.setattr(published_readout, "_MOST_STEPS", (1,))
    assert not np.array_equal(published_readout.fit_poisson_readout(x, y, 0.01)[0], full[0])


@pytest.mark.parametrize(
    ("name", "settings", "field"),
    [
        ("smoothing", {"mode": "release", "width_s": 0.05}, "alpha"),
        ("smoothing", {"mode": "release", "alpha": 0.1}, "width_s"),
        ("smoothing", {"mode": "release", "width_s": 0.05, "alpha": 0.1, "folds": 3}, "folds"),
        ("smoothing", {"mode": "release", "width_s": 0.0, "alpha": 0.1}, "width_s"),
        ("smoothing", {"mode": "release", "width_s": 0.05, "alpha": -0.1}, "alpha"),
        ("smoothing", {"width_s": 0.05}, "width_s"),
        ("smoothing", {"alpha": 0.1}, "alpha"),
        ("gpfa", {"mode": "release", "heldin_alpha": 0.1, "heldout_alpha": 0.1}, "latents"),
        ("gpfa", {"mode": "release", "latents": 2, "heldout_alpha": 0.1}, "heldin_alpha"),
        ("gpfa", {"heldin_alpha": 0.1}, "heldin_alpha"),
        ("gpfa", {"mode": "release", "latents": 2, "heldin_alpha": 0.1, "heldout_alpha": 0.1, "candidates": (3,)}, "candidates"),
    ],
)  # fmt: skip
def test_a_setting_of_the_other_mode_is_an_error(name: str, settings: dict[str, object], field: str) -> None:
    with pytest.raises(InvalidInput, match=rf"model\.{field}"):
        registry.load("models", name).Config(**settings)


def test_sizes_that_do_not_fit_the_data_are_named(split: tuple[Trials, Trials, Trials]) -> None:
    for name, settings in (
        ("smoothing", {"mode": "release", "width_s": 0.004, "alpha": 0.1}),
        ("gpfa", {"latents": HELDIN + 1}),
    ):
        cls = registry.load("models", name)
        with pytest.raises(InvalidInput, match=r"model\.(width_s|latents)"):
            cls(cls.Config(**settings), DataSpec.of(split[0]))
