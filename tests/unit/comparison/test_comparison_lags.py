"""Windows lie where lags say, and a planted lag is found."""

from __future__ import annotations

import numpy as np
import pytest

from neurodyn.comparison.lags import lag_range, lag_sweep, shared_lags, window_like
from neurodyn.comparison.preparation import Preparation
from neurodyn.errors import InvalidInput
from neurodyn.similarity.activity import Activity
from neurodyn.similarity.measures.procrustes import Procrustes

LAG = 0.07


def _smooth(seed: int, bins: int = 120) -> np.ndarray:
    noise = np.random.default_rng(seed).normal(size=(4, bins + 20, 6))
    return np.stack([np.cumsum(noise, 1)[:, k : k + bins] for k in range(20)]).mean(0)


@pytest.fixture
def pair() -> tuple[Activity, Activity]:
    """A reference of 50 bins and a longer copy, rotated, in which everything comes 70 ms later."""
    values = _smooth(0)
    rotation = np.linalg.qr(np.random.default_rng(1).normal(size=(6, 6)))[0]
    reference = Activity(values[:, 40:90], name="brain", bin_s=0.01, start_s=-0.2)
    return reference, Activity(values @ rotation, name="network", bin_s=0.01, start_s=-0.2 - 0.4 + LAG)


def test_a_planted_lag_is_found(pair: tuple[Activity, Activity]) -> None:
    reference, network = pair
    lags = shared_lags(reference, [network], -0.2, 0.2)
    found = lag_sweep(Procrustes(), reference, [network], lags, used_s=0.0)
    assert found.best_s == pytest.approx(LAG)
    assert found.values["network"].min() < 1e-6
    assert found.baseline is not None and found.baseline > 0.05
    assert found.span == pytest.approx(np.ptp(found.values["network"]))


def test_the_window_is_that_of_the_reference(pair: tuple[Activity, Activity]) -> None:
    reference, network = pair
    window = window_like(network, reference, LAG)
    assert np.array_equal(window.values, network.values[:, 40:90])
    assert window.start_s == pytest.approx(reference.start_s + LAG)


def test_lags_hold_zero_and_stay_within_range(pair: tuple[Activity, Activity]) -> None:
    reference, network = pair
    low, high = lag_range(network, reference)
    lags = shared_lags(reference, [network], most=9)
    assert len(lags) <= 9
    assert np.isclose(lags, 0).any()
    assert low <= lags.min() and lags.max() <= high


def test_clocks_that_are_not_whole_bins_apart_share_lags_of_their_own() -> None:
    reference = Activity(_smooth(2, 50)[:, :, :3], name="brain", bin_s=0.015, start_s=0.1)
    network = Activity(_smooth(3, 113)[:, :, :3], name="network", bin_s=0.015, start_s=-0.345)
    lags = shared_lags(reference, [network], most=100)
    assert np.isclose(lags, -0.1).any()
    for lag in lags:
        assert window_like(network, reference, float(lag)).bins == 50


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"lag_s": 2.0}, "lag_s"),
        ({"lag_s": 0.073}, "whole number of bins"),
        ({"bin_s": 0.02}, "bin width of network"),
    ],
)
def test_windows_that_cannot_be(pair: tuple[Activity, Activity], change: dict[str, float], said: str) -> None:
    reference, network = pair
    if "bin_s" in change:
        network = Activity(network.values, name="network", bin_s=change["bin_s"])
    with pytest.raises(InvalidInput, match=said):
        window_like(network, reference, change.get("lag_s", 0.0))


def test_activities_without_a_clock_have_no_lag(pair: tuple[Activity, Activity]) -> None:
    reference, network = pair
    timeless = Activity(network.values, name="network")
    assert window_like(timeless, reference) is timeless
    with pytest.raises(InvalidInput, match="lag_s"):
        window_like(timeless, reference, 0.1)
    with pytest.raises(InvalidInput, match="bin_s"):
        lag_range(timeless, reference)


def test_the_mean_of_one_condition_cannot_be_taken_out(pair: tuple[Activity, Activity]) -> None:
    with pytest.raises(InvalidInput, match="one condition"):
        Preparation(without_mean=True).of(pair[0].take(rows=slice(1)))
