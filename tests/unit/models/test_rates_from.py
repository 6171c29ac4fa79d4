"""Rates decoded from a model's own latents are its rates in every mode; those decoded from others' are others' where nothing else counts."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from neurodyn import config as configs
from neurodyn import registry
from neurodyn.data.spec import DataSpec
from neurodyn.data.trials import Trials
from neurodyn.models.base import Model

CASES: dict[str, tuple[str, dict[str, Any]]] = {
    "gpfa": ("gpfa", {"candidates": [2], "iterations": 5}),
    "gpfa release": (
        "gpfa",
        {"mode": "release", "latents": 2, "iterations": 5, "heldin_alpha": 1.0, "heldout_alpha": 0.1},
    ),
    "smoothing": ("smoothing", {}),
    "smoothing release": ("smoothing", {"mode": "release", "width_s": 0.04, "alpha": 0.1}),
    "glm": ("glm", {"components": [6], "widths": [2.0], "lags": [2], "reaches": [0.5], "histories": [1.5]}),
    "ndt release": ("ndt", {"mode": "release"}),
    "ndt rates": ("ndt", {"log_rates": False}),
    "gru_seq release": ("gru_seq", {"mode": "release"}),
    "lfads flow": ("lfads", {"factors": 3, "readout": "flow"}),
    "lfads states": ("lfads", {"factors": 0, "generator": 6}),
}


def population() -> Trials:
    rng = np.random.default_rng(0)
    gain = rng.gamma(3.0, 0.3, (32, 1, 1)) * (1 + np.sin(np.arange(14) + rng.uniform(0, 6, (32, 1))))[..., None]
    mask = np.ones((32, 14), bool)
    mask[::4, -5:] = False
    return Trials.from_arrays(
        rng.poisson(gain * np.linspace(0.5, 1.5, 8)), bin_s=0.02, heldin=[0, 1, 3, 4, 6], forward=2, mask=mask
    )


@pytest.fixture(scope="module", params=CASES)
def case(request: pytest.FixtureRequest) -> tuple[str, Model, Trials]:
    name, options = CASES[request.param]
    trials = population()
    kind = registry.load("models", name)
    model = kind(configs.from_dict(kind.Config, options, "model"), DataSpec.of(trials))
    model.prepare([trials])
    if kind.default_rule == "closed_form":
        model.solve([trials.select(slice(0, 24))], [trials.select(slice(24, 32))])
    return request.param, model.eval(), trials


def test_own_latents_give_own_rates(case: tuple[str, Model, Trials]) -> None:
    _, model, trials = case
    found = model.infer(trials)
    again = model.infer(trials, latents=found.latents, batch_size=5)
    assert found.rates is not None and again.rates is not None
    np.testing.assert_allclose(again.rates, found.rates, rtol=1e-4, atol=1e-6)
    assert np.array_equal(again.latents, found.latents)


def test_other_latents_give_others_rates_where_nothing_else_counts(case: tuple[str, Model, Trials]) -> None:
    name, model, trials = case
    found, partner = model.infer(trials), np.roll(np.arange(len(trials)), 4)  # of the same length
    assert found.rates is not None and found.latents is not None
    moved = model.infer(trials, latents=found.latents[partner]).rates
    assert moved is not None
    assert np.abs(moved[:, :, trials.heldin] - found.rates[:, :, trials.heldin]).max() > 1e-3
    expected = found.rates[partner]
    if name == "smoothing":  # held-out units are read from counts smoothed otherwise
        expected[:, :, trials.heldout] = found.rates[:, :, trials.heldout]
    np.testing.assert_allclose(moved, expected, rtol=1e-4, atol=1e-6)


def test_uncertainty_stays_the_trials_own() -> None:
    """A trial cut short and a whole one with the same latents: GPFA knows less of the first, and its rates differ by that alone."""
    trials = population()
    kind = registry.load("models", "gpfa")
    model = kind(configs.from_dict(kind.Config, CASES["gpfa"][1], "model"), DataSpec.of(trials))
    model.solve([trials.select(slice(0, 24))], [trials.select(slice(24, 32))])
    same = np.repeat(model.infer(trials).latents[:1], len(trials), 0)
    model.ceiling_0.fill_(np.inf)
    log_rates = np.log(model.infer(trials, latents=same).rates)
    whole = dataclasses.replace(trials, mask=np.ones_like(trials.mask))
    filled = np.log(model.infer(whole, latents=same).rates)
    short = ~trials.mask[:, -1]
    np.testing.assert_allclose(log_rates[~short], filled[~short], atol=1e-5)
    assert (log_rates[short][:, 9:12] > filled[short][:, 9:12]).all()
