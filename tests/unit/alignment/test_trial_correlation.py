"""All-pairs correlations against NumPy's, one pair at a time."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alignment_cases import BINS, smooth
from neurodyn.alignment.trial_correlation import TrialSeries, trial_correlations


def lengths(rng: np.random.Generator, n: int, bins: int = BINS) -> np.ndarray:
    return np.arange(bins) < np.append(rng.integers(4, bins + 1, n - 1), bins)[:, None]


@pytest.mark.parametrize("centring", ["raw", "feature", "time"])
def test_every_pair_is_numpys_over_the_bins_both_have(centring) -> None:
    rng = np.random.default_rng(0)
    masks = [lengths(rng, n) for n in (7, 5)]
    latents = [np.where(m[..., None], 3 + smooth(rng, *m.shape, 4), np.nan) for m in masks]
    x, y = (TrialSeries.of(z.astype(np.float32), m, centring) for z, m in zip(latents, masks))
    found = trial_correlations(x, y)
    axes = {"raw": None, "feature": (0, 1), "time": 0}[centring]
    centred = [z - (0 if axes is None else np.nanmean(z, axes)) for z in latents]
    for i in range(7):
        for j in range(5):
            both = masks[0][i] & masks[1][j]
            expected = np.corrcoef(centred[0][i, both].ravel(), centred[1][j, both].ravel())[0, 1]
            assert found[i, j] == pytest.approx(expected, abs=1e-6)


def test_identical_trials_have_one_and_different_lengths_meet_where_both_are() -> None:
    rng = np.random.default_rng(0)
    z = smooth(rng, 6, BINS, 3)
    full = np.ones(z.shape[:2], bool)
    series = TrialSeries.of(z, full, "time")
    np.testing.assert_allclose(np.diag(trial_correlations(series, series)), 1)
    longer = TrialSeries.of(np.pad(z, ((0, 0), (0, 4), (0, 0))), np.ones((6, BINS + 4), bool), "time")
    np.testing.assert_allclose(trial_correlations(series, longer), trial_correlations(series, series))


def test_trials_that_share_no_bin_have_no_correlation() -> None:
    z = smooth(np.random.default_rng(0), 3, BINS, 2)
    early = np.tile(np.arange(BINS) < 8, (3, 1))
    r = trial_correlations(TrialSeries.of(z, early, "raw"), TrialSeries.of(z, ~early, "raw"))
    assert np.isnan(r).all()


def test_what_does_not_vary_has_zero_not_rounding() -> None:
    z = np.broadcast_to(np.float32(0.1) + np.linspace(0, 1, 4, dtype=np.float32), (5, BINS, 4))
    series = TrialSeries.of(z, np.ones((5, BINS), bool), "time")
    assert (trial_correlations(series, series) == 0).all()
    nothing = TrialSeries.of(z[..., :0], np.ones((5, BINS), bool), "time")
    assert (trial_correlations(nothing, nothing) == 0).all()


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 1000), size=st.floats(0.1, 1000))
def test_a_pattern_common_to_all_trials_changes_raw_but_not_time_centred(seed: int, size: float) -> None:
    rng = np.random.default_rng(seed)
    z, mask = smooth(rng, 8, BINS, 3), lengths(rng, 8)
    pattern = size * rng.normal(size=(BINS, 3))
    before, after = (trial_correlations(*(TrialSeries.of(v, mask, "time") for _ in range(2))) for v in (z, z + pattern))
    np.testing.assert_allclose(after, before, atol=1e-6)


def test_a_large_pattern_takes_raw_to_one_for_all_pairs_alike() -> None:
    rng = np.random.default_rng(0)
    z = smooth(rng, 8, BINS, 3) + 100 * rng.normal(size=(BINS, 3))
    series = TrialSeries.of(z, np.ones(z.shape[:2], bool), "raw")
    assert trial_correlations(series, series).min() > 0.999
