"""Chance and intervals of the mean correlation of paired trials."""

from __future__ import annotations

import numpy as np
import pytest

from alignment_cases import BINS, LATENTS, aligned, smooth
from neurodyn.alignment.paired_means import interval_over_subjects, mean_r, permutation_p
from neurodyn.alignment.trial_pairs import TrialPairs, across_modalities, across_subjects, within_subjects


def unrelated(rng: np.random.Generator, n: int = 15) -> TrialPairs:
    """Two sets of trials whose labels say nothing."""
    x, y = (smooth(rng, n, BINS, LATENTS).reshape(n, -1) for _ in range(2))
    r = np.corrcoef(x, y)[:n, n:]
    row, same = np.arange(n), np.eye(n, dtype=bool)
    return TrialPairs("x / y", ("x", "y"), ("x", "y"), same, ~same, row, row, r)


def test_p_is_uniform_where_labels_say_nothing() -> None:
    from scipy.stats import kstest

    rng = np.random.default_rng(0)
    p = [permutation_p([unrelated(rng)], permutations=199, seed=k) for k in range(300)]
    assert kstest(p, "uniform").pvalue > 0.01
    assert np.mean(np.array(p) <= 0.05) == pytest.approx(0.05, abs=0.03)


def test_p_of_repeats_within_a_subject_is_uniform_too() -> None:
    from scipy.stats import kstest

    rng = np.random.default_rng(1)
    found = []
    for k in range(200):
        z = smooth(rng, 16, BINS, LATENTS).reshape(16, -1)
        label = np.arange(16) // 4
        same = label[:, None] == label
        pair = TrialPairs("x", ("x",), ("x", "x"), same & ~np.eye(16, dtype=bool), ~same, label, label, np.corrcoef(z))
        found.append(permutation_p([pair], permutations=199, seed=k))
    assert kstest(found, "uniform").pvalue > 0.01


def test_p_is_the_smallest_there_is_where_labels_say_much() -> None:
    alignment = aligned()
    for pairs in (across_subjects(alignment, "time", True), across_modalities(alignment, "time", True)):
        assert permutation_p(pairs, permutations=499) == pytest.approx(1 / 500)
    assert permutation_p(within_subjects(aligned(stimuli=6, repeats=4), "time", True)) == pytest.approx(1 / 1001)


def test_permutations_in_blocks_are_as_many(monkeypatch: pytest.MonkeyPatch) -> None:
    pairs = [unrelated(np.random.default_rng(3))]
    whole = permutation_p(pairs, permutations=400)
    monkeypatch.setattr("neurodyn.alignment.paired_means._BLOCK", 15 * 100)
    assert permutation_p(pairs, permutations=400) == pytest.approx(whole, abs=0.1)


def test_pairs_without_a_shared_bin_are_left_out() -> None:
    p = unrelated(np.random.default_rng(0))
    r = p.r.copy()
    r[0, 0] = np.nan
    missing = TrialPairs(p.name, p.subjects, p.sides, p.paired, p.unpaired, p.row, p.other_row, r)
    assert mean_r(aligned(), [missing], "paired").value == pytest.approx(np.diag(p.r)[1:].mean())
    assert np.isfinite(permutation_p([missing], permutations=50))


def test_a_draw_is_a_weighted_mean_of_stimuli() -> None:
    p = unrelated(np.random.default_rng(0))
    found = mean_r(aligned(), [p], "paired")
    weight = np.random.default_rng(1).integers(0, 4, 15).astype(float)
    assert found.under(weight[None])[0] == pytest.approx(np.average(np.diag(p.r), weights=weight))


def test_subjects_are_resampled_from_three_on() -> None:
    two, three = aligned(), aligned(names=("b", "c", "d"))
    assert interval_over_subjects(two, across_subjects(two, "time", True)) is None
    pairs = across_subjects(three, "time", True)
    interval = interval_over_subjects(three, pairs)
    assert interval is not None
    value = mean_r(three, pairs, "paired").value
    assert interval[0] < value < interval[1] and interval[1] - interval[0] < 0.2
