"""Dynamics of latents against those of a known circuit."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from circuit_cases import circuit

from neurodyn.errors import InvalidInput
from neurodyn.metrics.base import Evaluation, score, score_all, shuffled
from neurodyn.metrics.latent_dsa import LatentDSA


def value(evaluation: Evaluation) -> float:
    return LatentDSA().measure(evaluation).value


def with_latents(evaluation: Evaluation, change: object) -> Evaluation:
    inferred = {s: dataclasses.replace(i, latents=change(i.latents)) for s, i in evaluation.inferred.items()}  # type: ignore[operator]
    return Evaluation(evaluation.trials, inferred)


def test_good_latents_are_near_zero_the_truth_at_zero_and_smoothed_spikes_beyond() -> None:
    found = score(LatentDSA(), circuit(), {}, draws=100)
    assert found.value < 0.01
    assert found.ceiling == pytest.approx(0, abs=1e-9)
    assert found.interval[0] <= found.value <= found.interval[1] < 0.02
    assert found.baselines["smoothed_spikes"] > 0.1
    assert found.context["inferred_rank"] == found.context["true_rank"] == 4


def test_geometry_is_forgiven_and_other_dynamics_are_not() -> None:
    e = circuit(latents=2, noise=1e-3)
    near = value(e)
    turn = np.array([[0.6, -0.8], [0.8, 0.6]], np.float32)
    assert value(with_latents(e, lambda x: 3 * x @ turn + 5)) == pytest.approx(near, abs=1e-4)
    stretched = with_latents(e, lambda x: x @ np.array([[3.0, 1], [0, 1]], np.float32))
    noise = with_latents(e, lambda x: np.random.default_rng(0).normal(size=x.shape).astype(np.float32))
    assert near < value(stretched) < 0.1, "windows are reduced to their largest coordinates, which a stretch changes"
    assert value(noise) > 0.3


def test_pairing_of_trials_is_not_looked_at() -> None:
    e = circuit(ragged=False)
    assert value(shuffled(e)) == pytest.approx(value(e), abs=1e-9)


def test_nothing_outside_the_mask_is_read_and_draws_are_those_of_resampled_trials() -> None:
    assert value(circuit(nothing_outside=True)) == pytest.approx(value(circuit()), abs=1e-9)
    e = circuit()
    measured = LatentDSA().measure(e)
    weights = np.random.default_rng(0).multinomial(25, np.full(25, 1 / 25), size=3).astype(float)
    for drawn, each in zip(measured.under(weights), weights):
        rows = np.repeat(np.arange(25), each.astype(int))
        test = e.inferred["test"]
        again = Evaluation(
            {**e.trials, "test": e.trials["test"].select(rows)},
            {**e.inferred, "test": dataclasses.replace(test, rates=test.rates[rows], latents=test.latents[rows])},
        )
        assert value(again) == pytest.approx(drawn, abs=1e-9)


def test_latents_that_do_not_vary_are_at_a_right_angle() -> None:
    still = with_latents(circuit(), np.zeros_like)
    assert score(LatentDSA(), still, draws=10).value == pytest.approx(np.pi / 2)


def test_it_is_left_out_unless_asked_for_and_names_what_is_not_finite() -> None:
    assert "latent_dsa" not in {s.name for s in score_all(circuit(), draws=5)}
    assert "latent_dsa" in {s.name for s in score_all(circuit(), draws=5, metrics=["latent_dsa"])}

    def spoiled(latents: np.ndarray) -> np.ndarray:
        latents = latents.copy()
        latents[1, 2, 0] = np.nan
        return latents

    with pytest.raises(InvalidInput, match="trial 1, bin 2"):
        value(with_latents(circuit(ragged=False), spoiled))
