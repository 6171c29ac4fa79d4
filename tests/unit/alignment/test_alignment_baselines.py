"""The population's rate as a latent, and principal components aligned by canonical correlation."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest
from scipy.ndimage import gaussian_filter1d

from alignment_cases import BINS, aligned, smooth
from neurodyn import registry
from neurodyn.alignment.base import AlignedSubject, Alignment
from neurodyn.alignment.pca_cca import pca_cca
from neurodyn.alignment.population_rate import population_rate
from neurodyn.data.signal import Signal
from neurodyn.data.trials import Trials
from neurodyn.errors import InvalidInput


def recorded(
    column: str = "stimulus", stimuli: int = 30, repeats: int = 1, gain: float = 0.0, lengths: bool = False
) -> Alignment:
    """Two subjects whose units read the same four latents, each in its own way."""
    rng = np.random.default_rng(0)
    shown = smooth(rng, stimuli, BINS, 4)[np.tile(np.arange(stimuli), repeats)]
    labels = np.tile([f"s{i}" for i in range(stimuli)], repeats)
    subjects = {}
    for name in ("b", "c"):
        weights = rng.normal(size=(4, 40))
        weights[0] += gain
        activity = shown @ weights + 0.5 * rng.normal(size=(len(shown), BINS, 40)) + rng.normal(size=40)
        mask = (
            np.arange(BINS)
            < (rng.integers(12, BINS + 1, len(shown)) if lengths else np.full(len(shown), BINS))[:, None]
        )
        activity = activity.astype(np.float32)
        activity[~mask] = 1e6
        trials = Trials.from_arrays(
            fluorescence=activity, bin_s=0.02, table=pd.DataFrame({column: labels}), mask=mask, session=name
        )
        subjects[name] = AlignedSubject(name, trials, rng.normal(size=(len(shown), BINS, 8)), zero_shot=True)
    return Alignment(subjects)


def test_the_rate_is_the_mean_of_standardised_units_smoothed() -> None:
    alignment = recorded()
    found = population_rate(alignment).subjects["b"]
    x = np.asarray(alignment.subjects["b"].trials.neural.values, np.float64)
    z = ((x - x.mean((0, 1))) / x.std((0, 1))).mean(-1)
    expected = gaussian_filter1d(z, 2.0, 1, mode="constant") / gaussian_filter1d(
        np.ones_like(z), 2.0, 1, mode="constant"
    )
    np.testing.assert_allclose(found.latents[..., 0], expected, atol=1e-6)
    assert found.zero_shot and not found.beside and not found.predicted


def test_blocks_of_trials_and_bins_outside_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    alignment = recorded(lengths=True)
    whole = population_rate(alignment).subjects["b"]
    monkeypatch.setattr("neurodyn.alignment.activity_blocks._ENTRIES", 3 * BINS * 40)
    pieces = population_rate(alignment).subjects["b"]
    np.testing.assert_allclose(pieces.latents, whole.latents, atol=1e-9)
    assert np.abs(whole.latents).max() < 10


def test_units_that_are_not_known_do_not_count() -> None:
    alignment = recorded()
    s = alignment.subjects["b"]
    known = np.ones(s.trials.neural.values.shape, bool)
    known[::2, :, :20] = False
    values = np.where(known, s.trials.neural.values, 1e6).astype(np.float32)
    signals = {"fluorescence": Signal(values, "fluorescence", "neural", 0.02, mask=known)}
    found = population_rate(
        Alignment({"b": dataclasses.replace(s, trials=dataclasses.replace(s.trials, signals=signals))})
    )
    assert np.abs(found.subjects["b"].latents).max() < 10


def test_a_shared_gain_is_all_that_the_rate_carries() -> None:
    shared, own = (population_rate(recorded(gain=g)) for g in (2.0, 0.0))
    headline = registry.load("alignment_measures", "cross_subject_r")()
    assert headline.measure(shared).value > 0.9 > 0.5 > headline.measure(own).value
    assert registry.load("alignment_measures", "effective_dimension")().measure(shared).value == pytest.approx(1)


@pytest.mark.parametrize("given", [{}, {"lengths": True}, {"column": "condition", "stimuli": 8, "repeats": 6}])
def test_canonical_correlation_finds_what_subjects_share(given: dict[str, object]) -> None:
    alignment = recorded(**given)  # type: ignore[arg-type]
    found = pca_cca(alignment)
    assert found["cross_subject_r"].value > 0.9 and abs(found["cross_subject_r_unpaired"].value) < 0.2
    (fitted,) = found["cross_subject_r"].context["canonical_correlations"].values()
    assert len(fitted) == 4 and min(fitted) > 0.9
    for name, each in found.items():
        own = registry.load("alignment_measures", name)().measure(alignment)
        assert each.sums.shape == own.sums.shape  # the same rows, so that differences pair


def test_canonical_correlation_finds_nothing_where_labels_are_shuffled() -> None:
    alignment = recorded(stimuli=60)
    c = alignment.subjects["c"]
    table = pd.DataFrame({"stimulus": np.random.default_rng(0).permutation(c.labels("stimulus"))})
    other = dataclasses.replace(c, trials=dataclasses.replace(c.trials, table=table))
    assert abs(pca_cca(Alignment({"b": alignment.subjects["b"], "c": other}))["cross_subject_r"].value) < 0.15


def test_too_little_to_halve_is_refused() -> None:
    one = aligned(stimuli=1)
    with pytest.raises(InvalidInput, match="too few trials that pair"):
        pca_cca(one)
    apart = Alignment({"b": one.subjects["b"], "a": one.training["a"]})
    with pytest.raises(InvalidInput, match="do not pair"):
        pca_cca(apart)
