"""Velocity R²: exact behaviour, lags, groups, missing bins, recorded order, and what it refuses."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import Ridge
from sklearn.metrics import r2_score
from sklearn.model_selection import GridSearchCV

from neurodyn.data.inference import Inference
from neurodyn.data.trials import Trials
from neurodyn.errors import InvalidInput
from neurodyn.metrics.base import Evaluation, score
from neurodyn.metrics.velocity_r2 import PENALTIES, VelocityR2, velocity_r2

BINS, UNITS, FORWARD = 20, 6, 4


def linear(seed: int = 0, noise: float = 0.0, lag: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Rates and velocity of 30 train and 14 test trials; velocity is linear in the rates `lag` bins before."""
    generator = np.random.default_rng(seed)
    weights = generator.normal(size=(UNITS, 2))

    def part(trials: int) -> tuple[np.ndarray, np.ndarray]:
        rates = generator.gamma(2, 2, (trials, BINS + lag, UNITS))
        velocity = rates @ weights
        velocity += noise * generator.normal(size=velocity.shape)
        return rates[:, lag:], velocity[:, :BINS]

    return *part(30), *part(14)


def case(seed: int = 0, *, groups: bool = False) -> Evaluation:
    """Trials as the benchmark's data sets give them: every third training row is a valid trial, `trial_id` is their order."""
    generator = np.random.default_rng(seed)
    weights = generator.normal(size=(2, UNITS, 2))
    trials, inferred = {}, {}
    recorded = np.arange(45)
    rows = {"train": recorded[recorded % 3 > 0], "valid": recorded[recorded % 3 == 0], "test": 45 + np.arange(20)}
    for split, ids in rows.items():
        n = len(ids)
        rates = generator.gamma(2, 1, (n, BINS, UNITS))
        group = ids % 2 if groups else np.zeros(n, int)
        velocity = np.einsum("ntu,nuc->ntc", rates[:, : BINS - FORWARD], weights[group])
        velocity += generator.normal(size=velocity.shape)
        velocity[1, 3:6] = np.nan
        trials[split] = Trials.from_arrays(
            generator.poisson(rates),
            bin_s=0.005,
            heldin=range(4),
            forward=FORWARD,
            behaviour={"velocity": velocity},
            table=pd.DataFrame({"trial_id": ids, "decode_group": group}),
        )
        inferred[split] = Inference(0.005, rates=rates.astype(np.float32))
    return Evaluation(trials, inferred)


def test_exact_linear_behaviour_is_decoded_whatever_the_offset() -> None:
    rates, velocity, test_rates, test_velocity = linear()
    assert velocity_r2(rates, velocity, test_rates, test_velocity).value > 0.9999
    assert velocity_r2(rates, velocity + 1e4, test_rates, test_velocity + 1e4).value > 0.9999


def test_a_delayed_map_is_decodable_with_the_right_lag_only() -> None:
    rates, velocity, test_rates, test_velocity = linear(lag=3)
    assert velocity_r2(rates, velocity, test_rates, test_velocity).value < 0.1
    assert velocity_r2(rates[:, :-3], velocity[:, 3:], test_rates[:, :-3], test_velocity[:, 3:]).value > 0.9999


def test_swapped_groups_are_noticed_and_a_negative_group_has_no_decoder() -> None:
    rates, velocity, test_rates, test_velocity = linear()
    group, test_group = np.arange(30) % 2, np.arange(14) % 2
    velocity[group == 1] *= -1
    test_velocity[test_group == 1] *= -1
    right = velocity_r2(rates, velocity, test_rates, test_velocity, group, test_group)
    assert right.value > 0.9999 and len(right.context["penalties"]) == 2
    assert velocity_r2(rates, velocity, test_rates, test_velocity, group, 1 - test_group).value < 0
    velocity[0], test_velocity[3] = 1e3, -1e3
    group[0] = test_group[3] = -1
    assert velocity_r2(rates, velocity, test_rates, test_velocity, group, test_group).value > 0.9999


def test_folds_cut_trials_and_skip_missing_bins_as_scikit_learn_does() -> None:
    rates, velocity, test_rates, test_velocity = linear(noise=20)
    velocity[np.random.default_rng(1).random((30, BINS)) < 0.13] = np.nan
    test_velocity[2:5, 7:] = np.nan
    used, scored = ~np.isnan(velocity[..., 0]), ~np.isnan(test_velocity[..., 0])
    peer = GridSearchCV(Ridge(), {"alpha": PENALTIES}).fit(rates[used], velocity[used])
    ours = velocity_r2(rates, velocity, test_rates, test_velocity)
    assert ours.context["penalties"] == [peer.best_params_["alpha"]]
    assert ours.value == pytest.approx(peer.score(test_rates[scored], test_velocity[scored]), abs=1e-12)


def test_the_quick_mode_takes_one_penalty() -> None:
    rates, velocity, test_rates, test_velocity = linear(noise=20)
    ours = velocity_r2(rates, velocity, test_rates, test_velocity, search=False)
    peer = Ridge(alpha=0.01).fit(rates.reshape(-1, UNITS), velocity.reshape(-1, 2))
    expected = r2_score(test_velocity.reshape(-1, 2), peer.predict(test_rates.reshape(-1, UNITS)))
    assert ours.value == pytest.approx(expected, abs=1e-12)


def test_bad_numbers_are_named_where_they_are_used_only() -> None:
    rates, velocity, test_rates, test_velocity = linear()
    value = velocity_r2(rates, velocity, test_rates, test_velocity).value
    velocity[4, 7], rates[4, 7, 2] = np.nan, np.nan
    assert velocity_r2(rates, velocity, test_rates, test_velocity).value == pytest.approx(value, abs=1e-6)
    rates[5, 8, 1] = np.inf
    with pytest.raises(InvalidInput, match="trial 5, bin 8, unit 1 of train"):
        velocity_r2(rates, velocity, test_rates, test_velocity)
    rates[5, 8, 1] = 1
    velocity[6, 2, 1] = np.nan
    with pytest.raises(InvalidInput, match="trial 6, bin 2, channel 1"):
        velocity_r2(rates, velocity, test_rates, test_velocity)
    velocity[6, 2, 1] = 0
    with pytest.raises(InvalidInput, match="test velocity"):
        velocity_r2(rates, velocity, test_rates, np.full_like(test_velocity, np.nan))
    with pytest.raises(InvalidInput, match="group 3 in test trials only"):
        velocity_r2(rates, velocity, test_rates, test_velocity, np.zeros(30, int), np.full(14, 3))


@pytest.mark.parametrize("groups", [False, True])
def test_the_metric_fits_train_and_valid_in_recorded_order_on_observed_bins(groups: bool) -> None:
    e = case(groups=groups)
    seen = BINS - FORWARD
    rates, velocity, group = np.empty((45, seen, UNITS)), np.empty((45, seen, 2)), np.empty(45, int)
    for split in ("train", "valid"):
        ids = e.trials[split].table["trial_id"].to_numpy()
        rates[ids] = e.inferred[split].rates[:, :seen]
        velocity[ids] = e.trials[split].signals["velocity"].values
        group[ids] = e.trials[split].table["decode_group"]
    test = e.trials["test"]
    expected = velocity_r2(
        rates,
        velocity,
        e.inferred["test"].rates[:, :seen].astype(float),
        test.signals["velocity"].values,
        group,
        test.table["decode_group"].to_numpy(),
    )
    assert VelocityR2().applies(e)
    ours = VelocityR2().measure(e)
    assert ours.value == pytest.approx(expected.value, abs=1e-12)
    assert ours.context == expected.context
    e.inferred["train"].rates[:, seen:] = np.nan
    assert VelocityR2().measure(e).value == ours.value


def test_masked_bins_do_not_count() -> None:
    e = case()
    for trials in e.trials.values():
        trials.mask[:4, 10:] = False
        trials.signals["velocity"].values[:4, 10:] = 1e5
    assert VelocityR2().measure(e).value > 0.4


def test_it_applies_where_velocity_and_decode_groups_are() -> None:
    e = case()
    withheld = np.full_like(e.trials["test"].signals["velocity"].values, np.nan)
    test = Trials.from_arrays(
        e.trials["test"].counts,
        bin_s=0.005,
        forward=FORWARD,
        behaviour={"velocity": withheld},
        table=e.trials["test"].table,
    )
    assert not VelocityR2().applies(Evaluation({**e.trials, "test": test}, e.inferred))
    bare = Trials.from_arrays(e.trials["test"].counts, bin_s=0.005, behaviour={"velocity": np.ones((20, BINS, 2))})
    assert not VelocityR2().applies(Evaluation({**e.trials, "test": bare}, e.inferred))


def test_a_bootstrap_draw_is_the_score_of_the_drawn_trials_about_the_means_of_all() -> None:
    e = case()
    found = score(VelocityR2(), e, draws=300)
    low, high = found.interval
    assert low < found.value < high and found.n == 20
    measured = VelocityR2().measure(e)
    assert measured.under(np.ones((1, 20)))[0] == measured.value
    assert measured.under(np.full((1, 20), 3.0))[0] == pytest.approx(measured.value, abs=1e-12)
