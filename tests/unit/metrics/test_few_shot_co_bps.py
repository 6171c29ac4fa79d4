"""Few-shot co-smoothing: extraneous dimensions, coordinates, scikit-learn's regression, what it falls back to and refuses."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import PoissonRegressor

from neurodyn.data.inference import Inference
from neurodyn.data.trials import Trials
from neurodyn.errors import InvalidInput
from neurodyn.metrics._bits_per_spike import bits_per_spike
from neurodyn.metrics.base import Evaluation, score, score_all
from neurodyn.metrics.few_shot_co_bps import PENALTY, FewShotCoBPS, few_shot_co_bps

BINS, LATENTS, UNITS = 30, 3, 15


def walk(generator: np.random.Generator, trials: int, latents: int) -> np.ndarray:
    return 0.2 * np.cumsum(generator.normal(size=(trials, BINS, latents)), 1)


def case(seed: int = 0, train: int = 140, test: int = 40) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Latents and counts of train and test trials; log rates are linear in the latents."""
    generator = np.random.default_rng(seed)
    weights = 0.6 * generator.normal(size=(LATENTS, UNITS))
    latents = walk(generator, train + test, LATENTS)
    counts = generator.poisson(np.exp(latents @ weights - 1))
    return latents[:train], counts[:train], latents[train:], counts[train:]


def measured(
    x: np.ndarray, y: np.ndarray, x_test: np.ndarray, y_test: np.ndarray, **options: object
) -> dict[str, float]:
    """Mean bits per spike by number of trials."""
    everywhere = np.ones(y_test.shape[:2], bool)[..., None]
    found = few_shot_co_bps(x, y, np.ones(y.shape[:2], bool), x_test, y_test, everywhere, **options)
    return {k: v["mean"] for k, v in found.context["by_shots"].items()}


@pytest.mark.parametrize("seed", range(3))
def test_extraneous_dimensions_cost_few_shots_much_and_all_trials_nothing(seed: int) -> None:
    x, y, x_test, y_test = case(seed, train=300)
    generator = np.random.default_rng(100 + seed)
    wide, wide_test = (np.concatenate([z, walk(generator, len(z), 10)], 2) for z in (x, x_test))
    slim = measured(x, y, x_test, y_test)
    extraneous = measured(wide, y, wide_test, y_test)
    assert extraneous["8"] < slim["8"] - 0.1
    assert slim["8"] - extraneous["8"] > slim["32"] - extraneous["32"] > slim["128"] - extraneous["128"]
    whole = {"shots": (len(x),), "repeats": 1}
    key = str(len(x))
    assert measured(wide, y, wide_test, y_test, **whole)[key] > measured(x, y, x_test, y_test, **whole)[key] - 0.005


def test_more_trials_read_more_and_the_value_is_that_of_the_fewest() -> None:
    x, y, x_test, y_test = case()
    known, known_test = np.ones(y.shape[:2], bool), np.ones((*y_test.shape[:2], 1), bool)
    found = few_shot_co_bps(x, y, known, x_test, y_test, known_test)
    by = found.context["by_shots"]
    assert list(by) == ["8", "32", "128"]
    assert by["8"]["mean"] < by["32"]["mean"] < by["128"]["mean"] and by["8"]["sd"] > by["128"]["sd"] > 0
    assert found.value == pytest.approx(by["8"]["mean"], abs=1e-4) and len(found.sums) == len(y_test)
    assert list(measured(x[:40], y[:40], x_test, y_test)) == ["8", "32"]


def test_turning_scaling_and_moving_the_latents_changes_nothing() -> None:
    x, y, x_test, y_test = case()
    turn = 1e3 * np.linalg.qr(np.random.default_rng(1).normal(size=(LATENTS, LATENTS)))[0]
    options = {"shots": (8,), "repeats": 3}
    before, after = (
        measured(a, y, b, y_test, **options)["8"] for a, b in ((x, x_test), (x @ turn + 7, x_test @ turn + 7))
    )
    assert after == pytest.approx(before, abs=3e-4)


def test_with_all_trials_it_is_scikit_learns_regression() -> None:
    x, y, x_test, y_test = case(train=20)
    flat = x.reshape(-1, LATENTS)
    scale = np.sqrt(np.linalg.eigvalsh(np.cov(flat, rowvar=False, bias=True))[-1])
    rates = np.empty(y_test.shape)
    for unit in range(UNITS):
        peer = PoissonRegressor(alpha=PENALTY / len(flat), tol=1e-8, max_iter=1000)
        peer.fit(flat / scale, y[..., unit].ravel())
        rates[..., unit] = peer.predict(x_test.reshape(-1, LATENTS) / scale).reshape(y_test.shape[:2])
    expected = bits_per_spike(rates, y_test, np.ones(y_test.shape[:2], bool)).value
    assert measured(x, y, x_test, y_test, shots=(20,), repeats=1)["20"] == pytest.approx(expected, abs=3e-4)


def test_unknown_bins_are_neither_fitted_nor_scored_and_silent_units_stay_finite() -> None:
    x, y, x_test, y_test = case(train=30)
    y[..., 2] = 0
    known, known_test = np.ones(y.shape[:2], bool), np.ones(y_test.shape, bool)
    known[:, 20:] = False
    known_test[:5, 12:] = False
    clean = few_shot_co_bps(x, y, known, x_test, y_test, known_test, repeats=3)
    x[~known], y[~known] = np.nan, 50
    x_test[:5, 12:], y_test[:5, 12:] = np.nan, 50
    spoilt = few_shot_co_bps(x, y, known, x_test, y_test, known_test, repeats=3)
    assert np.isfinite(clean.value) and spoilt.value == pytest.approx(clean.value, abs=1e-6)
    x[3, 4] = np.inf
    with pytest.raises(InvalidInput, match="latents"):
        few_shot_co_bps(x, y, known, x_test, y_test, known_test)
    with pytest.raises(InvalidInput, match="train trials"):
        few_shot_co_bps(x[:4], y[:4], known[:4], x_test, y_test, known_test)


def evaluation(*, latents: bool) -> Evaluation:
    x, y, x_test, y_test = case()
    trials = {
        split: Trials.from_arrays(counts, bin_s=0.02, heldin=range(10), forward=5)
        for split, counts in (("train", y), ("test", y_test))
    }
    generator = np.random.default_rng(3)
    readout = generator.normal(size=(LATENTS, UNITS))
    inferred = {
        split: Inference(0.02, rates=np.exp(z @ readout), latents=z if latents else None)
        for split, z in (("train", x), ("test", x_test))
    }
    return Evaluation(trials, inferred)


def test_the_metric_says_what_it_reads_and_is_left_out_unless_asked_for() -> None:
    e = evaluation(latents=True)
    assert "few_shot_co_bps" not in {s.name for s in score_all(e, draws=10)}
    (found,) = score_all(e, metrics=["few_shot_co_bps"], draws=200)
    assert found.context["features"] == "inferred latents" and found.context["shots"] == 8
    assert found.interval[0] < found.value < found.interval[1] and found.n == 40
    assert found.as_mapping()["context"]["by_shots"]["8"]["mean"] == pytest.approx(found.value, abs=1e-4)
    # the same space, as the log rates of 10 held-in units: their coordinates differ, so the ridge does a little
    rates = score(FewShotCoBPS(), evaluation(latents=False), draws=10)
    assert rates.context["features"] == "log rates of held-in units" and rates.context["latents"] == 10
    assert rates.value == pytest.approx(found.value, abs=0.05)


def test_it_never_reads_the_rates_of_heldout_units_nor_forward_bins() -> None:
    e = evaluation(latents=False)
    value = FewShotCoBPS().measure(e).value
    for inferred in e.inferred.values():
        inferred.rates[..., 10:] = 1.0
        inferred.rates[:, -5:] = 1.0
    assert FewShotCoBPS().measure(e).value == value


def test_too_few_training_trials() -> None:
    e = evaluation(latents=True)
    few = Evaluation({**e.trials, "train": e.trials["train"].select(range(7))}, e.inferred)
    assert not FewShotCoBPS().applies(few)
