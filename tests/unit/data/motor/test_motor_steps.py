"""The steps from spikes to scores: windows, kernel, smoothing, onsets, targets, units, reaches, artefacts, components."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from neurodyn.data.motor.artefacts import artefact_times, within_trials
from neurodyn.data.motor.onset import STEP_S, movement_onsets
from neurodyn.data.motor.principal_components import PrincipalComponents
from neurodyn.data.motor.rates import gaussian_kernel, smooth_rates
from neurodyn.data.motor.reaches import centres, match_reaches, reach_conditions
from neurodyn.data.motor.scores import principal_scores
from neurodyn.data.motor.targets import target_ids
from neurodyn.data.motor.units import active_units
from neurodyn.data.motor.windows import REACH_WINDOW_S, WINDOWS_S, cut_windows, window_bins
from neurodyn.data.trials import Trials
from neurodyn.errors import InvalidInput


def test_windows_have_fifteen_bins_of_30_ms() -> None:
    assert window_bins(WINDOWS_S["execution"], 0.03).tolist() == list(range(-1, 14))
    assert window_bins(WINDOWS_S["preparation"], 0.03).tolist() == list(range(-13, 2))
    assert window_bins(REACH_WINDOW_S, 0.03).tolist() == list(range(12))
    assert window_bins(REACH_WINDOW_S, 0.05)[-1] == 7


def test_windows_that_leave_the_trial_are_dropped() -> None:
    mask = np.arange(10) < np.array([[10], [10], [6], [10]])
    values = np.arange(40.0).reshape(4, 10, 1)
    cut, kept = cut_windows(values, mask, np.array([3, 0, 4, 8]), np.array([-1, 0, 1, 2]))
    assert kept.tolist() == [0] and cut[0, :, 0].tolist() == [2, 3, 4, 5]


def test_the_kernel_is_the_published_one() -> None:
    kernel = gaussian_kernel(0.03)
    assert len(kernel) == 16 and kernel.sum() == pytest.approx(1, abs=1e-14)
    np.testing.assert_allclose(kernel, kernel[::-1])
    np.testing.assert_allclose(np.log(kernel[8] / kernel[9]), (1.5**2 - 0.5**2) / 2 / (5 / 3) ** 2)
    with pytest.raises(InvalidInput, match=r"at most 0\.5 s"):
        gaussian_kernel(0.6)


def test_smoothing_is_within_trials_reflected_and_blind_to_what_is_masked() -> None:
    generator = np.random.default_rng(0)
    counts = generator.poisson(3, (6, 20, 2)).astype(np.uint16)
    mask = np.arange(20) < np.array([20, 20, 12, 3, 20, 0])[:, None]
    mask[4, 7] = False
    found = smooth_rates(counts, mask, 0.03)
    kernel = gaussian_kernel(0.03)
    for trial in range(6):
        own = np.sqrt(counts[trial, mask[trial]].astype(float))
        n = len(own)
        # Bin i sees bins i − 7 to i + 8, reflected with the edge bin repeated.
        seen = [[own[(p if p < n else 2 * n - 1 - p)] for p in (np.arange(i - 7, i + 9) % (2 * n))] for i in range(n)]
        expected = np.array([kernel @ np.array(each) for each in seen]).reshape(n, 2) / 0.03
        np.testing.assert_allclose(found[trial, mask[trial]], expected, atol=1e-10)
    assert not found[~mask].any()
    np.testing.assert_array_equal(smooth_rates(np.where(mask[..., None], counts, 99), mask, 0.03), found)


def test_steady_firing_gives_the_root_of_its_count_over_the_bin() -> None:
    counts = np.full((2, 15, 1), 4)
    np.testing.assert_allclose(smooth_rates(counts, np.ones((2, 15), bool), 0.03), 2 / 0.03)


def test_targets_are_numbered_as_published() -> None:
    directions = np.arange(-3, 5) * np.pi / 4
    assert target_ids(directions).tolist() == list(range(8))
    assert target_ids(directions + 2 * np.pi).tolist() == list(range(8))
    assert target_ids(np.array([-np.pi])).tolist() == target_ids(np.array([np.pi])).tolist() == [7]
    for wrong in ([45.0], [np.nan]):
        with pytest.raises(InvalidInput, match="radians"):
            target_ids(np.array(wrong))


def test_onsets_are_found_before_the_peak_of_the_acceleration() -> None:
    time = np.arange(150) * STEP_S
    bump = 40 * np.exp(-(((time - 0.8) / 0.1) ** 2) / 2)
    ramp = np.where(time > 0.9, 30 * (time - 0.9), 0)  # too gentle for a peak
    early = bump + 60 * np.exp(-(((time - 0.1) / 0.05) ** 2) / 2)
    short = np.where(time < 0.5, bump, np.nan)
    found = movement_onsets(np.stack([bump, ramp, early, np.zeros(150), short]), np.full(5, 30))
    slope = np.diff(bump, prepend=0)
    assert found[0] == np.flatnonzero(slope[: slope.argmax()] < slope.max() / 2)[-1]
    assert ramp[found[1]] > 10 >= ramp[found[1] - 1]
    assert found[2] == found[0] and found[3:].tolist() == [-1, -1]


def test_units_of_every_area_are_filtered_by_their_rate() -> None:
    counts = np.zeros((4, 100, 3), int)
    counts[:, 0, 0], counts[:, :3, 1], counts[0, 50:, 2] = 2, 1, 100
    mask = np.ones((4, 100), bool)
    mask[0, 50:] = False
    # 8, 12 and 0 spikes (masked ones do not count) in 350 bins of 30 ms: 0.76, 1.14 and 0 Hz
    assert active_units(counts, mask, 0.03).tolist() == [False, True, False]
    assert active_units(counts, mask, 0.03, 0.5).tolist() == [True, True, False]


def test_reaches_are_grouped_by_start_and_direction() -> None:
    places = centres()
    assert places.shape == (13, 2) and len(np.unique(places, axis=0)) == 13
    start = np.repeat(places, 6, axis=0) + np.array([3, -4])
    angle = np.tile((np.arange(6) + 0.5) * np.pi / 3, 13)
    end = start + 5 * np.column_stack([np.cos(angle), np.sin(angle)])
    assert reach_conditions(start, end).tolist() == list(range(78))
    far = np.concatenate([start, start[:1] + np.array([2.5, 0]), start[:1] - np.array([2.5, 0])])  # the mean stays
    assert reach_conditions(far, far + 1)[-2:].tolist() == [-1, -1]


def test_reaches_are_matched_by_their_trajectories() -> None:
    generator = np.random.default_rng(1)
    x = generator.normal(size=(40, 12, 2)).cumsum(1)
    order = generator.permutation(40)[:30]
    of_x, of_y = match_reaches(x, x[order] + 0.01 * generator.normal(size=(30, 12, 2)), 100.0)
    assert len(of_y) == 30 and (order[of_y] == of_x).all()
    apart = 100 * x[:10]
    of_x, of_y = match_reaches(apart, np.concatenate([apart[1:] + 1, apart[:1] + 30]), 9.0)
    assert of_y.tolist() == list(range(9)) and of_x.tolist() == list(
        range(1, 10)
    )  # the pair that is 30 cm apart is left out
    with pytest.raises(InvalidInput, match="keep_percentile"):
        match_reaches(x, x, 0.0)


def test_artefacts_are_times_of_impossible_hands() -> None:
    times = np.arange(5.0)
    position, acceleration = np.zeros((5, 2)), np.zeros((5, 2))
    position[1, 1], acceleration[3] = -10.5, [1200, 1200]
    assert artefact_times(times, position, acceleration).tolist() == [1, 3]
    assert artefact_times(times, position, None).tolist() == [1]
    found = within_trials(np.array([1.0, 3.0]), np.array([0.0, 1.5, 3.0]), np.array([1.5, 2.9, 4.0]))
    assert found.tolist() == [True, False, True]


def test_components_are_those_of_the_masked_bins() -> None:
    generator = np.random.default_rng(2)
    latent = generator.normal(size=(30, 15, 2)) * [5, 2]
    rates = latent @ np.linalg.qr(generator.normal(size=(7, 2)))[0].T + 4
    mask = np.arange(15) < generator.integers(5, 16, (30, 1))
    spoiled = np.where(mask[..., None], rates, 1e6)
    found = PrincipalComponents.fit(spoiled, mask, 2)
    np.testing.assert_allclose(found.axes @ found.axes.T, np.eye(2), atol=1e-10)
    np.testing.assert_allclose(found(rates)[mask] @ found.axes + found.mean, rates[mask], atol=1e-9)
    assert found.variance.sum() == pytest.approx(1)
    with pytest.raises(InvalidInput, match="1 to 7"):
        PrincipalComponents.fit(rates, mask, 8)


def test_scores_smooth_whole_trials_before_the_window_is_cut() -> None:
    generator = np.random.default_rng(3)
    counts = generator.poisson(2, (20, 40, 6))
    mask = np.arange(40) < generator.integers(34, 41, (20, 1))
    onset = np.full(20, 18)
    onset[3] = 0
    whole = Trials.from_arrays(counts, bin_s=0.03, mask=mask, table=pd.DataFrame({"onset_bin": onset}))
    scores, kept_mask, kept = principal_scores(whole, "execution", 6)
    assert scores.shape == (19, 15, 6) and kept_mask.all() and 3 not in kept
    rates = smooth_rates(counts, mask, 0.03)[kept, 17:32]
    centred = rates - rates.mean((0, 1))
    np.testing.assert_allclose(
        np.linalg.norm(scores, axis=2), np.linalg.norm(centred, axis=2)
    )  # a rotation of the rates
    as_is, own, every = principal_scores(whole, None, 6)
    assert as_is.shape == (20, 40, 6) and np.array_equal(own, mask) and len(every) == 20 and not as_is[~mask].any()
    with pytest.raises(InvalidInput, match="onset_bin"):
        principal_scores(Trials.from_arrays(counts, bin_s=0.03), "execution")
