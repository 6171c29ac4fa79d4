"""Behaviour in bins equals that of the whole session, and series that cannot be used are named."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import signal

from neurodyn.data.nlb.behaviour import Series, decimated
from neurodyn.errors import InvalidInput


def whole_session(ms: np.ndarray, values: np.ndarray, length_ms: int, bin_ms: int) -> np.ndarray:
    """The plain way: the series on every millisecond, interpolated, decimated, NaN put back."""
    dense = np.full((length_ms, values.shape[1]), np.nan)
    dense[ms] = values
    missing = np.isnan(dense)
    for channel in range(values.shape[1]):
        there = np.flatnonzero(~missing[:, channel])
        dense[:, channel] = np.interp(np.arange(length_ms), there, dense[there, channel])
    out = signal.decimate(dense, bin_ms, axis=0, n=500, ftype="fir")
    out[missing[::bin_ms]] = np.nan
    return out


@pytest.mark.parametrize("bin_ms", [5, 20])
def test_equal_to_the_whole_session(bin_ms: int) -> None:
    rng = np.random.default_rng(0)
    length = 9003
    ms = np.r_[
        np.arange(40, 2500), np.arange(2700, 6000), np.arange(6900, length)
    ]  # starts late, two gaps, ends with the session
    values = np.cumsum(rng.normal(size=(len(ms), 2)), 0)
    values[1000:1100, 1] = np.nan
    expected = whole_session(ms, values, length, bin_ms)
    bins = 600 // bin_ms
    first = np.array([0, 300, 2300, 2600, 5900, 8300, 8700]) // bin_ms
    found = decimated(ms, values, first, bins, bin_ms, length)
    padded = np.concatenate([expected, np.full((bins, 2), np.nan)])
    wanted = padded[first[:, None] + np.arange(bins)]
    assert np.array_equal(np.isnan(found), np.isnan(wanted))
    assert np.isnan(wanted).any() and np.nanmax(np.abs(found - wanted)) < 1e-6 * np.nanmax(np.abs(wanted))


def test_no_sample_is_no_behaviour() -> None:
    found = decimated(np.arange(10), np.full((10, 2), np.nan), np.array([0]), 2, 5, 10)
    assert np.isnan(found).all()


def test_at_one_millisecond_nothing_is_filtered() -> None:
    values = np.random.default_rng(0).normal(size=(30, 1))
    assert np.allclose(decimated(np.arange(30), values, np.array([10]), 5, 1, 30)[0], values[10:15])


@pytest.mark.parametrize(
    ("series", "message"),
    [
        ({"rate_hz": 500.0}, "500 samples a second"),
        ({"rate_hz": 1000.0, "start_s": 0.0123}, "off the milliseconds"),
        ({"timestamps": np.arange(10) / 500}, "500 samples a second"),
        ({"timestamps": np.arange(10) / 1000 + 0.0004}, "off the milliseconds"),
        ({"timestamps": np.r_[np.arange(8), 7, 8] / 1000}, "goes back or comes twice at sample 8"),
        ({"timestamps": np.arange(9) / 1000}, "9 timestamps for 10 samples"),
        ({"timestamps": np.r_[np.arange(9), np.nan] / 1000}, "not finite"),
    ],
)
def test_series_that_cannot_be_used(series: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInput, match=message) as error:
        Series("hand_vel", np.zeros((10, 2)), file="train.nwb", **series).read()
    assert "train.nwb: hand_vel" in str(error.value)


def test_gaps_between_trials_are_fine() -> None:
    ms, values = Series("hand_vel", np.zeros(6), np.array([0, 1, 2, 500, 501, 502]) / 1000).read()
    assert ms.tolist() == [0, 1, 2, 500, 501, 502] and values.shape == (6, 1)
