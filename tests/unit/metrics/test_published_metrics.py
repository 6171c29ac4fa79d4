"""The published measures against scikit-learn and the shape distance: all trials, inside the mask only."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from circuit_cases import SPLITS, circuit, rows
from sklearn.linear_model import LinearRegression
from sklearn.metrics import r2_score

from neurodyn import registry
from neurodyn.metrics.base import Evaluation, Metric, score, score_all
from neurodyn.similarity.shape_distance import LINEAR, ROTATION, dimension_floor, shape_distance

PUBLISHED = [name for name in registry.names("metrics") if name.startswith("published_")]
OF = {"rate": "rates", "latent": "latents", "input": "inputs"}


def metric(name: str) -> Metric:
    return registry.load("metrics", name)()


def regressed(e: Evaluation, name: str) -> tuple[LinearRegression, np.ndarray, np.ndarray, bool]:
    what, backward = OF[name.split("_")[1]], "backward" in name
    x, y = rows(e, "all", what)[:: -1 if backward else 1]
    return LinearRegression().fit(x, y), x, y, backward


def test_all_that_were_published_are_there_on_request_only() -> None:
    r2 = ["rate_r2", "latent_r2_forward", "latent_r2_backward", "input_r2_forward", "input_r2_backward"]
    distances = [f"{what}_procrustes_{kind}" for what in ("latent", "input") for kind in ("lin", "rot")]
    expected = [*r2, *(f"{name}_by_trial" for name in r2), *distances]
    assert {f"published_{name}" for name in expected} == set(PUBLISHED)
    e = circuit()
    assert not set(PUBLISHED) & {s.name for s in score_all(e, draws=10)}
    for name in PUBLISHED:
        definition = metric(name).definition
        assert "all trials, training trials included; kept for comparison only" in definition


@pytest.mark.parametrize("name", [n for n in PUBLISHED if "r2" in n and "by_trial" not in n])
def test_r2_is_that_of_scikit_learn_over_all_trials(name: str) -> None:
    e = circuit()
    fitted, x, y, _ = regressed(e, name)
    measured = metric(name).measure(e)
    assert measured.value == pytest.approx(r2_score(y, fitted.predict(x), multioutput="uniform_average"), abs=1e-6)
    assert len(measured.sums) == sum(n for _, n in SPLITS)


@pytest.mark.parametrize("name", [n for n in PUBLISHED if "by_trial" in n])
def test_r2_by_trial_is_the_mean_over_trials_of_the_same_regression(name: str) -> None:
    e = circuit()
    fitted, _, _, backward = regressed(e, name)
    what, each = OF[name.split("_")[1]], []
    for split, n in SPLITS:
        trials, inferred = e.trials[split], getattr(e.inferred[split], what)
        for k in range(n):
            pair = inferred[k][trials.mask[k]].astype(float), trials.truth[what][k][trials.mask[k]]
            x, y = pair[::-1] if backward else pair
            each.append(r2_score(y, fitted.predict(x)))
    measured = metric(name).measure(e)
    assert measured.value == pytest.approx(np.mean(each), abs=1e-4)
    assert measured.context["median"] == pytest.approx(np.median(each), abs=1e-5)


@pytest.mark.parametrize("name", [n for n in PUBLISHED if "procrustes" in n])
def test_distance_is_the_shape_distance_of_all_bins(name: str) -> None:
    e = circuit()
    x, y = rows(e, "all", OF[name.split("_")[1]])
    alpha = LINEAR if name.endswith("lin") else ROTATION
    found = score(metric(name), e, {}, draws=200)
    assert found.value == pytest.approx(shape_distance(x, y, alpha), abs=1e-6)
    assert found.direction == "lower" and found.interval[0] - 1e-9 <= found.value <= found.interval[1] + 1e-9
    assert ("floor" in found.baselines) == (alpha == LINEAR)


def test_floors_are_those_of_the_dimensions() -> None:
    e = circuit(latents=5, inputs=3)
    for name, few, many in (("latent", 2, 5), ("input", 1, 3)):  # the input's two channels are one dimension
        found = score(metric(f"published_{name}_procrustes_lin"), e, {}, draws=20)
        assert found.baselines["floor"] == pytest.approx(dimension_floor(few, many), abs=0.01)
        assert found.value == pytest.approx(found.baselines["floor"], abs=0.02)


def test_rot_forgives_a_rotation_and_lin_any_map() -> None:
    e = circuit(latents=2, noise=0)
    turn = np.array([[0.6, 0.8], [-0.8, 0.6]])
    for kind, image in (("rot", 3 * turn), ("lin", np.array([[1, 0.4], [0, 2.0]]))):
        moved = {s: dataclasses.replace(i, latents=e.trials[s].truth["latents"] @ image) for s, i in e.inferred.items()}
        other = Evaluation(e.trials, moved)
        assert metric(f"published_latent_procrustes_{kind}").measure(other).value < 1e-3
    assert metric("published_latent_procrustes_rot").measure(other).value > 0.1


@pytest.mark.parametrize("name", PUBLISHED)
def test_nothing_outside_the_mask_is_read_and_baselines_stand_beside(name: str) -> None:
    found = score(metric(name), circuit(), {}, draws=100)
    assert score(metric(name), circuit(nothing_outside=True), None, draws=100).value == pytest.approx(found.value)
    better = max if found.direction == "higher" else min
    assert better(found.value, found.baselines["shuffled"]) == found.value
    expected = {"rate": {"true_latents"}, "latent": set(), "input": {"state", "true_latents", "true_rates"}}
    assert expected[name.split("_")[1]] | {"smoothed_spikes", "shuffled"} <= set(found.baselines)
    assert "training trials included" in found.context["interval"] and found.n == sum(n for _, n in SPLITS)


def test_no_input_measures_without_inferred_inputs() -> None:
    e = circuit(inputs=0)
    assert not any(metric(n).applies(e) for n in PUBLISHED if "input" in n)
    assert all(metric(n).applies(e) for n in PUBLISHED if "input" not in n)


def test_splits_come_together_in_recorded_order() -> None:
    e = circuit()
    order = np.random.default_rng(5).permutation(sum(n for _, n in SPLITS))
    plain = metric("published_latent_r2_forward").measure(e)
    start, numbered = 0, {}
    for split, n in SPLITS:
        trials = e.trials[split]
        numbered[split] = dataclasses.replace(trials, table=trials.table.assign(trial_id=order[start : start + n]))
        start += n
    other = metric("published_latent_r2_forward").measure(Evaluation(numbered, e.inferred))
    np.testing.assert_allclose(other.sums[order], plain.sums, atol=1e-9)
    assert other.value == pytest.approx(plain.value)
