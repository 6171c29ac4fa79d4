"""Held-out measures against the known circuit: known answers, and what must not fool them."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from circuit_cases import BINS, SPLITS, circuit, rows
from sklearn.cross_decomposition import CCA
from sklearn.linear_model import LinearRegression
from sklearn.metrics import r2_score

from neurodyn import registry
from neurodyn.errors import InvalidInput
from neurodyn.metrics.base import Evaluation, Metric, score, score_all, with_truth

LATENTS = ["latent_r2_forward", "latent_r2_backward", "latent_rotation_distance", "latent_shape_similarity"]
INPUTS = ["input_r2_forward", "input_r2_backward", "input_gain_over_state", "input_rotation_distance", "input_lag"]
OURS = [*LATENTS, *INPUTS, "latent_cycle_consistency", "rate_bps_gap"]
BEST = {"latent_rotation_distance": 0, "input_rotation_distance": 0, "input_lag": 0, "rate_bps_gap": 0}


def metric(name: str) -> Metric:
    return registry.load("metrics", name)()


def value(name: str, e: Evaluation) -> float:
    return metric(name).measure(e).value


def with_values(e: Evaluation, what: str, made: dict[str, np.ndarray]) -> Evaluation:
    return Evaluation(e.trials, {s: dataclasses.replace(i, **{what: made[s]}) for s, i in e.inferred.items()})


@pytest.mark.parametrize("name", OURS)
def test_the_truth_reaches_the_ceiling_and_nothing_outside_the_mask_is_read(name: str) -> None:
    found = score(metric(name), circuit(), {}, draws=200)
    assert found.ceiling == pytest.approx(BEST.get(name, 1), abs=2e-4)
    assert found.interval[0] <= found.value <= found.interval[1]
    assert found.n == 25
    assert value(name, circuit(nothing_outside=True)) == pytest.approx(found.value, abs=1e-9)
    assert not score(metric(name), circuit(), None, draws=10).baselines


@pytest.mark.parametrize("name", OURS)
def test_values_that_are_not_finite_are_named(name: str) -> None:
    e = circuit(ragged=False)
    test = e.inferred["test"]
    spoiled = {n: getattr(test, n).copy() for n in ("rates", "latents", "inputs")}
    for array in spoiled.values():
        array[3, 5, 1] = np.nan
    with pytest.raises(InvalidInput, match="trial 3, bin 5"):
        metric(name).measure(Evaluation(e.trials, {**e.inferred, "test": dataclasses.replace(test, **spoiled)}))


def test_a_measure_needs_what_it_measures() -> None:
    assert {s.name for s in score_all(circuit(), draws=10)} >= set(OURS)
    assert not {s.name for s in score_all(circuit(inputs=0), draws=10)} & set(INPUTS)
    e = circuit()
    bare = {s: dataclasses.replace(t, truth={}) for s, t in e.trials.items()}
    assert {s.name for s in score_all(Evaluation(bare, e.inferred), draws=10)} & set(OURS) == set()


@pytest.mark.parametrize("name", [*LATENTS, *INPUTS])
def test_simpler_accounts_stand_beside(name: str) -> None:
    inputs = {"state", "true_latents", "true_rates", "true_latents_quadratic", "smoothed_spikes"}
    found = score(metric(name), circuit(), {}, draws=50)
    assert set(found.baselines) == set(found.difference) == (inputs if name in INPUTS else {"smoothed_spikes"})
    difference, low, high = found.difference["smoothed_spikes"]
    assert difference == pytest.approx(found.value - found.baselines["smoothed_spikes"]) and low <= high


def test_input_r2_is_a_map_fitted_on_train_and_scored_on_test() -> None:
    e = circuit()
    for name, step in (("input_r2_forward", 1), ("input_r2_backward", -1)):
        x, y = rows(e, "train", "inputs")[::step]
        seen, target = rows(e, "test", "inputs")[::step]
        expected = r2_score(target, LinearRegression().fit(x, y).predict(seen), multioutput="variance_weighted")
        assert value(name, e) == pytest.approx(expected, abs=1e-3)


def test_gain_is_zero_when_inputs_are_the_state_and_one_when_they_are_the_truth() -> None:
    e = circuit()
    turn = np.random.default_rng(1).normal(size=(5, 5))
    copied = with_values(e, "inputs", {s: i.latents @ turn for s, i in e.inferred.items()})
    assert value("input_gain_over_state", copied) == pytest.approx(0, abs=2e-3)
    assert value("input_r2_forward", copied) > 0.2, "the state alone tells of the input"
    truth = with_values(e, "inputs", {s: t.truth["inputs"] for s, t in e.trials.items()})
    assert value("input_gain_over_state", truth) == pytest.approx(1, abs=1e-6)
    constant = with_values(e, "inputs", {s: np.zeros((n, BINS, 2)) for s, n in SPLITS})
    assert value("input_gain_over_state", constant) < -0.2


def test_gain_is_the_ratio_of_its_definition_and_zero_where_the_state_leaves_nothing() -> None:
    e = circuit()
    measured = metric("input_gain_over_state").measure(e)
    inputs, state = measured.context["r2_inputs"], measured.context["r2_state"]
    assert inputs == pytest.approx(value("input_r2_forward", e))
    assert measured.value == pytest.approx((inputs - state) / (1 - state))
    knowing = with_values(e, "latents", {s: t.truth["inputs"] for s, t in e.trials.items()})
    exact = with_values(knowing, "inputs", {s: t.truth["inputs"] for s, t in e.trials.items()})
    assert np.isfinite(score(metric("input_gain_over_state"), exact, draws=50).interval).all()
    assert abs(value("input_gain_over_state", exact)) <= 1


@pytest.mark.parametrize("late", [0, 1, 3])
def test_lag_is_found_and_has_a_sign(late: int) -> None:
    measured = metric("input_lag").measure(circuit(late=late, ragged=False))
    assert measured.value == measured.context["lag_bins"] == late
    assert measured.context["correlation"] > 0.97
    e = circuit(ragged=False)
    early = with_values(e, "inputs", {s: np.roll(t.truth["inputs"], -2, 1) for s, t in e.trials.items()})
    measured = metric("input_lag").measure(early)
    assert (measured.value, measured.context["lag_bins"]) == (2, -2)


def test_rotation_distance_forgives_a_rotation_and_small_extra_latents_but_not_a_stretch() -> None:
    e = circuit()
    turn = np.linalg.qr(np.random.default_rng(2).normal(size=(5, 5)))[0]
    generator = np.random.default_rng(3)
    embedded = {}
    for split, trials in e.trials.items():
        true = trials.truth["latents"]
        small = 1e-4 * generator.normal(size=(*true.shape[:2], 3))
        embedded[split] = np.concatenate([true, small], 2) @ turn * 7 + 1
    same = with_values(e, "latents", embedded)
    assert value("latent_rotation_distance", same) < 1e-3
    stretched = with_values(e, "latents", {s: t.truth["latents"] * [1, 4] for s, t in e.trials.items()})
    assert value("latent_rotation_distance", stretched) > 0.1
    assert value("latent_shape_similarity", stretched) == pytest.approx(1, abs=1e-3)
    fewer = with_values(e, "latents", {s: t.truth["latents"][..., :1] for s, t in e.trials.items()})
    assert value("latent_rotation_distance", fewer) > 0.1


def test_shape_similarity_is_the_mean_canonical_correlation_whatever_the_number_of_latents() -> None:
    e = circuit(latents=6, noise=1)
    inferred, true = rows(e, "test", "latents")
    fitted = CCA(2, max_iter=5000).fit(*rows(e, "train", "latents"))
    a, b = fitted.transform(inferred, true)
    each = [np.corrcoef(a[:, k], b[:, k])[0, 1] for k in range(2)]
    assert value("latent_shape_similarity", e) == pytest.approx(np.mean(each), abs=0.02)
    assert value("latent_shape_similarity", circuit(latents=12, noise=1e-3)) > 0.995
    half = with_values(e, "latents", {s: t.truth["latents"][..., :1] for s, t in e.trials.items()})
    assert value("latent_shape_similarity", half) < 0.8, "too few latents are not forgiven"


def test_cycle_consistency_flags_latents_that_never_reach_the_units() -> None:
    e = circuit(latents=2)
    generator = np.random.default_rng(4)
    exact = {}
    for split, inferred in e.inferred.items():
        log_rates = inferred.latents @ np.array([[1.0, 0.5, 0.2], [-0.3, 0.8, 1.0]]) - 2
        exact[split] = np.exp(np.concatenate([log_rates] * 4, 2))
    reached = with_values(e, "rates", exact)
    assert value("latent_cycle_consistency", reached) == pytest.approx(1, abs=1e-4)
    hidden = {}
    for split, inferred in e.inferred.items():
        unread = inferred.latents.std() * generator.normal(size=(*inferred.latents.shape[:2], 2))
        hidden[split] = np.concatenate([inferred.latents, unread], 2)
    assert value("latent_cycle_consistency", with_values(reached, "latents", hidden)) < 0.7
    flat = with_values(e, "rates", {s: np.full_like(i.rates, 0.3) for s, i in e.inferred.items()})
    assert value("latent_cycle_consistency", flat) < 0.01
    assert score(metric("latent_cycle_consistency"), reached, {}, draws=50).baselines["shuffled"] < 0.2


def test_rate_gap_is_the_expected_loss_and_copying_the_counts_does_not_lower_it() -> None:
    e = circuit(ragged=False)
    test = e.trials["test"]
    true = test.truth["rates"]
    doubled = with_values(e, "rates", {s: 2 * t.truth["rates"] for s, t in e.trials.items()})
    assert value("rate_bps_gap", doubled) == pytest.approx((1 - np.log(2)) / np.log(2))
    gaps = []
    for seed in range(30):
        counts = np.random.default_rng(seed).poisson(true)
        signal = dataclasses.replace(test.signals["counts"], values=counts)
        fresh = {**e.trials, "test": dataclasses.replace(test, signals={"counts": signal})}
        measured = metric("rate_bps_gap").measure(Evaluation(fresh, e.inferred))
        gaps.append(measured.context["on_the_counts_themselves"] * counts.sum())
    assert np.mean(gaps) / true.sum() == pytest.approx(value("rate_bps_gap", e), rel=0.3)
    copied = with_values(e, "rates", {s: 0.5 * t.truth["rates"] + 0.5 * t.counts for s, t in e.trials.items()})
    measured = metric("rate_bps_gap").measure(copied)
    assert measured.context["on_the_counts_themselves"] < 0 < measured.value


def test_the_truth_knows_its_inputs() -> None:
    truth = with_truth(circuit())
    assert truth is not None
    np.testing.assert_array_equal(truth.inferred["test"].inputs, circuit().trials["test"].truth["inputs"])
