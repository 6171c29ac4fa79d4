"""A held-out subject's trials: none trains, calibration trials come first and balanced."""

import numpy as np
import pytest

from neurodyn.data.subject_splits import hold_out_subject
from neurodyn.data.trials import Trials
from neurodyn.errors import InvalidInput, UnknownName


def subject(numbers):
    conditions = np.repeat(np.arange(len(numbers)), numbers)
    conditions = np.random.default_rng(5).permutation(conditions)
    counts = np.arange(len(conditions))[:, None, None] * np.ones((1, 3, 2), int)
    return Trials.from_arrays(counts, bin_s=0.1, conditions=conditions)


def test_every_trial_calibrates_or_tests_and_calibration_comes_first():
    trials = hold_out_subject(subject([20, 25, 15, 20, 22, 18, 21, 19]), 0.5, 3)
    names = trials.table["split"].to_numpy()
    assert (names[:80] == "calibration").all() and (names[80:] == "test").all() and len(names) == 160
    rows = trials.counts[:, 0, 0]
    assert sorted(rows) == list(range(160)) and (np.diff(rows[80:]) > 0).all()
    for split in ("calibration", "test"):
        found = np.bincount(trials.part(split).conditions)
        assert (np.abs(found - np.array([20, 25, 15, 20, 22, 18, 21, 19]) / 2) <= 1).all()


@pytest.mark.parametrize("k", [4, 16, 64])
def test_the_first_k_are_as_balanced_as_k_can_be(k):
    trials = hold_out_subject(subject([20] * 8), 0.5, 1)
    found = np.bincount(trials.conditions[:k], minlength=8)
    assert found.max() - found.min() <= 1


def test_the_seed_decides():
    first, again, other = (hold_out_subject(subject([9] * 4), 0.4, seed).counts[:, 0, 0] for seed in (1, 1, 2))
    assert np.array_equal(first, again) and not np.array_equal(first, other)


def test_none_may_calibrate_and_conditions_may_be_missing():
    assert set(hold_out_subject(subject([9, 9]), 0.0).table["split"]) == {"test"}
    plain = Trials.from_arrays(np.zeros((10, 3, 2), int), bin_s=0.1)
    assert (hold_out_subject(plain, 0.3, stratify=None).table["split"] == "calibration").sum() == 3
    with pytest.raises(UnknownName, match="condition"):
        hold_out_subject(plain)
    for share in (1.0, -0.1):
        with pytest.raises(InvalidInput, match="calibration"):
            hold_out_subject(plain, share, stratify=None)
    with pytest.raises(InvalidInput, match="leaves a test trial"):
        hold_out_subject(plain.select([0]), 0.9, stratify=None)
