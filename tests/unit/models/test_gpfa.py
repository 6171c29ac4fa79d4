"""GPFA as a model: what it chooses, extrapolates and reports."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from neurodyn.data.inference import Inference
from neurodyn.data.spec import DataSpec
from neurodyn.data.trials import Trials
from neurodyn.metrics.base import Evaluation
from neurodyn.metrics.co_bps import CoBPS
from neurodyn.metrics.fp_bps import FpBPS
from neurodyn.models.gpfa import GPFA, GPFAConfig
from neurodyn.models.mean_rate import MeanRate, MeanRateConfig

SIZES = {"train": 100, "valid": 40, "test": 60}


def drawn(seed: int = 0, heldout: int = 6, forward: int = 6) -> dict[str, Trials]:
    """Log rates linear in three Gaussian processes of timescales 4, 6 and 10 bins."""
    rng = np.random.default_rng(seed)
    bins, units = 30 + forward, 24
    lag = np.subtract.outer(np.arange(bins), np.arange(bins))
    readout = 0.4 * rng.normal(size=(3, units))
    found = {}
    for split, n in SIZES.items():
        courses = [
            np.linalg.cholesky(np.exp(-0.5 * (lag / t) ** 2) + 1e-6 * np.eye(bins)) @ rng.normal(size=(bins, n))
            for t in (4.0, 6.0, 10.0)
        ]
        rates = np.exp(np.stack(courses, 2).transpose(1, 0, 2) @ readout - 0.3)
        found[split] = Trials.from_arrays(
            rng.poisson(rates),
            bin_s=0.02,
            heldin=range(units - heldout),
            forward=forward,
            truth={"rates": rates},
        )
    return found


def fitted(data: dict[str, Trials], **settings: object) -> GPFA:
    model = GPFA(GPFAConfig(**settings), DataSpec.of(data["train"]))
    model.solve([data["train"]], [data["valid"]])
    return model


@pytest.fixture(scope="module")
def data() -> dict[str, Trials]:
    return drawn()


@pytest.fixture(scope="module")
def model(data: dict[str, Trials]) -> GPFA:
    return fitted(data, latents=3)


def test_predicts_heldout_units_and_forward_bins(data: dict[str, Trials], model: GPFA) -> None:
    mean = MeanRate(MeanRateConfig(), DataSpec.of(data["train"]))
    mean.solve([data["train"]], [data["valid"]])
    oracle = Evaluation(data, {s: Inference(0.02, rates=t.truth["rates"]) for s, t in data.items()})
    found, trivial = (Evaluation(data, {s: m.infer(t) for s, t in data.items()}) for m in (model, mean))
    assert CoBPS().measure(found).value > 0.8 * CoBPS().measure(oracle).value
    assert FpBPS().measure(found).value > FpBPS().measure(trivial).value + 0.05
    timescales = np.sort(model._factors(0).timescale)
    np.testing.assert_allclose(timescales, [4, 6, 10], rtol=0.35)


def test_extrapolated_rates_keep_the_mean(data: dict[str, Trials], model: GPFA) -> None:
    """Far from data the latents are at their mean, but the mean of exp of them is not exp of the mean."""
    far, counts = model.infer(data["test"]).rates[:, -1], data["train"].counts.mean((0, 1))
    rates_at_mean_latents = np.exp(model.get_buffer("bias_0").numpy())
    assert far.mean() == pytest.approx(counts.mean(), rel=0.07)
    assert rates_at_mean_latents.mean() < 0.9 * counts.mean()


def test_chooses_the_number_of_latents(data: dict[str, Trials]) -> None:
    assert int(fitted(data, candidates=(1, 3), iterations=20).get_buffer("latents_0")) == 3
    rng = np.random.default_rng(1)
    noise = {s: Trials.from_arrays(rng.poisson(1.0, (n, 10, 8)), bin_s=0.02) for s, n in SIZES.items()}
    assert int(fitted(noise, candidates=(1, 4), iterations=20).get_buffer("latents_0")) == 1
    # more than there are units is as many as there are units
    assert int(fitted(noise, candidates=(40,), iterations=2).get_buffer("latents_0")) == 8


def test_latents_cover_all_bins_and_the_strongest_comes_first(data: dict[str, Trials], model: GPFA) -> None:
    latents = model.infer(data["test"]).latents
    assert latents.shape == (60, 36, 3)
    spread = latents[:, :30].reshape(-1, 3).std(0)
    assert (np.diff(spread) < 0).all()
    assert np.abs(latents[:, -1]).mean() < np.abs(latents[:, 29]).mean()


def test_windows_and_raw_counts_fit_too(data: dict[str, Trials]) -> None:
    scores = [
        CoBPS().measure(Evaluation(data, {s: fitted(data, latents=3, iterations=40, **more).infer(t) for s, t in data.items()}))
        for more in ({}, {"segment_bins": 12}, {"square_root": False})
    ]  # fmt: skip
    assert scores[1].value > 0.9 * scores[0].value
    assert scores[2].value > 0.8 * scores[0].value


def test_short_trials_are_as_if_cut(data: dict[str, Trials], model: GPFA) -> None:
    test = data["test"]
    mask = np.ones((60, 36), bool)
    mask[:, 20:] = False
    short = Trials.from_arrays(test.counts, bin_s=0.02, heldin=test.heldin, forward=6, mask=mask)
    cut = Trials.from_arrays(test.counts[:, :26], bin_s=0.02, heldin=test.heldin, forward=6)
    np.testing.assert_allclose(model.infer(short).rates[:, :26], model.infer(cut).rates, rtol=1e-5)


def test_entries_of_heldout_units_that_are_unknown_are_not_fitted(data: dict[str, Trials]) -> None:
    spoilt = {}
    for split, trials in data.items():
        known = np.ones(trials.counts.shape, bool)
        known[::2, :, -2:] = False
        counts = np.where(known, trials.counts, 50)
        signal = dataclasses.replace(trials.neural, values=counts, mask=known)
        spoilt[split] = dataclasses.replace(trials, signals={"counts": signal})
    rates = fitted(spoilt, latents=3, iterations=20).infer(data["test"]).rates
    assert rates[..., -2:].mean() < 3 * data["test"].counts[..., -2:].mean()
